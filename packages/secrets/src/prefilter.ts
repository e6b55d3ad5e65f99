import { isEscape, mayDecode } from './encodings.ts';
import { buildKeywordAutomaton } from './keywords.ts';
import type { Rule } from './rules.ts';

/** Tells the texts in which gitleaks can find nothing. */
export interface Prefilter {
  /**
   * False only where no rule can find anything in the lines that a commit adds in one place of a file; `path` undefined: any. A function tells it after looking with expressions, which
   * may take long: call it under a watchdog.
   */
  mayLeak(lines: Uint8Array, path: string | undefined): boolean | (() => boolean);
}

/** Bytes. Longer texts are gitleaks' to judge: our expressions may take the square of the length. */
export const longest = 128 * 1024;
// One bit each of what a byte may be part of.
const inRun = 1;
const escapes = 2;
const beyondAscii = 4;
const kinds = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80) return beyondAscii;
  const run = /[\w/+-]/.test(String.fromCharCode(byte)) ? inRun : 0;
  return run | (byte === 0x25 || byte === 0x5c || byte === 0x55 ? escapes : 0);
});
// U+0130 and U+212A become i and k in lower case, and U+017F matches s.
const folded = ['İ', 'K', 'ſ'].map((letter) => Buffer.from(letter));

/**
 * Builds the prefilter for all rules of a configuration, after gitleaks 8.30's `detect.go`: a rule looks at a text only when one of its keywords is in it, and at decoded text only
 * when something could be decoded. Undefined where the rules' keywords are too many.
 */
export function createPrefilter(rules: readonly Rule[]): Prefilter | undefined {
  const words = [...new Set(rules.flatMap(({ keywords }) => keywords))];
  const automaton = buildKeywordAutomaton(words);
  if (!automaton) return undefined;
  const always = rules.filter(({ keywords }) => keywords.length === 0);
  const byWord = words.map((word) => rules.filter(({ keywords }) => keywords.includes(word)));
  const { next, classes, shift, ends } = automaton;

  const mayLeak = (lines: Uint8Array, path: string | undefined): boolean | (() => boolean) => {
    if (lines.length > longest) return true;
    const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
    const concerned = new Set<Rule>(always);
    let state = 0;
    let run = 0;
    let seen = 0;
    for (let index = 0; index <= bytes.length; index++) {
      const byte = bytes[index] ?? 0x0a;
      const kind = kinds[byte] ?? 0;
      seen |= kind;
      if (kind & escapes && isEscape(bytes, index)) return true;
      if (kind & inRun) run++;
      else {
        if (run >= 16 && mayDecode(bytes, index - run, index)) return true;
        run = 0;
      }
      state = next[(state << shift) | (classes[byte] ?? 0)] ?? 0;
      const found = ends[state];
      if (found) for (const word of found) for (const rule of byWord[word] ?? []) concerned.add(rule);
    }
    if (seen & beyondAscii && folded.some((letter) => bytes.includes(letter))) return true;
    if (concerned.size === 0) return false;
    const text = seen & beyondAscii ? decode(bytes) : bytes.toString('latin1');
    return text === undefined || (() => matchesAny(concerned, text, path));
  };
  return { mayLeak };
}

function matchesAny(rules: ReadonlySet<Rule>, text: string, path: string | undefined): boolean {
  for (const { pattern, paths } of rules)
    if ((path === undefined || paths === undefined || paths.test(path)) && (pattern?.test(text) ?? true))
      return true;
  return false;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One UTF-16 unit for each of Go's runes; undefined: the bytes are no UTF-8, of which Go makes other runes than JavaScript. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes).replace(/[\ud800-\udbff][\udc00-\udfff]/g, '\ufffd');
  } catch {
    return undefined;
  }
}
