import type { KubeObject } from '@zakenak/core';
import { conditionOf, type Health } from '../objects/condition.ts';
import { numberAt, textAt, valueAt } from '../objects/json.ts';
import { groupOf } from '../objects/object.ts';
import { judgePod } from './health-pod.ts';
import { judgeDaemonSet, judgeDeployment, judgeReplicaSet, judgeStatefulSet } from './health-workload.ts';

type Judge = (object: KubeObject) => Health;

/**
 * How an object is doing, from its own JSON. Base: kstatus (fluxcd/cli-utils: pkg/kstatus/status); Argo CD's rules for Pod, Job, PVC, HPA and
 * paused Deployments (argo-cd: gitops-engine/pkg/health); a Job counts when it is complete.
 */
export function judgeHealth(object: KubeObject): Health {
  if (object.metadata.deletionTimestamp) return { state: 'terminating', reason: 'it is being deleted' };
  const own = judges[`${groupOf(object.apiVersion)}/${object.kind}`];
  return judgeGenerally(object) ?? (own ? own(object) : judgeByConditions(object));
}

const ready: Health = { state: 'ready', reason: 'ready' };

function judgeGenerally(object: KubeObject): Health | undefined {
  if (isBehind(object))
    return { state: 'progressing', reason: `generation ${object.metadata.generation} is not observed yet` };
  const reconciling = conditionOf(object, 'Reconciling');
  if (reconciling?.status === 'True')
    return { state: 'progressing', reason: reconciling.message || 'reconciling' };
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status === 'True') return { state: 'failed', reason: stalled.message || 'stalled' };
  return undefined;
}

/** True where the status is of a generation before: by itself, or by the condition that tells of readiness where it says nothing of a generation. */
export function isBehind(object: KubeObject): boolean {
  const { generation } = object.metadata;
  const told = conditionOf(object, 'Ready') ?? conditionOf(object, 'Available');
  const observed = numberOf(valueAt(object, 'status', 'observedGeneration')) ?? told?.observedGeneration;
  return generation !== undefined && observed !== undefined && observed !== generation;
}

/** Some controllers write it as text; what is no number at all tells nothing. */
function numberOf(written: unknown): number | undefined {
  if (typeof written === 'number') return written;
  return typeof written === 'string' && /^\d+$/.test(written) ? Number(written) : undefined;
}

const alwaysReady: Judge = () => ready;
const judges: Readonly<Record<string, Judge>> = {
  'apps/Deployment': judgeDeployment,
  'apps/StatefulSet': judgeStatefulSet,
  'apps/DaemonSet': judgeDaemonSet,
  'apps/ReplicaSet': judgeReplicaSet,
  '/Pod': judgePod,
  '/ReplicationController': judgeReplicaSet,
  '/PersistentVolumeClaim': judgeClaim,
  '/Service': judgeService,
  '/Namespace': (object) =>
    textAt(object, 'status', 'phase') === 'Terminating'
      ? { state: 'terminating', reason: 'it is being deleted' }
      : ready,
  'batch/Job': judgeJob,
  'autoscaling/HorizontalPodAutoscaler': judgeAutoscaler,
  'apiextensions.k8s.io/CustomResourceDefinition': judgeDefinition,
  'apiregistration.k8s.io/APIService': (object) => judgeCondition(object, 'Available'),
  '/ConfigMap': alwaysReady,
  '/Secret': alwaysReady,
  '/ServiceAccount': alwaysReady,
  '/Endpoints': alwaysReady,
  'batch/CronJob': alwaysReady,
  'policy/PodDisruptionBudget': alwaysReady,
};

function judgeJob(object: KubeObject): Health {
  // Told before its pods are gone, which have the cause in their logs (https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions).
  const failed = ['Failed', 'FailureTarget']
    .map((type) => conditionOf(object, type))
    .find((condition) => condition?.status === 'True');
  if (failed) return { state: 'failed', reason: failed.message || failed.reason || 'the job failed' };
  if (conditionOf(object, 'Complete')?.status === 'True') return { state: 'ready', reason: 'complete' };
  if (valueAt(object, 'spec', 'suspend') === true)
    return { state: 'ready', reason: 'suspended', remark: 'it is suspended and has not run (spec.suspend)' };
  const done = numberAt(object, 0, 'status', 'succeeded');
  return {
    state: 'progressing',
    reason: `${done} of ${numberAt(object, 1, 'spec', 'completions')} runs complete`,
  };
}

/**
 * Argo CD's rules but for metrics: an autoscaler gets its first ones a minute after its pods, and without any it leaves the replicas as they are, so
 * a deploy neither waits for them nor fails by them.
 */
function judgeAutoscaler(object: KubeObject): Health {
  const scale = conditionOf(object, 'AbleToScale');
  if (scale?.status === 'False')
    return { state: 'progressing', reason: scale.message || scale.reason || 'it cannot scale its target' };
  const active = conditionOf(object, 'ScalingActive');
  if (active?.status === 'False' && active.reason === 'InvalidSelector')
    return { state: 'failed', reason: active.message || active.reason };
  return active?.status === 'False' ? { state: 'ready', reason: active.message || active.reason } : ready;
}

function judgeClaim(object: KubeObject): Health {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Bound') return { state: 'ready', reason: 'bound' };
  if (phase === 'Lost') return { state: 'failed', reason: 'its volume is lost' };
  // With WaitForFirstConsumer it binds when its pod is placed; the pod's workload is what is waited for.
  return { state: 'ready', reason: 'it binds when a pod uses it' };
}

function judgeService(object: KubeObject): Health {
  if (textAt(object, 'spec', 'type') !== 'LoadBalancer') return ready;
  if (textAt(object, 'spec', 'clusterIP') !== '') return ready;
  return { state: 'progressing', reason: 'it has no cluster IP yet' };
}

function judgeDefinition(object: KubeObject): Health {
  const names = conditionOf(object, 'NamesAccepted');
  if (names?.status === 'False') return { state: 'failed', reason: names.message || 'its names are taken' };
  const established = conditionOf(object, 'Established');
  if (established?.status === 'True') return { state: 'ready', reason: 'established' };
  if (established?.status === 'False' && established.reason !== 'Installing')
    return { state: 'failed', reason: established.message || 'not established' };
  return { state: 'progressing', reason: 'not established yet' };
}

/** Kinds we have no rule for: their Ready or Available condition decides; an object without either is as ready as it says. */
function judgeByConditions(object: KubeObject): Health {
  for (const type of ['Ready', 'Available'])
    if (conditionOf(object, type)) return judgeCondition(object, type);
  return ready;
}

function judgeCondition(object: KubeObject, type: string): Health {
  const condition = conditionOf(object, type);
  if (condition?.status === 'True') return ready;
  return {
    state: 'progressing',
    reason: condition?.message || condition?.reason || `not ${type.toLowerCase()} yet`,
  };
}
