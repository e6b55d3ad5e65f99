/** What the Date of its answers tells of a server's clock (RFC 9110, section 6.6.1: in whole seconds). */
export interface ServerClock {
  /** Hears of an answer, and for how many milliseconds it was waited: one that took long tells of another time. */
  hear(date: string | undefined, tookMs: number): void;
  /** Milliseconds that it is ahead of this machine's, less than 0 where it is behind; 0 where nothing is known. Right to about a second. */
  aheadMs(): number;
}

const mostMs = 1_000;

/** A clock of which nothing is known yet. */
export function createServerClock(now: () => number = Date.now): ServerClock {
  let ahead = 0;
  return {
    hear(date, tookMs) {
      const at = Date.parse(date ?? '');
      if (!Number.isNaN(at) && tookMs <= mostMs) ahead = at + 500 - now();
    },
    aheadMs: () => ahead,
  };
}
