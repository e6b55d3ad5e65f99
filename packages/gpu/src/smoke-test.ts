import {
  createReport,
  type Finding,
  isAtLeast,
  type KubeApi,
  type OutputValue,
  type Ports,
  type Report,
  type Timing,
  type Verdict,
} from '@zakenak/core';
import { type ClusterFacts, probeCluster } from './cluster.ts';
import { probeContainer, probeToolkit } from './containers.ts';
import { type DriverFacts, probeDriver } from './driver.ts';
import { noCluster } from './errors.ts';
import { gpuFinding } from './findings.ts';
import { probeInference } from './inference.ts';
import { judgeGpus } from './judge-gpus.ts';
import { probeImage } from './probe-pod.ts';
import { isAtLeastLevel, type Level, needsCluster, type SmokeRequest } from './request.ts';

/** What the engine reaches. `kube` from level kubernetes on, `http` at level inference. */
export type SmokePorts = Pick<Ports, 'process' | 'files' | 'clock' | 'log' | 'progress' | 'http'> & {
  readonly kube?: KubeApi | undefined;
};

/** What the run has found out so far. */
interface Course {
  readonly request: SmokeRequest;
  readonly findings: Finding[];
  readonly caveats: string[];
  readonly timings: Timing[];
  reached: Level | undefined;
  absent: boolean;
  driver: DriverFacts | undefined;
  cluster: ClusterFacts | undefined;
  tokensPerSecond: number | undefined;
}

/**
 * Proves the GPU level by level and stops at the first that does not hold. Up to `container` the host is tested; from `kubernetes` on the cluster, because a
 * pod proves the node's toolkit better than looking at the host does. Makes one pod (deleted again, also on abort) or one container.
 * Throws `gpu/no-cluster`, `gpu/forbidden`, `gpu/no-namespace`, `gpu/cluster-failed` and what the ports throw.
 */
export async function smokeTestGpu(
  request: SmokeRequest,
  ports: SmokePorts,
  signal?: AbortSignal,
): Promise<Report> {
  const course: Course = {
    request,
    findings: [],
    caveats: [],
    timings: [],
    reached: undefined,
    absent: false,
    driver: undefined,
    cluster: undefined,
    tokensPerSecond: undefined,
  };
  if (needsCluster(request.level)) {
    if (!ports.kube) throw noCluster(request.level);
    const reach = { ...ports, kube: ports.kube };
    await step(course, ports, 'driver', () => glanceAtHost(course, ports, signal));
    await step(course, ports, 'cluster', () => testCluster(course, reach, signal));
    if (request.level === 'inference' && !isBlocked(course))
      await step(course, ports, 'inference', () => testInference(course, reach, signal));
  } else await testHost(course, ports, signal);
  return conclude(course);
}

async function step(
  course: Course,
  { clock, progress }: SmokePorts,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const started = clock.monotonicMs();
  progress.emit({ stage: 'smoke', subject: name, state: 'started' });
  await work();
  course.timings.push({ name, durationMs: clock.monotonicMs() - started });
  const cause = blocking(course.findings)[0];
  progress.emit({
    stage: 'smoke',
    subject: name,
    state: cause ? 'failed' : 'done',
    ...(cause ? { message: cause.message } : {}),
  });
}

async function testHost(course: Course, ports: SmokePorts, signal?: AbortSignal): Promise<void> {
  const { request } = course;
  const hold = (level: Level, findings: readonly Finding[]) => {
    course.findings.push(...findings);
    if (!isBlocked(course)) course.reached = level;
  };
  await step(course, ports, 'driver', async () => {
    course.driver = await probeDriver(ports, signal);
    course.absent = course.driver.absent;
    hold('driver', [...course.driver.findings, ...judgeHost(course.driver, request)]);
  });
  if (isAtLeastLevel(request.level, 'toolkit') && !isBlocked(course))
    await step(course, ports, 'toolkit', async () =>
      hold('toolkit', (await probeToolkit(ports, signal)).findings),
    );
  if (isAtLeastLevel(request.level, 'container') && !isBlocked(course))
    await step(course, ports, 'container', async () => {
      const { expectedCount, timeoutMs } = request;
      hold(
        'container',
        await probeContainer({ image: probeImage(request, false), expectedCount, timeoutMs }, ports, signal),
      );
    });
}

/** A host without a driver may still reach a cluster that has GPUs. What is wrong here is weighed once the cluster is known. */
async function glanceAtHost(course: Course, ports: SmokePorts, signal?: AbortSignal): Promise<void> {
  const driver = await probeDriver(ports, signal);
  if (driver.absent) course.caveats.push('This host has no GPU of its own: only the cluster was looked at.');
  else course.driver = driver;
}

