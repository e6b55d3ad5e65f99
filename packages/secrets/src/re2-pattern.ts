const group = /^\(\?(?:P?<\w+>|([imsU]*)(?:-[imsU]+)?(:|\)))/;
const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\t\\n\\v\\f\\r ',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
};
const space = '\\t\\n\\f\\r ';
// JavaScript's \S leaves out what Go's does not.
const noSpace = '\\S\\v\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff';

/**
 * A JavaScript expression that matches somewhere in every text in which a pattern of Go's RE2 (https://github.com/google/re2/wiki/Syntax) does, and perhaps in more: a flag of a part
 * is taken for the whole (V8 13.6 misreads `(?i:a|\\[nr])`). Undefined where the pattern says what cannot be said so. Holds for texts of the Basic
 * Multilingual Plane without U+017F and U+212A, which Go folds to s and k.
 */
export function translatePattern(pattern: string): RegExp | undefined {
  if (/[^\x20-\x7e\n\t]/.test(pattern)) return undefined;
  try {
    return translate(withoutOptionalStart(pattern));
  } catch {
    return undefined;
  }
}

/** What may be absent at the start decides nothing about whether there is a match. */
function withoutOptionalStart(pattern: string): string {
  return pattern.replace(/^((?:\(\?i\))?)\[(?:[^\][\\]|\\[wd.-])+\]\{0,\d+\}\??/, '$1');
}

function translate(pattern: string): RegExp {
  const flags = ['i', 'm', 's'].filter((flag) => new RegExp(`\\(\\?[imsU]*${flag}`).test(pattern));
  const isPartlyFolded = flags.includes('i') && !/^\(\?i\)(?!.*\(\?[imsU]*-)/s.test(pattern);
  const parts: string[] = [];
  let index = 0;
  while (index < pattern.length) {
    const character = pattern[index] ?? '';
    if (character === '\\') {
      parts.push(translateEscape(pattern[index + 1] ?? ''));
      index += 2;
      if (parts.at(-1) === '\\x') {
        parts.push(hexadecimal(pattern.slice(index)));
        index += 2;
      }
    } else if (character === '[') {
      const [text, length] = translateClass(pattern.slice(index));
      if (isPartlyFolded && text.startsWith('[^') && !isFolded(text)) fail('folding would narrow the class');
      parts.push(text);
      index += length;
    } else if (character === '(') {
      const match = pattern[index + 1] === '?' ? group.exec(pattern.slice(index)) : ['('];
      if (!match) throw new SyntaxError('unknown group');
      // `(?i)` opens nothing.
      if (match[2] !== ')') parts.push('(?:');
      index += match[0]?.length ?? 0;
    } else {
      parts.push(character === '.' && !flags.includes('s') ? '[^\\n]' : character);
      index++;
    }
  }
  return new RegExp(parts.join(''), flags.join(''));
}

/** Whether a class holds each letter in both cases or in none. */
function isFolded(text: string): boolean {
  const [exact, folded] = [new RegExp(text), new RegExp(text, 'i')];
  return Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).every(
    (letter) => exact.test(letter) === folded.test(letter),
  );
}

function translateEscape(character: string): string {
  if (character === 's') return `[${space}]`;
  if (character === 'S') return `[^${space}]`;
  if (character === 'A') return '(?<![\\s\\S])';
  if (character === 'z') return '(?![\\s\\S])';
  if (/[dDwWbBnrtfvx]|[^A-Za-z0-9]/.test(character)) return `\\${character}`;
  throw new SyntaxError('unknown escape');
}

function hexadecimal(text: string): string {
  const digits = /^[0-9A-Fa-f]{2}/.exec(text)?.[0];
  if (digits === undefined) throw new SyntaxError('no two hexadecimal digits');
  return digits;
}

/** A class and its length in the pattern. */
function translateClass(text: string): readonly [string, number] {
  const parts = ['['];
  let index = 1;
  if (text[index] === '^') parts.push(text[index++] ?? '');
  const negated = parts.length > 1;
  for (let first = true; first || text[index] !== ']'; first = false) {
    const character = text[index] ?? '';
    if (character === '') throw new SyntaxError('the class does not end');
    const posix = /^\[:(\w+):\]/.exec(text.slice(index));
    if (posix) {
      parts.push(posixClasses[posix[1] ?? ''] ?? fail('unknown class'));
      index += posix[0].length;
    } else if (character === '\\') {
      const escaped = text[index + 1] ?? '';
      index += 2;
      if (escaped === 's') parts.push(space);
      else if (escaped === 'S') parts.push(negated ? fail('no \\S in a negated class') : noSpace);
      else if (/[dDwWnrtfv]|[^A-Za-z0-9]/.test(escaped)) parts.push(`\\${escaped}`);
      else if (escaped === 'x') {
        parts.push('\\x', hexadecimal(text.slice(index)));
        index += 2;
      } else fail('unknown escape in a class');
    } else {
      parts.push(character === ']' || character === '[' ? `\\${character}` : character);
      index++;
    }
  }
  return [`${parts.join('')}]`, index + 1];
}

function fail(why: string): never {
  throw new SyntaxError(why);
}
