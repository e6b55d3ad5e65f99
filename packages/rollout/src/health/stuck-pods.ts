import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { conditionOf } from '../objects/condition.ts';
import { listAt, numberAt, textAt } from '../objects/json.ts';
import { describe, groupOf, refOf } from '../objects/object.ts';
import { isBehind, judgeHealth } from './health.ts';

/**
 * True for a pod of a former template that its StatefulSet waits for, for ever where it crashes: with `OrderedReady` a controller replaces no pod that is not ready, though a newer template, or the one
 * before, would mend it (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback).
 */
export function isStuck(pod: KubeObject, set: KubeObject): boolean {
  const { metadata, status } = pod;
  const newest = textAt(set, 'status', 'updateRevision');
  const revision = metadata.labels?.['controller-revision-hash'] ?? newest;
  return (
    isOrdered(set) &&
    !isBehind(set) &&
    newest !== '' &&
    revision !== newest &&
    status !== undefined &&
    listAt(metadata, 'ownerReferences').some((owner) => textAt(owner, 'uid') === set.metadata.uid) &&
    metadata.deletionTimestamp === undefined &&
    conditionOf(pod, 'Ready')?.status !== 'True' &&
    placeOf(pod, set) >= numberAt(set, 0, 'spec', 'updateStrategy', 'rollingUpdate', 'partition')
  );
}

/** True for a StatefulSet that replaces its pods one after the other. */
export function isOrdered({ apiVersion, kind, spec }: KubeObject): boolean {
  return (
    kind === 'StatefulSet' &&
    groupOf(apiVersion) === 'apps' &&
    textAt(spec, 'podManagementPolicy') !== 'Parallel' &&
    textAt(spec, 'updateStrategy', 'type') !== 'OnDelete'
  );
}

function placeOf({ metadata }: KubeObject, set: KubeObject): number {
  return Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? 0) - numberAt(set, 0, 'spec', 'ordinals', 'start');
}

/** What replacing stuck pods needs. */
interface StuckContext {
  readonly ports: Pick<Ports, 'kube'>;
  /** The template that comes back was ready before: no pod of the other one need be waited for. */
  readonly isRollback?: boolean;
  readonly warn?: (text: string) => void;
}

/** Makes room for pods of the newest template: deletes what a StatefulSet is stuck at, each pod once, and tells it. */
export interface Unsticking {
  /** Hears of pods, of each state, and of the StatefulSets that are waited for. */
  see(pods: Iterable<KubeObject>, sets: readonly KubeObject[]): Promise<void>;
}

/** A new one for each wait. Pods that failed make room; in a rollback every one that is not ready. One that may not be deleted stays: the end of the wait tells what to do. */
export function createUnsticking({ ports: { kube }, isRollback = false, warn }: StuckContext): Unsticking {
  const freed = new Set<string>();
  const remove = async (pod: KubeObject): Promise<void> => {
    const { uid = '' } = pod.metadata;
    if (freed.has(uid)) return;
    freed.add(uid);
    try {
      if (!(await kube.delete(refOf(pod), { uid }))) return;
    } catch (error) {
      if (!(error instanceof KubeStatusError)) throw error;
      return;
    }
    warn?.(
      `${describe(refOf(pod))} was deleted to make room for one of the newest template: a StatefulSet waits for such a pod to be ready before it replaces it.`,
    );
  };
  return {
    async see(pods, sets) {
      for (const set of sets)
        for (const pod of pods)
          if (isStuck(pod, set) && (isRollback || judgeHealth(pod).state === 'failed')) await remove(pod);
    },
  };
}
