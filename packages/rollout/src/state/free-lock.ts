import type { Ports } from '@zakenak/core';
import type { TransactionOptions } from '../request.ts';
import { peekLock } from './lock.ts';
import { statePlaceOf } from './state-place.ts';

/** How often a lock that somebody holds is looked at. */
const pauseMs = 1_000;
/** A lock that is not renewed for so long has no holder any more. */
const deadMs = 20_000;

/** Waits until nobody holds the set's lock, without taking it: what a deploy is changing is not drift. One request where it is free. */
export async function untilFree(
  request: Pick<TransactionOptions, 'stateNamespace' | 'isGone'> & { readonly set: string },
  ports: Pick<Ports, 'kube' | 'clock' | 'progress'>,
  signal: AbortSignal,
): Promise<void> {
  const place = statePlaceOf(request, ports);
  let former = { version: '', at: 0 };
  for (;;) {
    const { holder, version } = await peekLock(place, ports, signal);
    const now = ports.clock.monotonicMs();
    if (version !== former.version) former = { version, at: now };
    if (holder === '' || request.isGone?.(holder) || now - former.at > deadMs) return;
    const message = `held by ${holder}`;
    ports.progress.emit({ stage: 'lock', subject: request.set, state: 'waiting', message });
    await ports.clock.sleep(pauseMs, signal);
  }
}
