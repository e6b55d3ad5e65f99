import type { KubeObject, KubeRef, Ports } from '@zakenak/core';
import { conditionOf, type Health } from '../objects/condition.ts';
import { listAt, numberAt, textAt } from '../objects/json.ts';
import { describe, refOf } from '../objects/object.ts';
import { readEvents } from '../objects/warning-event.ts';
import { isReplaced, isWorkload, ownPodsOf, podsOf } from './culprit.ts';
import { judgeHealth } from './health.ts';
import { hasCrashed, judgePod } from './health-pod.ts';
import { describeNodes } from './node-trouble.ts';
import { isStuck } from './stuck-pods.ts';

type BlockagePorts = Pick<Ports, 'kube'>;

/**
 * What keeps an object from being ready, in the words of its worst pod, of that pod's claims, or of the newest warning: `pod web-1: not scheduled: 0/1
 * nodes are available: 1 Insufficient nvidia.com/gpu`. Undefined where nothing says more than the object itself.
 */
export async function findBlockage(object: KubeObject, ports: BlockagePorts): Promise<string | undefined> {
  const worst = await findWorst(object, ports);
  if (!worst)
    return (
      (object.kind === 'StatefulSet' ? await describeStuck(object, ports) : undefined) ??
      (isWorkload(object) ? await describeEnding(object, ports) : undefined) ??
      newestWarning(refOf(object), ports)
    );
  const reason = object.kind === 'Pod' ? '' : `pod ${worst.pod.metadata.name}: ${worst.health.reason}`;
  const more = await explainPod(worst.pod, worst.health.reason, ports);
  return [reason, more].filter(Boolean).join('; ') || undefined;
}

/** How much the worst of an object's pods tells of why it is not ready: 3 it failed, 2 it has crashed, 1 it is on its way, 0 it was replaced; undefined where no pod tells anything. */
export async function gravityOf(object: KubeObject, ports: BlockagePorts): Promise<number | undefined> {
  return (await findWorst(object, ports))?.gravity;
}

interface JudgedPod {
  readonly pod: KubeObject;
  readonly health: Health;
  readonly gravity: number;
}

async function findWorst(object: KubeObject, ports: BlockagePorts): Promise<JudgedPod | undefined> {
  const pods = object.kind === 'Pod' ? [object] : isWorkload(object) ? await podsOf(object, ports) : [];
  const judged = pods.flatMap((pod) => {
    // A Job deletes what it gives up.
    const health = object.kind === 'Job' ? judgePod(pod) : judgeHealth(pod);
    if (health.state === 'progressing') return [{ pod, health, gravity: hasCrashed(pod) ? 2 : 1 }];
    if (health.state !== 'failed') return [];
    return [{ pod, health, gravity: object.kind !== 'Job' && isReplaced(pod) ? 0 : 3 }];
  });
  return judged.toSorted((a, b) => b.gravity - a.gravity)[0];
}

