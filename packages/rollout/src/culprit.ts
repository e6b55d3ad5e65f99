import type { KubeObject, Ports } from '@zakenak/core';
import type { Health } from './condition.ts';
import { judgeHealth } from './health.ts';
import { isRecord, listAt, numberAt, textAt, valueAt } from './json.ts';

/** Kinds that make pods. */
const workloadKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']);

/** True for an object that makes pods. */
export function isWorkload({ kind }: KubeObject): boolean {
  return workloadKinds.has(kind);
}

/** The pods of a workload; of a Deployment or StatefulSet only those of the newest template. */
export async function podsOf(
  workload: KubeObject,
  ports: Pick<Ports, 'kube'>,
): Promise<readonly KubeObject[]> {
  const labelSelector = selectorOf(workload);
  const { namespace = '' } = workload.metadata;
  if (labelSelector === '') return [];
  const { items } = await ports.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector });
  const newest = await newestRevision(workload, labelSelector, ports);
  if (newest === undefined) return items;
  return items.filter(({ metadata }) => metadata.labels?.[newest.label] === newest.value);
}

/** The first pod of the workload's newest template that failed. */
export async function findFailedPod(
  workload: KubeObject,
  ports: Pick<Ports, 'kube'>,
): Promise<{ readonly pod: KubeObject; readonly health: Health } | undefined> {
  // A Job tries again by itself until its backoffLimit; its own condition tells.
  if (workload.kind === 'Job') return undefined;
  const judged = (await podsOf(workload, ports)).map((pod) => ({ pod, health: judgeHealth(pod) }));
  return judged.find(({ health }) => health.state === 'failed');
}

function selectorOf(workload: KubeObject): string {
  const labels = valueAt(workload, 'spec', 'selector', 'matchLabels');
  if (!isRecord(labels)) return '';
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

async function newestRevision(
  workload: KubeObject,
  labelSelector: string,
  ports: Pick<Ports, 'kube'>,
): Promise<{ readonly label: string; readonly value: string } | undefined> {
  if (workload.kind === 'StatefulSet') {
    const value = textAt(workload, 'status', 'updateRevision');
    return value === '' ? undefined : { label: 'controller-revision-hash', value };
  }
  if (workload.kind !== 'Deployment') return undefined;
  const { namespace = '', uid } = workload.metadata;
  const { items } = await ports.kube.list({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    namespace,
    labelSelector,
  });
  const own = items
    .filter(({ metadata }) =>
      listAt(metadata, 'ownerReferences').some((owner) => textAt(owner, 'uid') === uid),
    )
    .sort((a, b) => revisionOf(b) - revisionOf(a));
  const value = own[0]?.metadata.labels?.['pod-template-hash'];
  return value === undefined ? undefined : { label: 'pod-template-hash', value };
}

function revisionOf(replicaSet: KubeObject): number {
  const text = replicaSet.metadata.annotations?.['deployment.kubernetes.io/revision'];
  return numberAt({ value: Number(text ?? 0) }, 0, 'value');
}
