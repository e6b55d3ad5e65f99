/** For tests: a small seeded generator (mulberry32) of numbers below a bound; a failure is repeated by its seed. */
export function generator(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** For tests: one byte changed or added, some left out, or a piece repeated. `text` holds bytes one to one (latin1). */
export function mutate(text: string, random: (below: number) => number): string {
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
