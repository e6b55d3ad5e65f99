import { randomBytes } from 'node:crypto';
import { type KubeObject, type KubeRef, simulatedMark } from '@zakenak/core';
import type { SmokeRequest } from './request.ts';

/** Has nvidia-smi's libraries mounted by the runtime; small, and of the CUDA version asked for by default. */
const listImage = 'nvcr.io/nvidia/cuda:12.8.1-base-ubuntu22.04';
/** NVIDIA's vectorAdd sample: prints "Test PASSED" after comparing the GPU's sums with the CPU's. */
const computeImage = 'nvcr.io/nvidia/k8s/cuda-sample:vectoradd-cuda12.5.0-ubuntu22.04';
/** Name of its one container. */
export const probeContainerName = 'probe';

/** What the probe runs: a list of GPUs, or a computation from level compute on. */
export function probeImage(request: Pick<SmokeRequest, 'image'>, compute: boolean): string {
  return request.image ?? (compute ? computeImage : listImage);
}

/**
 * The pod that proves scheduling, device plugin, runtime and driver libraries by taking one GPU. It ends by itself at the timeout, also when nobody is left to
 * delete it. `realOnly` keeps it off simulated nodes.
 */
export function renderProbePod(
  request: Pick<SmokeRequest, 'image' | 'namespace' | 'resourceName' | 'timeoutMs'>,
  options: { readonly compute: boolean; readonly realOnly: boolean; readonly runtimeClass?: string },
): KubeObject {
  const real = { key: simulatedMark, operator: 'NotIn', values: ['true'] };
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [real] }] },
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `zakenak-gpu-smoke-${randomBytes(4).toString('hex')}`,
      namespace: request.namespace,
      labels: { 'app.kubernetes.io/name': 'zakenak-gpu-smoke', 'app.kubernetes.io/managed-by': 'zakenak' },
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: Math.max(1, Math.ceil(request.timeoutMs / 1000)),
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ key: request.resourceName, operator: 'Exists', effect: 'NoSchedule' }],
      ...(options.realOnly ? { affinity } : {}),
      ...(options.runtimeClass ? { runtimeClassName: options.runtimeClass } : {}),
      containers: [
        {
          name: probeContainerName,
          image: probeImage(request, options.compute),
          ...(options.compute ? {} : { command: ['nvidia-smi', '-L'] }),
          resources: { limits: { [request.resourceName]: '1' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

/** Names the pod. */
export function podRef(pod: KubeObject): KubeRef & { readonly namespace: string } {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: pod.metadata.namespace ?? 'default',
    name: pod.metadata.name,
  };
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly exitCode?: number; readonly reason?: string; readonly message?: string };
}

/** What a pod's status says, as far as we care. */
export interface PodView {
  readonly phase: string;
  readonly node?: string;
  /** The scheduler's message while it finds no place. */
  readonly unschedulable?: string;
  readonly waiting?: { readonly reason: string; readonly message: string };
  readonly exitCode?: number;
  /** Reason and message of the pod itself (DeadlineExceeded, UnexpectedAdmissionError) or of its container's end. */
  readonly said: string;
}

/** Reads a Pod object. */
export function viewPod(pod: KubeObject): PodView {
  const spec = (pod.spec ?? {}) as { readonly nodeName?: string };
  const status = (pod.status ?? {}) as {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly { readonly state?: ContainerState }[];
  };
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  const state = status.containerStatuses?.[0]?.state;
  const ended = state?.terminated;
  const said = [
    status.reason,
    status.message,
    ended?.reason === 'Completed' ? undefined : ended?.reason,
    ended?.message,
  ];
  return {
    phase: status.phase ?? 'Pending',
    said: said.filter(Boolean).join(': '),
    ...(spec.nodeName ? { node: spec.nodeName } : {}),
    ...(scheduled?.status === 'False' && !spec.nodeName
      ? { unschedulable: scheduled.message ?? scheduled.reason ?? '' }
      : {}),
    ...(state?.waiting?.reason
      ? { waiting: { reason: state.waiting.reason, message: state.waiting.message ?? '' } }
      : {}),
    ...(ended?.exitCode === undefined ? {} : { exitCode: ended.exitCode }),
  };
}
