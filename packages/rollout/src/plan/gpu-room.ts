import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { listAt, numberAt, recordAt, textAt } from '../objects/json.ts';

/** What a node has of GPUs, and which pods hold some of them. */
export interface GpuRoom {
  readonly node: string;
  /** GPUs that it offers to pods. */
  readonly count: number;
  /** Bytes of each; absent where the node has no label of it (nvidia.com/gpu.memory, MiB). */
  readonly memoryBytes?: number;
  readonly holders: readonly { readonly pod: KubeObject; readonly count: number }[];
}

const resource = 'nvidia.com/gpu';

/** The GPUs of every node. Held is what pods ask for that are bound to a node and have not ended; nothing, where the account may not see all pods. */
export async function readGpuRooms(
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly GpuRoom[]> {
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
  const [nodes, pods] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'Node' }, signal),
    kube.list({ apiVersion: 'v1', kind: 'Pod', fieldSelector }, signal).catch((error: unknown) => {
      if (error instanceof KubeStatusError && error.status === 403) return { items: [] };
      throw error;
    }),
  ]);
  const held = pods.items.map((pod) => ({ pod, count: gpusOf(pod.spec) })).filter(({ count }) => count > 0);
  return nodes.items.map((node) => ({
    ...offerOf(node),
    holders: held.filter(({ pod }) => textAt(pod, 'spec', 'nodeName') === node.metadata.name),
  }));
}

/** GPUs of a node that nobody holds but pods that `isOwn` says are to go. */
export function freeIn(
  { count, holders }: GpuRoom,
  isOwn: (pod: KubeObject) => boolean = () => false,
): number {
  return holders.reduce((left, { pod, count }) => (isOwn(pod) ? left : left - count), count);
}

/** `node-1 offers 2, shop/web-0 holds 1`, for each node. */
export function describeRooms(rooms: readonly GpuRoom[]): string {
  const texts = rooms.map(({ node, count, holders }) => {
    const named = holders
      .slice(0, 5)
      .map(({ pod: { metadata }, count }) => `${metadata.namespace}/${metadata.name} holds ${count}`);
    const more = holders.length > 5 ? [`${holders.length - 5} more pods hold some`] : [];
    return [`${node} offers ${count}`, ...named, ...more].join(', ');
  });
  return texts.join('; ') || 'the cluster has no node';
}

/** GPUs that a pod of the given spec holds: all its containers' together, or what one that runs before them takes, where that is more. */
export function gpusOf(podSpec: unknown): number {
  const initial = listAt(podSpec, 'initContainers');
  const lasting = initial.filter((container) => textAt(container, 'restartPolicy') === 'Always');
  const together = [...listAt(podSpec, 'containers'), ...lasting].map(asked);
  const passing = initial.filter((container) => !lasting.includes(container)).map(asked);
  return Math.max(
    together.reduce((sum, count) => sum + count, 0),
    ...passing,
  );
}

/** True for a pod for which the scheduler may end others of less priority: what those hold does not keep it waiting. */
export function mayPreempt(podSpec: unknown): boolean {
  return textAt(podSpec, 'priorityClassName') !== '';
}

/** True for the pods of the given workloads: they go, or make room, when these change. */
export function ownPods(workloads: readonly KubeObject[]): (pod: KubeObject) => boolean {
  const selectors = workloads.flatMap(({ metadata, spec }) => {
    const labels = Object.entries(recordAt(spec, 'selector', 'matchLabels'));
    return labels.length > 0 ? [{ namespace: metadata.namespace, labels }] : [];
  });
  return ({ metadata }) =>
    selectors.some(
      ({ namespace, labels }) =>
        namespace === metadata.namespace && labels.every(([key, value]) => metadata.labels?.[key] === value),
    );
}

function asked(container: unknown): number {
  const { requests, limits } = recordAt(container, 'resources');
  return quantityOf(requests) || quantityOf(limits);
}

function offerOf(node: KubeObject): Pick<GpuRoom, 'node' | 'count' | 'memoryBytes'> {
  const memory = Number(node.metadata.labels?.['nvidia.com/gpu.memory']);
  return {
    node: node.metadata.name,
    count: quantityOf(recordAt(node, 'status', 'allocatable')),
    ...(Number.isFinite(memory) ? { memoryBytes: memory * 1_048_576 } : {}),
  };
}

function quantityOf(quantities: unknown): number {
  const text = textAt(quantities, resource);
  const count = text === '' ? numberAt(quantities, 0, resource) : Number(text);
  return Number.isFinite(count) ? count : 0;
}
