import { exitCodes, ZakenakError } from './error.ts';

/** Stars of one name before its last character: each one multiplies the time by the name's length. */
const mostStars = 3;
/** Patterns that braces and groups stand for. */
const mostAlternatives = 256;
/** `**` of one pattern. */
const mostDepths = 4;

/**
 * Refuses a glob that node's matcher, which backtracks, might take minutes for on a long name: a change chooses the names that it is matched against. Throws ZakenakError
 * `input/heavy-glob`.
 */
export function assertLightGlob(pattern: string): void {
  const why = /[+*]\(/.test(pattern)
    ? 'it repeats a group'
    : pattern.split('/').filter((part) => part === '**').length > mostDepths
      ? `it has more than ${mostDepths} **`
      : whyHeavy(weigh(pattern, false));
  if (why !== undefined) throw heavyGlob(pattern, why);
}

interface Weight {
  readonly stars: number;
  readonly alternatives: number;
}

function whyHeavy({ stars, alternatives }: Weight): string | undefined {
  if (stars > mostStars) return `it has more than ${mostStars} stars within one name`;
  return alternatives > mostAlternatives
    ? `its groups stand for more than ${mostAlternatives} patterns`
    : undefined;
}

/** The stars of its heaviest name, and how many patterns it stands for. Of a group's alternatives the heaviest counts, with all of its stars. */
function weigh(pattern: string, isAlternative: boolean): Weight {
  let alternatives = 1;
  let here = 0;
  let most = 0;
  const add = (stars: number) => {
    here += stars;
    most = Math.max(most, here);
  };
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index];
    if (character === '/') here = 0;
    else if (character === '*') {
      while (pattern[index + 1] === '*') index += 1;
      const next = pattern[index + 1];
      if (isAlternative || (next !== undefined && next !== '/')) add(1);
    } else if (character === '{' || (character === '(' && /[?@!]/.test(pattern[index - 1] ?? ''))) {
      const kind = character === '{' ? '@' : pattern[index - 1];
      const group = readGroup(pattern, index);
      const weights = group.parts.map((part) => weigh(part, true));
      alternatives *= weights.reduce((sum, weight) => sum + weight.alternatives, kind === '?' ? 1 : 0);
      // What is not in a group is any text: a star.
      add(Math.max(...weights.map(({ stars }) => stars)) + (kind === '!' ? 1 : 0));
      index = group.end;
    }
  }
  return { stars: most, alternatives };
}

/** The alternatives of the group that begins at `start`, in braces or in parentheses; a range counts as its numbers. One without an end is text, and counts as if it had one. */
function readGroup(
  pattern: string,
  start: number,
): { readonly parts: readonly string[]; readonly end: number } {
  const [open, close, between] = pattern[start] === '{' ? '{},' : '()|';
  let depth = 0;
  let end = start;
  let from = start + 1;
  const parts: string[] = [];
  for (; end < pattern.length; end += 1) {
    const character = pattern[end];
    if (character === open) depth += 1;
    else if (character === close) depth -= 1;
    if (depth === 0) break;
    if (character !== between || depth > 1) continue;
    parts.push(pattern.slice(from, end));
    from = end + 1;
  }
  parts.push(pattern.slice(from, end));
  const range = /^(-?\d{1,9})\.\.(-?\d{1,9})/.exec(parts.length === 1 ? (parts[0] ?? '') : '');
  const size = range ? Math.abs(Number(range[2]) - Number(range[1])) + 1 : 0;
  return { parts: size > 0 ? Array<string>(Math.min(size, mostAlternatives + 1)).fill('') : parts, end };
}

function heavyGlob(pattern: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'input/heavy-glob',
    message: `The pattern ${JSON.stringify(pattern.slice(0, 120))} could take minutes to match: ${why}.`,
    remedy: 'Write several simpler patterns instead.',
    exitCode: exitCodes.badInput,
  });
}
