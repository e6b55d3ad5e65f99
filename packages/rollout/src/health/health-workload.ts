import type { KubeObject } from '@zakenak/core';
import { conditionOf, type Health } from '../objects/condition.ts';
import { numberAt, textAt, valueAt } from '../objects/json.ts';

const progressing = (reason: string): Health => ({ state: 'progressing', reason });

/** A rollout is over when only pods of the newest template exist and all of them are available (kstatus: core.go). */
export function judgeDeployment(object: KubeObject): Health {
  const wanted = numberAt(object, 1, 'spec', 'replicas');
  const count = (field: string): number => numberAt(object, 0, 'status', field);
  const progress = conditionOf(object, 'Progressing');
  if (valueAt(object, 'spec', 'paused') === true)
    return {
      state: 'ready',
      reason: 'paused',
      remark: 'it is paused, so its pods stay as they were (spec.paused)',
    };
  if (progress?.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', reason: progress.message || progress.reason };
  if (
    object.metadata.generation !== undefined &&
    valueAt(object, 'status', 'observedGeneration') === undefined
  )
    return progressing('no controller has seen it yet');
  if (count('updatedReplicas') < wanted)
    return progressing(refusalOf(object) ?? `${count('updatedReplicas')} of ${wanted} pods updated`);
  if (count('replicas') > wanted) return progressing(`${count('replicas') - wanted} old pods remain`);
  if (count('availableReplicas') < wanted)
    return progressing(`${count('availableReplicas')} of ${wanted} pods available`);
  if (count('readyReplicas') < wanted)
    return progressing(`${count('readyReplicas')} of ${wanted} pods ready`);
  return { state: 'ready', reason: `${wanted} of ${wanted} pods available` };
}

/** Ready when every wanted pod is ready, for as long as `minReadySeconds` asks, and, with rolling updates, of the newest revision. */
export function judgeStatefulSet(object: KubeObject): Health {
  const wanted = numberAt(object, 1, 'spec', 'replicas');
  const count = (field: string): number => numberAt(object, 0, 'status', field);
  if (
    object.metadata.generation !== undefined &&
    valueAt(object, 'status', 'observedGeneration') === undefined
  )
    return progressing('no controller has seen it yet');
  if (count('readyReplicas') < wanted)
    return progressing(`${count('readyReplicas')} of ${wanted} pods ready`);
  if (numberAt(object, 0, 'spec', 'minReadySeconds') > 0 && count('availableReplicas') < wanted)
    return progressing(`${count('availableReplicas')} of ${wanted} pods available`);
  if (count('replicas') > wanted) return progressing(`${count('replicas') - wanted} surplus pods remain`);
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete')
    return { state: 'ready', reason: `${wanted} of ${wanted} pods ready; updates on delete` };
  const partition = numberAt(object, 0, 'spec', 'updateStrategy', 'rollingUpdate', 'partition');
  if (partition > 0) {
    const due = Math.max(0, wanted - partition);
    if (count('updatedReplicas') < due)
      return progressing(`${count('updatedReplicas')} of ${due} pods updated`);
  } else if (textAt(object, 'status', 'currentRevision') !== textAt(object, 'status', 'updateRevision'))
    return progressing('the newest revision is not everywhere yet');
  return { state: 'ready', reason: `${wanted} of ${wanted} pods ready` };
}

/** Ready when every node that should run it runs the newest pod (with updates on delete: any pod), available. */
export function judgeDaemonSet(object: KubeObject): Health {
  if (valueAt(object, 'status', 'observedGeneration') === undefined)
    return progressing('no controller has seen it yet');
  const wanted = numberAt(object, 0, 'status', 'desiredNumberScheduled');
  const updates = textAt(object, 'spec', 'updateStrategy', 'type') !== 'OnDelete';
  for (const [field, verb] of [
    ['currentNumberScheduled', 'scheduled'],
    ['updatedNumberScheduled', 'updated'],
    ['numberAvailable', 'available'],
    ['numberReady', 'ready'],
  ] as const) {
    const count = numberAt(object, 0, 'status', field);
    if (count < wanted && (updates || verb !== 'updated'))
      return progressing(`${count} of ${wanted} pods ${verb}`);
  }
  return {
    state: 'ready',
    reason: `${wanted} of ${wanted} pods ready`,
    ...(wanted === 0 ? { remark: runsNowhere } : {}),
  };
}

const runsNowhere =
  'it runs nowhere: no node fits its node selector, affinity and tolerations, or none that does is ready';

/** Ready when every wanted pod is available and no other remains. Its controller replaces no pod of a former template. */
export function judgeReplicaSet(object: KubeObject): Health {
  const failure = refusalOf(object);
  if (failure) return progressing(failure);
  const wanted = numberAt(object, 1, 'spec', 'replicas');
  const count = (field: string): number => numberAt(object, 0, 'status', field);
  for (const [field, verb] of [
    ['availableReplicas', 'available'],
    ['readyReplicas', 'ready'],
  ] as const)
    if (count(field) < wanted) return progressing(`${count(field)} of ${wanted} pods ${verb}`);
  if (count('replicas') > wanted) return progressing(`${count('replicas') - wanted} surplus pods remain`);
  const former = wanted - count('fullyLabeledReplicas');
  return {
    state: 'ready',
    reason: `${wanted} of ${wanted} pods available`,
    ...(former > 0 ? { remark: staysFormer(former, object.kind) } : {}),
  };
}

function staysFormer(pods: number, kind: string): string {
  return `${pods} of its pods lack the labels of its template: a ${kind} replaces a pod only when somebody deletes it`;
}

/** Why the server refuses pods, for a quota most often. The controller goes on trying, and the end of old pods may make room. */
export function refusalOf(object: KubeObject): string | undefined {
  const failure = conditionOf(object, 'ReplicaFailure');
  return failure?.status === 'True' ? failure.message || failure.reason || 'pods cannot be made' : undefined;
}
