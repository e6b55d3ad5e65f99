/** How often something has to be done about an object again and again: putting it back against somebody who changes it, or comparing it only to find it changed once more. */
export interface Contention {
  /** Milliseconds of the clock before which it is not done again; 0: at once. */
  notBefore(key: string): number;
  /** It was done now. */
  happened(key: string, nowMs: number): void;
  /** It need not be done any more. */
  settled(key: string): void;
  /** How often in a row it had to be done. */
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
    happened(key, nowMs) {
      const former = states.get(key);
      const isOver = !former || nowMs - former.at > pauseOf(former.rounds) + 60_000;
      states.set(key, { rounds: isOver ? 1 : former.rounds + 1, at: nowMs });
    },
    settled: (key) => void states.delete(key),
    rounds: (key) => states.get(key)?.rounds ?? 0,
  };
}
