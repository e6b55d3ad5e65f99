import {
  type Finding,
  type KubeApi,
  type KubeObject,
  KubeStatusError,
  type Ports,
  ZakenakError,
} from '@zakenak/core';
import { clusterFailed, forbidden, noNamespace } from './errors.ts';
import { gpuFinding } from './findings.ts';
import { followPod } from './follow-pod.ts';
import { judgeGpus } from './judge-gpus.ts';
import { explainNoGpu, type GpuNode, gpusOf, readGpuNodes } from './nodes.ts';
import { parseGpuList } from './nvidia-smi.ts';
import { explainPodFailure, readUsage } from './pod-failure.ts';
import { podRef, probeContainerName, probeImage, renderProbePod } from './probe-pod.ts';
import { isAtLeastLevel, type Level, type SmokeRequest } from './request.ts';

/** What the cluster showed. */
export interface ClusterFacts {
  readonly nodes: readonly GpuNode[];
  /** No node offers the resource at all. */
  readonly absent: boolean;
  /** The deepest level that held. */
  readonly reached?: Level;
  /** A simulated node stood in for a real one. */
  readonly simulated: boolean;
  readonly findings: readonly Finding[];
  readonly caveats: readonly string[];
}

/** Longest that creating or deleting the pod may take. */
const writeMs = 20_000;

type ClusterPorts = { readonly kube: KubeApi } & Pick<Ports, 'clock' | 'progress' | 'log'>;

/**
 * Levels kubernetes and compute: nodes that offer the resource, and a pod that takes one GPU. Where real and simulated nodes are mixed only the real ones
 * count. Throws `gpu/forbidden`, `gpu/no-namespace`, `gpu/cluster-failed` and what KubeApi throws.
 */
export async function probeCluster(
  request: SmokeRequest,
  ports: ClusterPorts,
  signal?: AbortSignal,
): Promise<ClusterFacts> {
  const all = await mapErrors('list nodes', readGpuNodes(ports.kube, request.resourceName, signal));
  const offering = all.filter(({ allocatable }) => allocatable > 0);
  const real = offering.filter(({ simulated }) => !simulated);
  const nodes = real.length > 0 ? real : offering;
  const facts = { nodes, absent: false, simulated: nodes.some(({ simulated }) => simulated), caveats: [] };
  if (nodes.length === 0) {
    const finding = await mapErrors(
      'look for the device plugin',
      explainNoGpu(ports.kube, all, request.resourceName, signal),
    );
    return { ...facts, absent: true, findings: [finding] };
  }
  const driver = nodes.find(({ cuda }) => cuda);
  const findings = judgeGpus(gpusOf(nodes), request, driver?.cuda);
  if (findings.some(({ severity }) => severity === 'high')) return { ...facts, findings };
  const proof = await provePod(request, nodes, ports, signal);
  return { ...facts, ...proof, findings: [...findings, ...proof.findings] };
}

type Proof = Pick<ClusterFacts, 'reached' | 'findings' | 'caveats'>;