/** The host's driver counts where the cluster's real GPUs are this host's; elsewhere its faults are only mentioned. */
function weighHost(driver: DriverFacts, { request, cluster }: Course, server: string): readonly Finding[] {
  // How many GPUs there have to be is the cluster's matter.
  const findings = [...driver.findings, ...judgeHost(driver, { ...request, expectedCount: 0 })];
  const here = !cluster?.simulated && isLoopback(server);
  return here ? findings : findings.map((finding) => ({ ...finding, severity: 'low' as const }));
}

function isLoopback(server: string): boolean {
  const host = URL.parse(server)?.hostname ?? '';
  return (
    host === 'localhost' ||
    host === '[::1]' ||
    host.startsWith('127.') ||
    host === 'kubernetes.docker.internal'
  );
}

function judgeHost(driver: DriverFacts, request: SmokeRequest): readonly Finding[] {
  if (driver.gpus.length === 0) return [];
  return judgeGpus(
    driver.gpus.map((gpu) => ({ ...gpu, where: `GPU ${gpu.index}` })),
    request,
    driver.cuda,
  );
}

async function testCluster(
  course: Course,
  ports: SmokePorts & { readonly kube: KubeApi },
  signal?: AbortSignal,
): Promise<void> {
  const cluster = await probeCluster(course.request, ports, signal);
  course.cluster = cluster;
  course.absent = cluster.absent;
  if (course.driver) {
    const weighed = weighHost(course.driver, course, ports.kube.target.server);
    course.findings.push(...weighed);
    if (blocking(weighed).length === 0) course.reached = 'driver';
  }
  course.reached = cluster.reached ?? course.reached;
  course.findings.push(...cluster.findings);
  course.caveats.push(...cluster.caveats);
  if (cluster.simulated && course.request.requireReal) course.findings.push(onlySimulated(cluster));
}

async function testInference(
  course: Course,
  ports: SmokePorts & { readonly kube: KubeApi },
  signal?: AbortSignal,
): Promise<void> {
  if (course.cluster?.simulated) {
    course.caveats.push('No model was asked: on a simulated node no server runs that could answer.');
    return;
  }
  const { tokensPerSecond, findings } = await probeInference(course.request, ports, signal);
  course.findings.push(...findings);
  course.tokensPerSecond = tokensPerSecond;
  if (!isBlocked(course)) course.reached = 'inference';
}

function onlySimulated({ nodes }: ClusterFacts): Finding {
  return gpuFinding(
    'gpu/simulated',
    `A real GPU is required, and only simulated nodes offer one: ${nodes.map(({ name }) => name).join(', ')}.`,
    'Run against a cluster with a real GPU node, or turn require-real off.',
  );
}

function blocking(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ severity }) => isAtLeast(severity, 'high'));
}

function isBlocked({ findings }: Course): boolean {
  return blocking(findings).length > 0;
}

function conclude(course: Course): Report {
  const { request, findings, caveats, reached } = course;
  const [cause] = blocking(findings);
  const skipped = course.absent && request.onMissing === 'skip';
  const verdict: Verdict = skipped
    ? 'skipped'
    : cause
      ? 'failed'
      : course.cluster?.simulated
        ? 'simulated'
        : 'passed';
  return createReport({
    tool: 'gpu-smoke-test',
    verdict,
    summary: summarize(course, verdict, cause),
    // What is skipped on demand is no fault; the report still says why.
    findings: skipped ? [] : findings,
    caveats: skipped && cause ? [...caveats, cause.message] : caveats,
    timings: course.timings,
    outputs: {
      ...outputsOf(course),
      'level-reached': reached ?? '',
      cause: cause?.message ?? '',
      result: verdict,
    },
  });
}

function summarize({ request, reached }: Course, verdict: Verdict, cause: Finding | undefined): string {
  if (verdict === 'skipped') return 'No GPU here: skipped.';
  if (verdict === 'failed') return `GPU test failed at level ${request.level}: ${cause?.message}`;
  if (verdict === 'simulated')
    return `A pod with a GPU was scheduled on a simulated node (asked for level ${request.level}, reached ${reached}).`;
  return `The GPU works up to level ${reached}.`;
}

function outputsOf({ driver, cluster, tokensPerSecond }: Course): Record<string, OutputValue> {
  const nodes = cluster?.nodes ?? [];
  const count = cluster
    ? nodes.reduce((sum, { allocatable }) => sum + allocatable, 0)
    : (driver?.gpus.length ?? 0);
  return {
    'gpu-count': count,
    'gpu-json': cluster ? nodes : (driver?.gpus ?? []),
    driver: driver?.driver ?? nodes.find((node) => node.driver)?.driver ?? '',
    cuda: driver?.cuda ?? nodes.find((node) => node.cuda)?.cuda ?? '',
    ...(tokensPerSecond === undefined ? {} : { 'tokens-per-second': tokensPerSecond }),
  };
}
