import { KubeStatusError, type Ports, ZakenakError } from '@zakenak/core';

/** How long a server that was there may be away: as long as a watch tries to open its stream again. */
const longestMs = 300_000;

/** A server that is away for a while, as when its machine starts anew. */
export interface Outage {
  /** True for an error that is worth another try: the server cannot be reached or fails, what stands before it answers in its place, and it has not been so for five minutes. */
  endures(error: unknown): error is Error;
  /** It answered. */
  over(): void;
}

/** None yet: until the server has answered once no error is worth another try. */
export function createOutage(clock: Pick<Ports['clock'], 'monotonicMs'>): Outage {
  let hasAnswered = false;
  let since: number | undefined;
  return {
    endures(error): error is Error {
      if (!hasAnswered || !isAway(error)) return false;
      since ??= clock.monotonicMs();
      return clock.monotonicMs() - since < longestMs;
    },
    over() {
      hasAnswered = true;
      since = undefined;
    },
  };
}

/** A gateway tells of a server that is away by a 502, 503 or 504, or by a page; the server of an etcd that is away by a 500. */
function isAway(error: unknown): boolean {
  const refusal = error instanceof ZakenakError ? error.cause : error;
  if (refusal instanceof KubeStatusError) return refusal.status >= 500;
  return error instanceof ZakenakError && ['kube/unreachable', 'kube/no-api-server'].includes(error.code);
}
