import type { KubeObject, Ports } from '@zakenak/core';
import { containerStatuses } from './health-pod.ts';
import { numberAt, textAt } from './json.ts';

/** Knows which pods have crashed a moment ago: between two crashes a container without a readiness probe counts as ready. */
export interface Steadiness {
  see(pod: KubeObject): void;
  /** True while a container of the pod runs again for less than ten seconds after a bad end. */
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

/** When the pod's youngest container run began that follows a bad end. */
function lastRestart(pod: KubeObject): string | undefined {
  const starts = containerStatuses(pod)
    .filter((status) => numberAt(status, 0, 'lastState', 'terminated', 'exitCode') !== 0)
    .map((status) => textAt(status, 'state', 'running', 'startedAt'));
  return starts.filter(Boolean).sort().at(-1);
}