async function provePod(
  request: SmokeRequest,
  nodes: readonly GpuNode[],
  ports: ClusterPorts,
  signal?: AbortSignal,
): Promise<Proof> {
  const { kube } = ports;
  if (request.level === 'inference') {
    const usage = await mapErrors('list pods', readUsage(kube, nodes, request.resourceName, signal));
    if (usage.free === 0)
      return {
        reached: 'kubernetes',
        findings: [],
        caveats: [
          `No GPU was free for a probe pod (held by ${usage.holders.join(', ')}): only the model’s answer proves it.`,
        ],
      };
  }
  const compute = isAtLeastLevel(request.level, 'compute');
  const runtimeClass = await findRuntimeClass(request.runtimeClass, kube, signal);
  const realOnly = nodes.every(({ simulated }) => !simulated);
  const pod = renderProbePod(request, { compute, realOnly, ...(runtimeClass ? { runtimeClass } : {}) });
  const created = await createPod(pod, kube).catch(async (error: unknown) => {
    // A lost answer does not mean that nothing was made; the name is ours alone.
    if (!isRefusal(error)) await deletePod(pod, ports);
    throw error;
  });
  if (created.refusal) return { findings: [created.refusal], caveats: [] };
  try {
    return await judgePod(created.pod, request, { nodes, compute }, ports, signal);
  } finally {
    await deletePod(pod, ports);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ZakenakError && ['gpu/forbidden', 'gpu/no-namespace'].includes(error.code);
}

async function judgePod(
  created: KubeObject,
  request: SmokeRequest,
  { nodes, compute }: { readonly nodes: readonly GpuNode[]; readonly compute: boolean },
  ports: ClusterPorts,
  signal?: AbortSignal,
): Promise<Proof> {
  const isSimulated = (name: string) => nodes.some((node) => node.name === name && node.simulated);
  const end = await followPod(created, ports, { timeoutMs: request.timeoutMs, isSimulated }, signal);
  const { view, how } = end;
  const onSimulated = view.node !== undefined && isSimulated(view.node);
  if (onSimulated && (how === 'running' || view.phase === 'Succeeded'))
    return { reached: 'kubernetes', findings: [], caveats: notSeen(view.node ?? '', compute) };
  const log = onSimulated || how !== 'ended' ? '' : await readLog(created, ports, signal);
  if (how === 'ended' && view.phase === 'Succeeded') return judgeLog(log, compute, request, ports);
  const image = probeImage(request, compute);
  const { resourceName, timeoutMs } = request;
  const finding = explainPodFailure(end, { image, resourceName, nodes, log, timeoutMs }, ports.kube, signal);
  return { findings: [await finding], caveats: [] };
}

function notSeen(node: string, compute: boolean): readonly string[] {
  const missed = compute
    ? 'the driver’s libraries and a CUDA computation were'
    : 'the driver’s libraries were';
  return [
    `The node ${node} is simulated: the scheduler placed a pod with a GPU there, but no container ran, so ${missed} not seen.`,
  ];
}

/** Exit code 0 alone proves nothing: an image without CUDA ends so too. */
function judgeLog(log: string, compute: boolean, request: SmokeRequest, ports: ClusterPorts): Proof {
  for (const line of log.trim().split('\n').slice(0, 20)) ports.log.debug(line);
  if (compute && /Test PASSED/.test(log)) return { reached: 'compute', findings: [], caveats: [] };
  if (!compute && parseGpuList(log).length > 0) return { reached: 'kubernetes', findings: [], caveats: [] };
  const wanted = compute ? '"Test PASSED"' : 'a list of GPUs';
  const image = probeImage(request, compute);
  const finding = gpuFinding(
    'gpu/no-proof',
    `The probe ${image} ended well but did not print ${wanted}.`,
    compute
      ? "Use NVIDIA’s vectorAdd sample as 'image', or ask for level kubernetes."
      : 'Use an image that the NVIDIA runtime gives nvidia-smi to.',
  );
  return { ...(compute ? { reached: 'kubernetes' as const } : {}), findings: [finding], caveats: [] };
}

async function findRuntimeClass(
  wanted: string,
  kube: KubeApi,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (wanted === 'none') return undefined;
  if (wanted !== 'auto') return wanted;
  const ref = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', name: 'nvidia' };
  const found = await mapErrors('read the RuntimeClass nvidia', kube.get(ref, signal));
  return found && 'nvidia';
}

type Created = { readonly pod: KubeObject; readonly refusal?: never } | { readonly refusal: Finding };

/** Without the run’s signal: a request that is cut off may still be carried out, after the pod has been looked for and not found. */
async function createPod(pod: KubeObject, kube: KubeApi): Promise<Created> {
  try {
    return { pod: await kube.create(pod, { fieldManager: 'zakenak' }, AbortSignal.timeout(writeMs)) };
  } catch (error) {
    if (!(error instanceof KubeStatusError)) throw error;
    if (error.status === 404) throw noNamespace(pod.metadata.namespace ?? '');
    const refused =
      error.status === 422 ||
      /exceeded quota|admission webhook|violates PodSecurity|is forbidden: .*policy/i.test(error.message);
    if (!refused) throw explained('create the probe pod', error);
    const refusal = gpuFinding(
      'gpu/pod-refused',
      `The cluster refuses the probe pod: ${error.message}`,
      'Raise the quota or change the policy for the namespace, or choose another namespace.',
    );
    return { refusal };
  }
}

async function readLog(pod: KubeObject, { kube }: ClusterPorts, signal?: AbortSignal): Promise<string> {
  const { namespace, name } = podRef(pod);
  return mapErrors(
    'read the probe’s log',
    kube.logs({ namespace, pod: name, container: probeContainerName, tailLines: 200 }, signal),
  );
}

/** Without the run's signal: a cancelled run cleans up too. */
async function deletePod(pod: KubeObject, { kube, log }: ClusterPorts): Promise<void> {
  try {
    await kube.delete(podRef(pod), { propagation: 'Background' }, AbortSignal.timeout(writeMs));
  } catch (error) {
    const { namespace, name } = podRef(pod);
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(
      `The probe pod ${namespace}/${name} could not be deleted (${reason}); it ends by itself at its deadline.`,
    );
  }
}

async function mapErrors<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof KubeStatusError ? explained(what, error) : error;
  }
}

function explained(what: string, error: KubeStatusError): Error {
  return error.status === 403 ? forbidden(what, error.message) : clusterFailed(what, error.message);
}
