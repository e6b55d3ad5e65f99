import { type Ports, ZakenakError } from '@zakenak/core';

/** How long a server that was there may be away: as long as a watch tries to open its stream again. */
const longestMs = 300_000;

/** A server that is away for a while, as when its machine starts anew. */
export interface Outage {
  /** True for an error that is worth another try: the server cannot be reached, and has not been for five minutes. */
  endures(error: unknown): error is ZakenakError;
  /** It answered. */
  over(): void;
}

/** None yet: until the server has answered once no error is worth another try. */
export function createOutage(clock: Pick<Ports['clock'], 'monotonicMs'>): Outage {
  let hasAnswered = false;
  let since: number | undefined;
  return {
    endures(error): error is ZakenakError {
      if (!hasAnswered || !(error instanceof ZakenakError && error.code === 'kube/unreachable')) return false;
      since ??= clock.monotonicMs();
      return clock.monotonicMs() - since < longestMs;
    },
    over() {
      hasAnswered = true;
      since = undefined;
    },
  };
}
