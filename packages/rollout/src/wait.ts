import { type KubeObject, type KubeRef, type Ports, ZakenakError } from '@zakenak/core';
import type { Health } from './condition.ts';
import { findFailedPod, isWorkload } from './culprit.ts';
import { ReleaseFailure } from './failure.ts';
import { judgeHealth } from './health.ts';
import { describe, keyOf, refOf } from './object.ts';
import type { Observer } from './observer.ts';

/** What waiting needs. */
export interface WaitContext {
  readonly ports: Pick<Ports, 'kube' | 'clock' | 'progress'>;
  readonly observer: Observer;
  /** Ends the wait without a verdict. */
  readonly signal: AbortSignal;
}

/**
 * Waits, by watch, until every object is ready. The first one that fails ends the wait: as a ReleaseFailure `rollout/not-ready`, which a
 * timeout is as well. Objects that are ready as given cost no request.
 */
export async function waitReady(
  subject: string,
  objects: readonly KubeObject[],
  timeoutMs: number,
  context: WaitContext,
): Promise<void> {
  const pending = new Map(
    objects
      .filter((object) => judgeHealth(object).state !== 'ready')
      .map((object) => [keyOf(refOf(object)), object]),
  );
  if (pending.size === 0) return;
  const total = objects.length;
  const report = (message?: string): void =>
    context.ports.progress.emit({
      stage: 'wait',
      subject,
      state: 'waiting',
      count: { done: total - pending.size, total },
      ...(message ? { message } : {}),
    });
  report();
  await untilSettled(
    timeoutMs,
    context,
    (done, fail) => {
      const stops = [...pending.values()].map((object) =>
        context.observer.follow(
          refOf(object),
          (seen) => {
            const health = judgeSeen(seen, object);
            if (health.state === 'failed') fail(notReady(refOf(object), health.reason));
            else if (health.state === 'ready' && pending.delete(keyOf(refOf(object)))) report();
            else if (seen && !isBehind(seen, object) && pending.has(keyOf(refOf(object))))
              pending.set(keyOf(refOf(object)), seen);
            if (pending.size === 0) done();
          },
          fail,
        ),
      );
      return [...stops, ...followPods(pending, context, fail)];
    },
    () => timedOut(pending, timeoutMs),
  );
}

/** Waits until none of the objects exists any more, at most `timeoutMs`; false where some still do. */
export async function waitGone(
  refs: readonly KubeRef[],
  timeoutMs: number,
  context: WaitContext,
): Promise<boolean> {
  const deadline = context.ports.clock.monotonicMs() + timeoutMs;
  let left = refs;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const found = await Promise.all(left.map((ref) => getIfServed(ref, context.ports)));
    left = left.filter((_, index) => found[index] !== undefined);
    if (left.length === 0) return true;
    if (context.ports.clock.monotonicMs() >= deadline) return false;
    await context.ports.clock.sleep(pauseMs, context.signal);
  }
}

/** The object, or undefined where it or its very kind does not exist. */
export async function getIfServed(
  ref: KubeRef,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await ports.kube.get(ref, signal);
  } catch (error) {
    if (error instanceof ZakenakError && error.code === 'kube/unknown-kind') return undefined;
    throw error;
  }
}

function judgeSeen(seen: KubeObject | undefined, wanted: KubeObject): Health {
  if (!seen) return { state: 'progressing', reason: 'it is gone' };
  return isBehind(seen, wanted)
    ? { state: 'progressing', reason: 'its change is not seen yet' }
    : judgeHealth(seen);
}

/** A watch may still tell of the state before our own write; the pods of that state are not those that are waited for. */
function isBehind(seen: KubeObject, wanted: KubeObject): boolean {
  return (seen.metadata.generation ?? 0) < (wanted.metadata.generation ?? 0);
}

/** Pods tell of crashes and missing images minutes before their workload gives up. */
function followPods(
  pending: ReadonlyMap<string, KubeObject>,
  context: WaitContext,
  fail: (error: unknown) => void,
): readonly (() => void)[] {
  const workloads = [...pending.values()].filter(isWorkload);
  const namespaces = [...new Set(workloads.map(({ metadata }) => metadata.namespace ?? ''))];
  const look = async (namespace: string): Promise<void> => {
    for (const workload of [...pending.values()].filter(isWorkload)) {
      if (workload.metadata.namespace !== namespace) continue;
      const culprit = await findFailedPod(workload, context.ports);
      if (culprit)
        fail(notReady(refOf(workload), `pod ${culprit.pod.metadata.name}: ${culprit.health.reason}`));
    }
  };
  return namespaces.map((namespace) =>
    context.observer.followAll(
      { apiVersion: 'v1', kind: 'Pod', namespace },
      (pod) => {
        if (judgeHealth(pod).state === 'failed') look(namespace).catch(fail);
      },
      fail,
    ),
  );
}

function notReady(ref: KubeRef, reason: string): ReleaseFailure {
  return new ReleaseFailure('rollout/not-ready', `${describe(ref)}: ${reason}`, ref);
}

function timedOut(pending: ReadonlyMap<string, KubeObject>, timeoutMs: number): ReleaseFailure {
  const reasons = [...pending.values()].map(
    (object) => `${describe(refOf(object))}: ${judgeHealth(object).reason}`,
  );
  const [first] = [...pending.values()].filter(isWorkload).concat([...pending.values()]);
  const text = `not ready after ${Math.round(timeoutMs / 100) / 10} s: ${reasons.slice(0, 5).join('; ')}`;
  return new ReleaseFailure('rollout/not-ready', text, first && refOf(first));
}

/** Runs `start` until it calls done or fail, the time is over, or the signal fires; then calls the stops that it returned. */
async function untilSettled(
  timeoutMs: number,
  { ports, signal }: WaitContext,
  start: (done: () => void, fail: (error: unknown) => void) => readonly (() => void)[],
  late: () => Error,
): Promise<void> {
  const over = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) throw signal.reason;
  signal.addEventListener('abort', onAbort, { once: true });
  const stops = start(resolve, reject);
  ports.clock.sleep(timeoutMs, over.signal).then(
    () => reject(late()),
    () => undefined,
  );
  try {
    await promise;
  } finally {
    over.abort();
    signal.removeEventListener('abort', onAbort);
    for (const stop of stops) stop();
  }
}
