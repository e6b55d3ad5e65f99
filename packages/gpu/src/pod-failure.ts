import type { Finding, KubeApi, KubeObject } from '@zakenak/core';
import { imageNotPulled } from './containers.ts';
import { gpuFinding } from './findings.ts';
import type { PodEnd } from './follow-pod.ts';
import type { GpuNode } from './nodes.ts';

/** Why the probe pod did not do its work, as a finding with its cause. */
export async function explainPodFailure(
  { view, how }: PodEnd,
  context: {
    readonly image: string;
    readonly resourceName: string;
    readonly nodes: readonly GpuNode[];
    readonly log: string;
    readonly timeoutMs: number;
  },
  kube: KubeApi,
  signal?: AbortSignal,
): Promise<Finding> {
  if (how === 'unschedulable') return explainUnschedulable(view.unschedulable ?? '', context, kube, signal);
  if (how === 'vanished')
    return gpuFinding(
      'gpu/pod-vanished',
      'The probe pod was deleted by someone else before it ended.',
      'Find out what deletes pods in that namespace (a quota, a policy, a person), or choose another namespace.',
    );
  const waiting = view.waiting;
  if (waiting && /image/i.test(waiting.reason))
    return imageNotPulled(context.image, waiting.message || waiting.reason);
  if (waiting && how === 'stuck') return explainStart(`${waiting.reason}: ${waiting.message}`);
  if (how === 'timed-out' || /DeadlineExceeded/.test(view.said))
    return gpuFinding(
      'gpu/timed-out',
      `The probe pod on node ${view.node ?? 'unknown'} did not end within ${Math.round(context.timeoutMs / 1000)} s; it is ${waiting?.reason ?? view.phase}.`,
      'Raise the timeout where the image is still being pulled; otherwise read the kubelet’s log on that node.',
    );
  if (/UnexpectedAdmissionError/.test(view.said))
    return gpuFinding(
      'gpu/allocation-failed',
      `The device plugin could not hand the GPU to the pod: ${view.said}`,
      'Restart the device plugin on that node, then the kubelet if it stays.',
    );
  if (/executable file not found|StartError|libnvidia-ml/.test(`${view.said} ${context.log}`))
    return explainStart(view.said || context.log);
  const last = context.log.trim().split('\n').at(-1)?.slice(0, 300) || view.said || 'no output';
  return gpuFinding(
    'gpu/compute-failed',
    `The probe ended with exit code ${view.exitCode ?? 'unknown'}: ${last}`,
    'Read its output: a CUDA error there names the driver or the GPU at fault.',
  );
}

function explainStart(said: string): Finding {
  return gpuFinding(
    'gpu/runtime-missing',
    `The container could not start with the GPU: ${said.trim().slice(0, 400)}`,
    'Make NVIDIA’s runtime the default of the node’s containerd (`sudo nvidia-ctk runtime configure --runtime=containerd --set-as-default`), or set runtime-class.',
  );
}

async function explainUnschedulable(
  message: string,
  { resourceName, nodes }: { readonly resourceName: string; readonly nodes: readonly GpuNode[] },
  kube: KubeApi,
  signal?: AbortSignal,
): Promise<Finding> {
  const usage = message.includes(`Insufficient ${resourceName}`)
    ? await readUsage(kube, nodes, resourceName, signal)
    : undefined;
  if (usage && usage.free === 0)
    return gpuFinding(
      'gpu/all-in-use',
      `Every GPU is taken: ${usage.holders.slice(0, 5).join(', ')}.`,
      'Share the GPU (timeSlicing in the device plugin’s configuration), or test with level inference through the release that holds it.',
    );
  return gpuFinding(
    'gpu/unschedulable',
    `The scheduler finds no node for a pod with one ${resourceName}: ${message}`,
    'Remove or tolerate the taint, or correct the node’s labels, that the scheduler names.',
  );
}

/** Who holds the GPUs of these nodes. */
export async function readUsage(
  kube: KubeApi,
  nodes: readonly GpuNode[],
  resourceName: string,
  signal?: AbortSignal,
): Promise<{ readonly free: number; readonly holders: readonly string[] }> {
  const names = new Set(nodes.map(({ name }) => name));
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, signal);
  const holding = items
    .map((pod) => ({
      pod,
      count: gpusTaken(pod, resourceName),
      node: (pod.spec as { nodeName?: string } | undefined)?.nodeName,
    }))
    .filter(({ pod, count, node }) => count > 0 && node !== undefined && names.has(node) && !isOver(pod));
  const taken = holding.reduce((sum, { count }) => sum + count, 0);
  const all = nodes.reduce((sum, { allocatable }) => sum + allocatable, 0);
  const holders = holding.map(
    ({ pod, count }) => `${pod.metadata.namespace}/${pod.metadata.name} (${count})`,
  );
  return { free: Math.max(0, all - taken), holders };
}

function gpusTaken(pod: KubeObject, resourceName: string): number {
  const { containers = [] } = (pod.spec ?? {}) as {
    readonly containers?: readonly {
      readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> };
    }[];
  };
  return containers.reduce((sum, { resources }) => sum + (Number(resources?.limits?.[resourceName]) || 0), 0);
}

function isOver(pod: KubeObject): boolean {
  return ['Succeeded', 'Failed'].includes((pod.status as { phase?: string } | undefined)?.phase ?? '');
}
