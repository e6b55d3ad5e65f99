import { type Finding, isSimulatedNode, type KubeApi, type KubeObject } from '@zakenak/core';
import { gpuFinding } from './findings.ts';
import type { SeenGpu } from './judge-gpus.ts';

/** A node that offers GPUs, or should. */
export interface GpuNode {
  readonly name: string;
  readonly simulated: boolean;
  readonly capacity: number;
  readonly allocatable: number;
  readonly ready: boolean;
  /** From the labels of NVIDIA's GPU Feature Discovery, where it runs. */
  readonly product?: string;
  readonly memoryMiB?: number;
  readonly computeCapability?: string;
  readonly driver?: string;
  readonly cuda?: string;
}

/** Every node that has the resource in its capacity. */
export async function readGpuNodes(
  kube: KubeApi,
  resourceName: string,
  signal?: AbortSignal,
): Promise<readonly GpuNode[]> {
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Node' }, signal);
  return items.map((node) => readNode(node, resourceName)).filter(({ capacity }) => capacity > 0);
}

/** Reads one Node object. */
function readNode(node: KubeObject, resourceName: string): GpuNode {
  const { name, labels = {} } = node.metadata;
  const status = (node.status ?? {}) as {
    readonly capacity?: Readonly<Record<string, string>>;
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  const count = (amounts: Readonly<Record<string, string>> | undefined) =>
    Number(amounts?.[resourceName] ?? 0) || 0;
  const label = (key: string) => labels[`nvidia.com/${key}`];
  const memoryMiB = Number(label('gpu.memory'));
  return {
    name,
    simulated: isSimulatedNode(node),
    capacity: count(status.capacity),
    allocatable: count(status.allocatable),
    ready: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ...optional('product', label('gpu.product')),
    ...(memoryMiB > 0 ? { memoryMiB } : {}),
    ...optional('computeCapability', joined(label('gpu.compute.major'), label('gpu.compute.minor'))),
    ...optional(
      'driver',
      label('cuda.driver-version.full') ??
        joined(label('cuda.driver.major'), label('cuda.driver.minor'), label('cuda.driver.rev')),
    ),
    ...optional(
      'cuda',
      label('cuda.runtime-version.full') ?? joined(label('cuda.runtime.major'), label('cuda.runtime.minor')),
    ),
  };
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [key in K]?: string } {
  return value ? ({ [key]: value } as { readonly [key in K]: string }) : {};
}

function joined(...parts: readonly (string | undefined)[]): string | undefined {
  const given = parts.filter(Boolean);
  return parts[0] && parts[1] ? given.join('.') : undefined;
}

/** One entry for each GPU that the nodes offer. */
export function gpusOf(nodes: readonly GpuNode[]): readonly SeenGpu[] {
  return nodes.flatMap(({ name, allocatable, product, memoryMiB, computeCapability, driver }) =>
    Array.from({ length: allocatable }, () => ({
      where: `node/${name}`,
      ...(product ? { name: product } : {}),
      ...(memoryMiB ? { memoryMiB } : {}),
      ...(computeCapability ? { computeCapability } : {}),
      ...(driver ? { driver } : {}),
    })),
  );
}

/** Why no node offers a GPU: device plugin missing, not ready, or its devices unhealthy. */
export async function explainNoGpu(
  kube: KubeApi,
  nodes: readonly GpuNode[],
  resourceName: string,
  signal?: AbortSignal,
): Promise<Finding> {
  const sick = nodes.find(({ capacity, allocatable }) => capacity > 0 && allocatable === 0);
  if (sick)
    return gpuFinding(
      'gpu/device-unhealthy',
      `Node ${sick.name} has ${sick.capacity} ${resourceName}, but the device plugin reports none of them healthy.`,
      'Look for Xid errors (dmesg) and at the device plugin’s log on that node.',
    );
  const { items } = await kube.list({ apiVersion: 'apps/v1', kind: 'DaemonSet' }, signal);
  const plugin = items.find(isDevicePlugin);
  if (!plugin)
    return gpuFinding(
      'gpu/device-plugin-missing',
      `No node offers ${resourceName}, and no NVIDIA device plugin is installed.`,
      'Deploy the device plugin (the reference platform’s chart nvidia-device-plugin, or the GPU operator).',
    );
  const { numberReady = 0, desiredNumberScheduled = 0 } = (plugin.status ?? {}) as Record<string, number>;
  const where = `${plugin.metadata.namespace}/${plugin.metadata.name}`;
  return gpuFinding(
    'gpu/device-plugin-not-ready',
    `No node offers ${resourceName}: the device plugin ${where} is ready on ${numberReady} of ${desiredNumberScheduled} nodes.`,
    desiredNumberScheduled === 0
      ? 'Label the GPU node as the device plugin’s nodeSelector or affinity wants it.'
      : `Read its log: kubectl logs -n ${plugin.metadata.namespace} daemonset/${plugin.metadata.name}.`,
  );
}

function isDevicePlugin({ metadata, spec }: KubeObject): boolean {
  return /nvidia.*device-plugin|gpu-device-plugin/.test(`${metadata.name} ${JSON.stringify(spec ?? {})}`);
}
