import type { KubeObject, Ports } from '@zakenak/core';
import { findCondition } from '../objects/condition.ts';
import { listAt, textAt, valueAt } from '../objects/json.ts';
import { writtenAt } from '../objects/written-at.ts';
import { judgeHealth } from './health.ts';
import { containerStatuses } from './health-pod.ts';

/**
 * Knows which failures are older than the wait. What is deployed may be what mends them (a ConfigMap, a database, a pull secret), and nobody has tried again yet: the kubelet
 * does so within five minutes, the controller of a Deployment when a pod gets on.
 */
export interface FormerFailures {
  /** Hears of pods and Deployments, of each state. */
  see(object: KubeObject): void;
  /** True while what was seen first of the object is a failure of before, and no other try has been seen since. */
  isFormer(object: KubeObject): boolean;
}

/** What failed so many milliseconds before it is seen, at most, is of the same deploy. */
export const freshMs = 10_000;

/** The kubelet renews what it mounts within about a minute, and what it keeps of a ConfigMap within another half (kubernetes: pkg/kubelet/util/manager). */
const refreshMs = 90_000;

/** A new one for each wait. */
export function createFormerFailures(clock: Ports['clock']): FormerFailures {
  /** The failure as it was seen first; undefined where there was none, or another try since. */
  const former = new Map<string, string | undefined>();
  const begunMs = clock.monotonicMs();
  const isEarly = (): boolean => clock.monotonicMs() - begunMs < refreshMs;
  return {
    see(object) {
      const key = keyOf(object);
      if (!former.has(key))
        former.set(key, isOld(object, clock.now().getTime()) ? evidenceOf(object) : undefined);
      else if (former.get(key) !== evidenceOf(object) && !(mountsSettings(object) && isEarly()))
        former.set(key, undefined);
    },
    isFormer: (object) => isOfFormerTemplate(object) || former.get(keyOf(object)) !== undefined,
  };
}

/** A try may still be one with what was mounted before. What every pod has mounted for its account is no setting. */
function mountsSettings({ kind, spec }: KubeObject): boolean {
  const settings = ['configMap', 'secret', 'projected'];
  return (
    kind === 'Pod' &&
    listAt(spec, 'volumes').some(
      (volume) =>
        settings.some((source) => valueAt(volume, source) !== undefined) &&
        !textAt(volume, 'name').startsWith('kube-api-access-'),
    )
  );
}

function keyOf({ kind, metadata }: KubeObject): string {
  return metadata.uid ?? `${kind} ${metadata.namespace}/${metadata.name}`;
}

function isOld(object: KubeObject, nowMs: number): boolean {
  if (judgeHealth(object).state !== 'failed') return false;
  if (object.kind === 'Pod')
    return nowMs - Date.parse(textAt(object.metadata, 'creationTimestamp')) > freshMs;
  if (object.kind !== 'Deployment') return false;
  return nowMs - toldAt(object) > freshMs;
}

/** A controller that scales a Deployment leaves what it said of the former template. Times are whole seconds, and no deadline is shorter than one. */
function isOfFormerTemplate(object: KubeObject): boolean {
  return object.kind === 'Deployment' && toldAt(object) <= writtenAt(object);
}

function toldAt(deployment: KubeObject): number {
  return Date.parse(progressedAt(deployment));
}

/** Changes with each try. */
function evidenceOf(object: KubeObject): string {
  if (object.kind !== 'Pod') return progressedAt(object);
  const tries = containerStatuses(object).map((status) => [
    valueAt(status, 'restartCount'),
    textAt(status, 'state', 'waiting', 'reason'),
    textAt(status, 'lastState', 'terminated', 'finishedAt'),
  ]);
  return JSON.stringify([textAt(object, 'status', 'phase'), tries]);
}

function progressedAt(deployment: KubeObject): string {
  return textAt(findCondition(deployment, 'Progressing'), 'lastUpdateTime');
}
