/** How often an object is put back against somebody who changes it again. */
export interface Contention {
  /** Milliseconds of the clock before which the object is not put back again; 0: at once. */
  notBefore(key: string): number;
  /** The object was put back now. */
  corrected(key: string, nowMs: number): void;
  /** How often in a row the object had to be put back. */
  rounds(key: string): number;
}

const firstPauseMs = 2_000;
const factor = 3;
const longestPauseMs = 300_000;

/** Pauses of 2 s, three times as long each time, 5 minutes at most. A pause and a minute without a change begin anew. */
export function createContention(): Contention {
  const states = new Map<string, { readonly rounds: number; readonly at: number }>();
  const pauseOf = (rounds: number): number =>
    rounds === 0 ? 0 : Math.min(firstPauseMs * factor ** (rounds - 1), longestPauseMs);
  return {
    notBefore(key) {
      const state = states.get(key);
      return state ? state.at + pauseOf(state.rounds) : 0;
    },
    corrected(key, nowMs) {
      const former = states.get(key);
      const isOver = !former || nowMs - former.at > pauseOf(former.rounds) + 60_000;
      states.set(key, { rounds: isOver ? 1 : former.rounds + 1, at: nowMs });
    },
    rounds: (key) => states.get(key)?.rounds ?? 0,
  };
}
