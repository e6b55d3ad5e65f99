import type { KubeObject, Ports } from '@zakenak/core';
import { isWorkload, podsOf } from '../health/culprit.ts';
import { containerStatuses } from '../health/health-pod.ts';
import { textAt, valueAt } from '../objects/json.ts';
import { judgeAnswered, type KnownKinds } from './wait-mode.ts';

/** Knows which pods have ended a moment ago: between two ends, good or bad, a container without a readiness probe counts as ready. */
export interface Steadiness {
  see(pod: KubeObject): void;
  /** True while a container of the pod runs again for less than ten seconds. */
  isShaky(pod: KubeObject): boolean;
  /** True while any pod of the namespace is; costs nothing. */
  hasShaky(namespace: string): boolean;
}

const steadyAfterMs = 10_000;

/** A new one for each wait. Runs are timed by this machine's clock too: a node's may differ. */
export function createSteadiness(clock: Ports['clock']): Steadiness {
  const runs = new Map<string, { readonly firstSeenMs: number; readonly pod: KubeObject }>();
  const isShaky = (pod: KubeObject): boolean => {
    const started = lastRestart(pod);
    if (started === undefined) return false;
    const seen = runs.get(runKey(pod, started))?.firstSeenMs ?? clock.monotonicMs();
    return (
      clock.now().getTime() - Date.parse(started) < steadyAfterMs &&
      clock.monotonicMs() - seen < steadyAfterMs
    );
  };
  return {
    see(pod) {
      const started = lastRestart(pod);
      if (started === undefined) return;
      const key = runKey(pod, started);
      if (!runs.has(key)) runs.set(key, { firstSeenMs: clock.monotonicMs(), pod });
    },
    isShaky,
    hasShaky: (namespace) =>
      [...runs.values()].some(({ pod }) => pod.metadata.namespace === namespace && isShaky(pod)),
  };
}

function runKey({ metadata }: KubeObject, started: string): string {
  return `${metadata.uid ?? metadata.name} ${started}`;
}

/** When the pod's youngest container run began that follows another. */
function lastRestart(pod: KubeObject): string | undefined {
  const starts = containerStatuses(pod)
    .filter((status) => valueAt(status, 'lastState', 'terminated') !== undefined)
    .map((status) => textAt(status, 'state', 'running', 'startedAt'));
  return starts.filter(Boolean).sort().at(-1);
}

/** What `createAccept` needs of a wait; the signal ends what it has begun. */
interface AcceptContext {
  readonly ports: Pick<Ports, 'kube' | 'clock'>;
  readonly kinds?: KnownKinds;
  readonly signal: AbortSignal;
}

/** Settles an object that is ready; a workload only when none of its pods is between two ends. */
export function createAccept(
  pending: ReadonlyMap<string, KubeObject>,
  steadiness: Steadiness,
  { ports, kinds, signal }: AcceptContext,
  settle: (key: string) => void,
  fail: (error: unknown) => void,
): (key: string) => void {
  const checked = new Set<string>();
  const check = async (key: string): Promise<void> => {
    for (;;) {
      const object = pending.get(key);
      if (!object || judgeAnswered(object, kinds).state !== 'ready') return;
      const isQuiet = !steadiness.hasShaky(object.metadata.namespace ?? '');
      if (isQuiet || !(await podsOf(object, ports)).some(steadiness.isShaky)) {
        settle(key);
        return;
      }
      await ports.clock.sleep(checkEveryMs, signal);
    }
  };
  return (key) => {
    const object = pending.get(key);
    if (!object || checked.has(key)) return;
    if (!isWorkload(object) || !steadiness.hasShaky(object.metadata.namespace ?? '')) {
      settle(key);
      return;
    }
    checked.add(key);
    check(key)
      .catch((error: unknown) => {
        if (!signal.aborted) fail(error);
      })
      .finally(() => checked.delete(key));
  };
}

const checkEveryMs = 500;
