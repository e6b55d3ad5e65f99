/** Finds which of many words occur in a text, in one pass over its bytes (Aho and Corasick, 1975). Letters of ASCII match in either case. */
export interface KeywordAutomaton {
  /** State after `byte` in `state`, at `state * 256 + byte`; the first state is 0. */
  readonly next: Uint16Array;
  /** Words (by their index) that end in a state; undefined where none does. */
  readonly ends: readonly (readonly number[] | undefined)[];
}

/** Builds the automaton for lower-case words of ASCII. Undefined where there are too many for it. */
export function buildKeywordAutomaton(words: readonly string[]): KeywordAutomaton | undefined {
  const size = words.reduce((sum, { length }) => sum + length, 1);
  if (size > 65_535) return undefined;
  const next = new Uint16Array(size * 256);
  const ends: number[][] = [[]];
  for (const [index, word] of words.entries()) {
    let state = 0;
    for (const byte of Buffer.from(word)) {
      const at = state * 256 + byte;
      if (next[at] === 0) next[at] = ends.push([]) - 1;
      state = next[at] ?? 0;
    }
    ends[state]?.push(index);
  }
  linkFailures(next, ends);
  for (let state = 0; state < ends.length; state++)
    next.copyWithin(state * 256 + 65, state * 256 + 97, state * 256 + 123);
  return { next, ends: ends.map((list) => (list.length > 0 ? list : undefined)) };
}

/** Completes the trie's transitions, breadth first: where a state has none, its longest proper suffix's counts. */
function linkFailures(next: Uint16Array, ends: number[][]): void {
  const failures = new Uint16Array(ends.length);
  const queue = [0];
  for (const state of queue) {
    const failure = failures[state] ?? 0;
    if (state !== 0) ends[state]?.push(...(ends[failure] ?? []));
    for (let byte = 0; byte < 256; byte++) {
      const child = next[state * 256 + byte] ?? 0;
      const fallback = state === 0 ? 0 : (next[failure * 256 + byte] ?? 0);
      if (child === 0) next[state * 256 + byte] = fallback;
      else {
        failures[child] = fallback;
        queue.push(child);
      }
    }
  }
}
