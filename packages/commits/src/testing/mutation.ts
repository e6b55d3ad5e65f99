/** Random numbers from 0 up to, not including, a bound. */
export type Random = (below: number) => number;

/** For tests: a small seeded generator (mulberry32) of numbers below a bound; a failure is repeated by its seed. */
export function generator(seed: number): Random {
  let state = seed;
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** For tests: one byte changed or added, some left out, or a piece repeated. `text` holds bytes one to one (latin1). */
export function mutate(text: string, random: Random): string {
  const bytes = Buffer.from(text, 'latin1');
  const at = random(bytes.length);
  switch (random(4)) {
    case 0:
      bytes[at] = random(256);
      return bytes.toString('latin1');
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(8));
    case 2:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at);
    default:
      return text.slice(0, at) + text.slice(random(text.length));
  }
}

/** For tests: one of a list. */
export function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)] as T;
}

/** For tests: up to `most` random bytes, one to one (latin1). */
export function noise(most: number, random: Random): string {
  return Array.from({ length: random(most + 1) }, () => String.fromCharCode(random(256))).join('');
}

/** Bytes at which lengths, signs and text formats turn. */
const edges = ['\0', '\n', '\r', ' ', '"', ',', '<', '>', '=', '-', '\u007f', '\u0080', '\u0081', 'ÿ'];
const longest = 256 * 1024;

/** For tests: several mutations on top of each other, pieces of `other` and long repetitions among them. */
export function mutateMore(text: string, other: string, random: Random): string {
  let changed = text;
  for (let left = 1 + random(4); left > 0 && changed.length > 0; left--) {
    const at = random(changed.length);
    const end = at + 1 + random(Math.min(64, changed.length));
    const times = random(200) === 0 ? 20_000 : random(40);
    switch (random(8)) {
      case 0:
        changed = changed.slice(0, at) + pick(edges, random) + changed.slice(at + random(2));
        break;
      case 1:
        changed = changed.slice(0, at) + changed.slice(at, end).repeat(times) + changed.slice(at);
        break;
      case 2: {
        const from = random(other.length + 1);
        changed = changed.slice(0, at) + other.slice(from, from + random(200)) + changed.slice(end);
        break;
      }
      case 3:
        changed = changed.slice(0, at) + changed.slice(end) + changed.slice(at, end);
        break;
      case 4:
        changed = changed.slice(0, at);
        break;
      default:
        changed = mutate(changed, random);
    }
    changed = changed.slice(0, longest);
  }
  return changed;
}
