/** A node that exists in the API only: KWOK keeps its lease and plays its kubelet, no container ever runs. */
export interface SimulatedNode {
  readonly name: string;
  /** Cores. */
  readonly cpus: number;
  /** Gibibytes of main memory. */
  readonly memoryGiB: number;
  readonly gpus?: SimulatedGpus;
}

/** The GPUs of a simulated node, labelled as NVIDIA's GPU Feature Discovery labels real ones. */
export interface SimulatedGpus {
  readonly count: number;
  /** As `nvidia-smi` names it, blanks as dashes: `NVIDIA-GeForce-RTX-4090`. */
  readonly product: string;
  /** Mebibytes of each. */
  readonly memoryMiB: number;
  /** Compute capability, `8.9`. */
  readonly computeCapability: string;
  readonly family: string;
}

/** Marks everything that is not real: a label on nodes, so that selectors can tell, and an annotation. */
export const simulatedMark = 'zakenak.dev/simulated';
/** The annotation by which KWOK knows its nodes. */
export const kwokNodeAnnotation = 'kwok.x-k8s.io/node';

/** One workstation with two GPUs: what the sandbox has where nothing is said. */
export const defaultNodes: readonly SimulatedNode[] = [
  {
    name: 'simulated-gpu-1',
    cpus: 16,
    memoryGiB: 64,
    gpus: {
      count: 2,
      product: 'NVIDIA-GeForce-RTX-4090',
      memoryMiB: 24_564,
      computeCapability: '8.9',
      family: 'ada-lovelace',
    },
  },
];

/** `count` nodes like the default one. */
export function simulateGpuNodes(count: number, gpusPerNode: number): readonly SimulatedNode[] {
  const [pattern] = defaultNodes;
  if (!pattern?.gpus) return [];
  const { gpus } = pattern;
  return Array.from({ length: count }, (_, index) => ({
    ...pattern,
    name: `simulated-gpu-${index + 1}`,
    gpus: { ...gpus, count: gpusPerNode },
  }));
}

/** The Node object of a simulated node, ready to be created; KWOK fills conditions and addresses. */
export function renderNode(node: SimulatedNode): Record<string, unknown> {
  const capacity = {
    cpu: String(node.cpus),
    memory: `${node.memoryGiB}Gi`,
    'ephemeral-storage': '512Gi',
    pods: '110',
    ...(node.gpus ? { 'nvidia.com/gpu': String(node.gpus.count) } : {}),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      annotations: { [kwokNodeAnnotation]: 'fake', [simulatedMark]: 'true' },
      labels: {
        [simulatedMark]: 'true',
        'kubernetes.io/hostname': node.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'node.kubernetes.io/instance-type': 'simulated',
        ...gpuLabels(node.gpus),
      },
    },
    status: { capacity, allocatable: capacity },
  };
}

/** Labels after https://github.com/NVIDIA/k8s-device-plugin/tree/main/docs/gpu-feature-discovery. */
function gpuLabels(gpus: SimulatedGpus | undefined): Record<string, string> {
  if (!gpus) return {};
  const [major = '', minor = ''] = gpus.computeCapability.split('.');
  return {
    'nvidia.com/gpu.present': 'true',
    'nvidia.com/gpu.count': String(gpus.count),
    'nvidia.com/gpu.product': gpus.product,
    'nvidia.com/gpu.memory': String(gpus.memoryMiB),
    'nvidia.com/gpu.family': gpus.family,
    'nvidia.com/gpu.compute.major': major,
    'nvidia.com/gpu.compute.minor': minor,
    'nvidia.com/mig.capable': 'false',
  };
}
