/** Finds which of many words occur in a text, in one pass over its bytes (Aho and Corasick, 1975). Letters of ASCII match in either case. */
export interface KeywordAutomaton {
  /** Transitions after the class of `byte` in `state`, at `(state << shift) | classes[byte]`; the first state is 0. */
  readonly next: Uint16Array;
  /** Bytes that no word tells apart have one class, so that the transitions fit into a processor's cache. */
  readonly classes: Uint8Array;
  readonly shift: number;
  /** Words (by their index) that end in a state; undefined where none does. */
  readonly ends: readonly (readonly number[] | undefined)[];
}

/** Builds the automaton for lower-case words of ASCII. Undefined where there are too many for it. */
export function buildKeywordAutomaton(words: readonly string[]): KeywordAutomaton | undefined {
  const size = words.reduce((sum, { length }) => sum + length, 1);
  if (size > 65_535) return undefined;
  const { classes, shift } = classifyBytes(words);
  const next = new Uint16Array(size << shift);
  const ends: number[][] = [[]];
  for (const [index, word] of words.entries()) {
    let state = 0;
    for (const byte of Buffer.from(word)) {
      const at = (state << shift) | (classes[byte] ?? 0);
      if (next[at] === 0) next[at] = ends.push([]) - 1;
      state = next[at] ?? 0;
    }
    ends[state]?.push(index);
  }
  linkFailures(next, ends, shift);
  return { next, classes, shift, ends: ends.map((list) => (list.length > 0 ? list : undefined)) };
}

/** Class 0 is of the bytes in no word. */
function classifyBytes(words: readonly string[]): { readonly classes: Uint8Array; readonly shift: number } {
  const letters = [...new Set(words.join(''))];
  const classes = new Uint8Array(256);
  for (const [index, letter] of letters.entries())
    for (const form of [letter, letter.toUpperCase()]) classes[form.charCodeAt(0)] = index + 1;
  return { classes, shift: Math.ceil(Math.log2(letters.length + 1)) };
}

/** Completes the trie's transitions, breadth first: where a state has none, its longest proper suffix's counts. */
function linkFailures(next: Uint16Array, ends: number[][], shift: number): void {
  const failures = new Uint16Array(ends.length);
  const queue = [0];
  for (const state of queue) {
    const failure = failures[state] ?? 0;
    if (state !== 0) ends[state]?.push(...(ends[failure] ?? []));
    for (let kind = 0; kind < 1 << shift; kind++) {
      const child = next[(state << shift) | kind] ?? 0;
      const fallback = state === 0 ? 0 : (next[(failure << shift) | kind] ?? 0);
      if (child === 0) next[(state << shift) | kind] = fallback;
      else {
        failures[child] = fallback;
        queue.push(child);
      }
    }
  }
}