async function describeStuck(set: KubeObject, ports: BlockagePorts): Promise<string | undefined> {
  const onDelete = textAt(set, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  const stuck = (await ownPodsOf(set, ports)).find((pod) =>
    onDelete ? judgeHealth(pod).state !== 'ready' : isStuck(pod, set),
  );
  if (!stuck) return undefined;
  const { namespace, name } = stuck.metadata;
  const why = onDelete
    ? 'with updateStrategy: OnDelete a pod is replaced when somebody deletes it'
    : 'a StatefulSet replaces no pod that is not ready';
  return `pod ${name} of a former template: ${judgeHealth(stuck).reason}; ${why}, this one goes by kubectl delete pod --namespace ${namespace} ${name}`;
}

/** A pod that is being deleted is in the way of the next one, but for rolling updates of a Deployment. */
async function describeEnding(workload: KubeObject, ports: BlockagePorts): Promise<string | undefined> {
  const pods = await ownPodsOf(workload, ports);
  const ending = pods.find(({ metadata }) => metadata.deletionTimestamp !== undefined);
  if (!ending) return undefined;
  const { name } = ending.metadata;
  const finalizers = listAt(ending, 'metadata', 'finalizers');
  const held = finalizers.length > 0 ? ` (finalizers: ${finalizers.join(', ')})` : '';
  const graceSeconds = numberAt(ending, 0, 'metadata', 'deletionGracePeriodSeconds');
  const place = textAt(ending, 'spec', 'nodeName');
  const text = `pod ${name}${place && ` on node ${place}`} is being deleted and has not gone yet: it has ${graceSeconds} s to end${held}`;
  const node = await describeNodes(ending, ports);
  return node ? `${text}; ${node}` : text;
}

/** What the pod's own reason leaves open: the claim that it waits for, the node that is not ready, or the probe that had it killed. */
export async function explainPod(
  pod: KubeObject,
  reason: string,
  ports: BlockagePorts,
): Promise<string | undefined> {
  const placed = conditionOf(pod, 'PodScheduled');
  if (placed?.status === 'False')
    return (
      (await unboundClaim(pod, ports)) ??
      (tellsOfNodes.test(placed.message) ? describeNodes(pod, ports) : undefined)
    );
  const claim = isUnplaced(pod) ? await unboundClaim(pod, ports, true) : undefined;
  if (claim) return claim;
  // Such an end is a signal from outside, mostly the kubelet's after a failed probe; of other ends the container's own logs tell.
  const isKilled = /exit code (?:137|143)/.test(reason) && !reason.includes('OOMKilled');
  const isFailed = judgeHealth(pod).state === 'failed';
  if (isFailed && !isKilled) return undefined;
  const node =
    isFailed || textAt(pod, 'spec', 'nodeName') === '' ? undefined : await describeNodes(pod, ports);
  if (node) return node;
  return newestWarning(refOf(pod), ports);
}

/** The scheduler does not say which nodes, nor, of taints, why (kubernetes: pkg/scheduler/framework/plugins). */
const tellsOfNodes = /unschedulable|taint/;

/** The claims of a pod that have no volume yet. */
export async function findUnbound(pod: KubeObject, ports: BlockagePorts): Promise<readonly KubeRef[]> {
  const { namespace = '' } = pod.metadata;
  const names = listAt(pod, 'spec', 'volumes')
    .map((volume) => textAt(volume, 'persistentVolumeClaim', 'claimName'))
    .filter(Boolean);
  const refs = names.map((name) => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name }));
  const claims = await Promise.all(refs.map((ref) => ports.kube.get(ref)));
  return refs.filter((_, index) => textAt(claims[index], 'status', 'phase') !== 'Bound');
}

/** True for a pod of which the scheduler says nothing yet: it waits for volumes of classes with WaitForFirstConsumer to be made. */
function isUnplaced(pod: KubeObject): boolean {
  return textAt(pod, 'status', 'phase') === 'Pending' && textAt(pod, 'spec', 'nodeName') === '';
}

async function unboundClaim(
  pod: KubeObject,
  ports: BlockagePorts,
  isCause = false,
): Promise<string | undefined> {
  for (const ref of await findUnbound(pod, ports)) {
    const warning = (await newestWarning(ref, ports)) ?? (isCause ? 'it has no volume yet' : undefined);
    if (warning) return `${describe(ref)}: ${warning}`;
  }
  return undefined;
}

// They only say that the kubelet or the scheduler goes on trying.
const tellsNothing = new Set(['BackOff', 'FailedScheduling']);

async function newestWarning(ref: KubeRef, ports: BlockagePorts): Promise<string | undefined> {
  const events = await readEvents(ref, ports);
  const newest = events.findLast(({ type, reason }) => type === 'Warning' && !tellsNothing.has(reason));
  return newest && `${newest.reason}: ${newest.message.replace(/[:\s]+$/, '')}`;
}
