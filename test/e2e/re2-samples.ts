import { randomInt } from 'node:crypto';

/** Texts that a pattern of Go's RE2 matches, made up anew at each call. Knows what gitleaks' rules use; throws on anything else. */
export function makeSample(pattern: string): string {
  const reader = { pattern, index: 0 };
  const text = readAlternatives(reader)();
  if (reader.index < pattern.length) throw new Error(`${pattern}: unknown from ${reader.index} on`);
  return text;
}

interface Reader {
  readonly pattern: string;
  index: number;
}
type Maker = () => string;

const pick = <T>(items: readonly T[]): T => {
  if (items.length === 0) throw new Error('nothing to pick from');
  return items[randomInt(items.length)] as T;
};

function readAlternatives(reader: Reader): Maker {
  const branches: (readonly Maker[])[] = [readSequence(reader)];
  while (reader.pattern[reader.index] === '|') {
    reader.index++;
    branches.push(readSequence(reader));
  }
  return () =>
    pick(branches)
      .map((make) => make())
      .join('');
}

function readSequence(reader: Reader): readonly Maker[] {
  const makers: Maker[] = [];
  for (;;) {
    const character = reader.pattern[reader.index];
    if (character === undefined || character === '|' || character === ')') return makers;
    makers.push(readRepeated(reader));
  }
}

function readRepeated(reader: Reader): Maker {
  const make = readAtom(reader);
  const match = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(reader.pattern.slice(reader.index));
  if (!match) return make;
  reader.index += match[0].length;
  const [, sign, from, comma, to] = match;
  const least = sign ? (sign === '+' ? 1 : 0) : Number(from);
  const most = sign === '?' ? 1 : sign || (comma && !to) ? least + 12 : comma ? Number(to) : least;
  return () => Array.from({ length: randomInt(least, most + 1) }, make).join('');
}

function readAtom(reader: Reader): Maker {
  const rest = reader.pattern.slice(reader.index);
  const opening = /^\((?:\?P?<\w+>|\?[ims-]*(:|(?=\))))?/.exec(rest);
  if (opening) {
    reader.index += opening[0].length;
    const make = readAlternatives(reader);
    if (reader.pattern[reader.index++] !== ')') throw new Error('a group does not end');
    return make;
  }
  if (rest[0] === '[') return readClass(reader, rest);
  reader.index += rest[0] === '\\' ? 2 : 1;
  if (/^(\\[bBAz]|\^|\$)/.test(rest)) return () => '';
  if (rest[0] === '\\') {
    if (rest[1] === 'x') reader.index += 2;
    const set = escapeSet(rest);
    return () => pick(set);
  }
  return rest[0] === '.' ? () => pick([...'aZ0 .=']) : () => rest[0] ?? '';
}

function readClass(reader: Reader, text: string): Maker {
  const match = /^\[(\^?)((?:\[:\w+:\]|\\[\s\S]|[^\]])*)\]/.exec(text);
  if (!match) throw new Error('a class does not end');
  reader.index += match[0].length;
  const members = new Set<string>();
  const body = match[2] ?? '';
  for (let index = 0; index < body.length; ) {
    const posix = /^\[:(\w+):\]/.exec(body.slice(index));
    const escaped = /^\\(?:x[0-9a-fA-F]{2}|[\s\S])/.exec(body.slice(index))?.[0];
    const range = /^([^\\])-([^\\])/.exec(body.slice(index));
    const set = posix
      ? [...(posix[1] === 'alnum' ? 'aZ09' : 'aZ')]
      : escaped
        ? escapeSet(escaped)
        : range
          ? charactersBetween(range[1] ?? '', range[2] ?? '')
          : [body[index] ?? ''];
    for (const character of set) members.add(character);
    index += (posix?.[0] ?? escaped ?? range?.[0] ?? ' ').length;
  }
  const all = charactersBetween(' ', '~');
  const chosen = match[1] ? all.filter((character) => !members.has(character)) : [...members];
  return () => pick(chosen);
}

function charactersBetween(from: string, to: string): readonly string[] {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
}

function escapeSet(text: string): readonly string[] {
  const sets: Readonly<Record<string, string>> = {
    d: '0123456789',
    D: 'aZ-',
    w: 'abkszABKSZ0189_',
    W: ' -=',
    s: ' \t\n',
    S: 'aZ0-',
    n: '\n',
    r: '\r',
    t: '\t',
  };
  if (text[1] === 'x') return [String.fromCharCode(Number.parseInt(text.slice(2, 4), 16))];
  return [...(sets[text[1] ?? ''] ?? text[1] ?? '')];
}
