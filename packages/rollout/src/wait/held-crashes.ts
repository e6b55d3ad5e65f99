import type { KubeObject, Ports } from '@zakenak/core';
import { containerStatuses, untilTriedMs } from '../health/health-pod.ts';
import { numberAt } from '../objects/json.ts';

/** Pods in a crash loop that is no failure yet: what they lack may be on its way. Each is held until the kubelet has tried it once more. */
export interface HeldCrashes {
  /** True until then. */
  has(pod: KubeObject): boolean;
  /** Holds the pod, and has its namespace looked at again then. */
  hold(pod: KubeObject): void;
  /** Nothing is looked at any more. */
  stop(): void;
}

const shortestMs = 1_000;

/** A new one for each wait; `look` looks at all pods of a namespace, and `fail` hears of what it throws. */
export function createHeldCrashes(
  clock: Ports['clock'],
  look: (namespace: string) => Promise<void>,
  fail: (error: unknown) => void,
): HeldCrashes {
  const over = new AbortController();
  const untilMs = new Map<string, number>();
  const toCome = new Set<string>();
  const lookLater = async (namespace: string, afterMs: number): Promise<void> => {
    if (toCome.has(namespace)) return;
    toCome.add(namespace);
    await clock.sleep(Math.max(afterMs, shortestMs), over.signal).catch(() => undefined);
    toCome.delete(namespace);
    if (!over.signal.aborted) await look(namespace);
  };
  return {
    has: (pod) => clock.monotonicMs() < (untilMs.get(triesOf(pod)) ?? 0),
    hold(pod) {
      const forMs = untilTriedMs(pod, clock.now().getTime());
      untilMs.set(triesOf(pod), clock.monotonicMs() + forMs);
      lookLater(pod.metadata.namespace ?? '', forMs).catch(fail);
    },
    stop: () => over.abort(),
  };
}

/** Changes with each start of one of the pod's containers. */
function triesOf(pod: KubeObject): string {
  const counts = containerStatuses(pod).map((status) => numberAt(status, 0, 'restartCount'));
  return [pod.metadata.uid ?? pod.metadata.name, ...counts].join(' ');
}
