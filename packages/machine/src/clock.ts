import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, cancelled } from '@zakenak/core';

/** The machine's clock. */
export function createSystemClock(): Clock {
  return {
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    async sleep(ms, signal) {
      await delay(ms, undefined, signal ? { signal } : {}).catch((thrown) => {
        throw signal?.aborted ? (signal.reason ?? cancelled()) : thrown;
      });
    },
  };
}
