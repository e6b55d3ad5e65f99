import type { KubeObject, Ports } from '@zakenak/core';
import type { Health } from '../objects/condition.ts';
import { listAt, numberAt, recordAt, sameJson, textAt, valueAt } from '../objects/json.ts';
import { judgeHealth } from './health.ts';
import { containerStatuses } from './health-pod.ts';

/** Kinds that make pods. */
const workloadKinds = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Job',
]);

/** True for an object that makes pods. */
export function isWorkload({ kind }: KubeObject): boolean {
  return workloadKinds.has(kind);
}

/** The pods that a workload selects, of whichever template. */
export async function ownPodsOf(
  workload: KubeObject,
  ports: Pick<Ports, 'kube'>,
): Promise<readonly KubeObject[]> {
  const labelSelector = selectorOf(workload);
  if (labelSelector === '') return [];
  const { namespace = '' } = workload.metadata;
  return (await ports.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector })).items;
}

/** The pods of a workload; of a Deployment, StatefulSet or DaemonSet only those of the template that it has now. */
export async function podsOf(
  workload: KubeObject,
  ports: Pick<Ports, 'kube'>,
): Promise<readonly KubeObject[]> {
  const items = await ownPodsOf(workload, ports);
  const revision = revisions[workload.kind];
  const labelSelector = selectorOf(workload);
  if (!revision || labelSelector === '') return items;
  const { label, hashes } = await revision(workload, labelSelector, ports);
  return items.filter(({ metadata }) => hashes.has(metadata.labels?.[label] ?? ''));
}

/** The first pod of the workload's newest template that failed, of those that `isTelling` says tell of it. */
export async function findFailedPod(
  workload: KubeObject,
  ports: Pick<Ports, 'kube'>,
  isTelling: (pod: KubeObject) => boolean = () => true,
): Promise<{ readonly pod: KubeObject; readonly health: Health } | undefined> {
  const pods = await podsOf(workload, ports);
  // A Job tries again by itself until its backoffLimit, and its own condition tells; but a pod that never starts does not count there.
  const telling = pods.filter(
    (pod) => (workload.kind === 'Job' ? neverStarted(pod) : !isReplaced(pod)) && isTelling(pod),
  );
  const judged = telling.map((pod) => ({ pod, health: judgeHealth(pod) }));
  return judged.find(({ health }) => health.state === 'failed');
}

/** True for a pod of a workload other than a Job that is over (evicted, preempted, refused by its node): its controller makes another one. */
export function isReplaced(pod: KubeObject): boolean {
  return textAt(pod, 'status', 'phase') === 'Failed';
}

function neverStarted(pod: KubeObject): boolean {
  return (
    textAt(pod, 'status', 'phase') === 'Pending' &&
    containerStatuses(pod).every((status) => numberAt(status, 0, 'restartCount') === 0)
  );
}

/** A workload's selector as kubectl takes it. */
function selectorOf(workload: KubeObject): string {
  // The oldest kind has its labels right there.
  const path = workload.kind === 'ReplicationController' ? [] : ['matchLabels'];
  const labels = Object.entries(recordAt(workload, 'spec', 'selector', ...path));
  const expressions = listAt(workload, 'spec', 'selector', 'matchExpressions').map((expression) => {
    const [key, values] = [textAt(expression, 'key'), listAt(expression, 'values').join(',')];
    const forms: Readonly<Record<string, string>> = {
      In: `${key} in (${values})`,
      NotIn: `${key} notin (${values})`,
      Exists: key,
      DoesNotExist: `!${key}`,
    };
    return forms[textAt(expression, 'operator')] ?? key;
  });
  return [...labels.map(([key, value]) => `${key}=${value}`), ...expressions].join(',');
}

/** Pods of a template: they bear one of the hashes under the label. */
interface Revision {
  readonly label: string;
  readonly hashes: ReadonlySet<string>;
}
type FindRevision = (
  workload: KubeObject,
  labelSelector: string,
  ports: Pick<Ports, 'kube'>,
) => Promise<Revision>;

// By template, as the controllers do it: by number, the newest is still the former one in the moment after a change, and its pods may be what is mended.
const revisions: Readonly<Record<string, FindRevision>> = {
  async Deployment(workload, labelSelector, ports) {
    const own = await ownedOf(workload, 'ReplicaSet', labelSelector, ports);
    const same = own.filter((set) => sameTemplate(valueAt(set, 'spec', 'template'), workload));
    const label = 'pod-template-hash';
    return { label, hashes: new Set(same.map(({ metadata }) => metadata.labels?.[label] ?? '?')) };
  },
  async StatefulSet(workload, labelSelector, ports) {
    const own = await ownedOf(workload, 'ControllerRevision', labelSelector, ports);
    const same = own.filter((revision) =>
      sameTemplate(valueAt(revision, 'data', 'spec', 'template'), workload),
    );
    return { label: 'controller-revision-hash', hashes: new Set(same.map(({ metadata }) => metadata.name)) };
  },
  async DaemonSet(workload, labelSelector, ports) {
    const own = await ownedOf(workload, 'ControllerRevision', labelSelector, ports);
    const same = own.filter((revision) =>
      sameTemplate(valueAt(revision, 'data', 'spec', 'template'), workload),
    );
    const label = 'controller-revision-hash';
    return { label, hashes: new Set(same.map(({ metadata }) => metadata.labels?.[label] ?? '?')) };
  },
};

async function ownedOf(
  workload: KubeObject,
  kind: 'ReplicaSet' | 'ControllerRevision',
  labelSelector: string,
  ports: Pick<Ports, 'kube'>,
): Promise<readonly KubeObject[]> {
  const { namespace = '', uid } = workload.metadata;
  const { items } = await ports.kube.list({ apiVersion: 'apps/v1', kind, namespace, labelSelector });
  return items.filter(({ metadata }) =>
    listAt(metadata, 'ownerReferences').some((owner) => textAt(owner, 'uid') === uid),
  );
}

/** Equal but for what the controllers add: the hash among the labels, and the patch directive of a ControllerRevision. */
function sameTemplate(template: unknown, workload: KubeObject): boolean {
  return sameJson(bareTemplate(template), bareTemplate(valueAt(workload, 'spec', 'template')));
}

function bareTemplate(template: unknown): unknown {
  const { $patch: _patch, metadata: _metadata, ...rest } = recordAt(template);
  const { creationTimestamp: _created, labels: _labels, ...metadata } = recordAt(template, 'metadata');
  const { 'pod-template-hash': _hash, ...labels } = recordAt(template, 'metadata', 'labels');
  return { ...rest, metadata: { ...metadata, labels } };
}
