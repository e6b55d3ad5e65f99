import {
  createReport,
  type Finding,
  type InputsOf,
  type KubeApi,
  type Ports,
  type Report,
  ZakenakError,
} from '@zakenak/core';
import { probeToolkit } from './containers.ts';
import type { doctorSpec } from './doctor-spec.ts';
import { probeDriver, runIfPresent } from './driver.ts';
import { gpuFinding } from './findings.ts';
import { judgeGpus } from './judge-gpus.ts';
import { readQuantity } from './request.ts';
import { parseFreeBytes, parseSystem } from './system.ts';
import { isOlder } from './versions.ts';

/** What this machine has to have. */
export interface ExaminationRequest {
  readonly gpu: boolean;
  readonly minDriver: string;
  readonly minComputeCapability: string;
  readonly cuda: string;
  readonly minKubernetes: string;
  readonly minDiskBytes: number;
  readonly diskPath: string;
  readonly timeReference?: string;
}

/** What the examination reaches; `kube` where a cluster could be connected. */
export type ExaminationPorts = Pick<Ports, 'process' | 'files' | 'clock' | 'http'> & {
  readonly kube?: KubeApi | undefined;
};

/** Reads parsed inputs. Throws `gpu/bad-input`. */
export function readExamination(inputs: InputsOf<typeof doctorSpec>): ExaminationRequest {
  const reference = inputs['time-reference'];
  return {
    gpu: inputs.gpu,
    minDriver: inputs['min-driver'],
    minComputeCapability: inputs['min-compute-capability'],
    cuda: inputs.cuda,
    minKubernetes: inputs['min-kubernetes'],
    minDiskBytes: readQuantity('min-disk', inputs['min-disk']),
    diskPath: inputs['disk-path'],
    ...(reference ? { timeReference: reference } : {}),
  };
}

/** WSL2's first kernel with GPU compute (https://learn.microsoft.com/windows/wsl/tutorials/gpu-compute) and Zakenak's oldest Ubuntu. */
const minWslKernel = '5.10.43';
const minUbuntu = '22.04';
/** GitHub's app tokens are refused from about this drift on. */
const mostDriftMs = 5_000;

interface Examined {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/** Examines driver, compute capability, system, Docker and NVIDIA's runtime, Kubernetes, disk and clock: one finding for each requirement that is not met. Changes nothing. */
export async function examineHost(
  request: ExaminationRequest,
  ports: ExaminationPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const parts = await Promise.all([
    examineGpu(request, ports, signal),
    examineSystem(ports),
    examineContainers(request, ports, signal),
    examineCluster(request, ports),
    examineDisk(request, ports, signal),
    examineClock(request, ports, signal),
  ]);
  const findings = parts.flatMap((part) => part.findings);
  const facts = Object.assign({}, ...parts.map((part) => part.facts)) as Record<string, unknown>;
  const unmet = findings.filter(({ severity }) => severity !== 'info').length;
  return createReport({
    tool: 'doctor',
    findings,
    summary:
      unmet === 0
        ? 'This machine has what Zakenak needs.'
        : `${unmet} requirement${unmet === 1 ? ' is' : 's are'} not met.`,
    outputs: { facts, unmet },
  });
}

async function examineGpu(
  request: ExaminationRequest,
  ports: ExaminationPorts,
  signal?: AbortSignal,
): Promise<Examined> {
  const { gpus, driver, cuda, findings } = await probeDriver(ports, signal);
  const seen = gpus.map((gpu) => ({ ...gpu, where: `GPU ${gpu.index}` }));
  const facts = { gpus, ...(driver ? { driver } : {}), ...(cuda ? { cuda } : {}) };
  if (gpus.length > 0)
    return { facts, findings: [...findings, ...judgeGpus(seen, { ...request, expectedCount: 1 }, cuda)] };
  return { facts, findings: request.gpu ? findings : [] };
}

async function examineSystem({ files }: ExaminationPorts): Promise<Examined> {
  const read = async (path: string) => ((await files.stat(path)) ? files.readText(path) : '');
  const system = parseSystem(await read('/etc/os-release'), await read('/proc/version'));
  const findings: Finding[] = [];
  if (system.wsl2 && isOlder(system.kernel, minWslKernel))
    findings.push(
      gpuFinding(
        'host/wsl-kernel-too-old',
        `The WSL2 kernel ${system.kernel} is older than ${minWslKernel}.`,
        'Run `wsl --update` in Windows, then `wsl --shutdown`.',
      ),
    );
  if (system.distribution === 'ubuntu' && isOlder(system.version, minUbuntu))
    findings.push(
      gpuFinding(
        'host/ubuntu-too-old',
        `Ubuntu ${system.version} is older than ${minUbuntu}.`,
        'Upgrade it: sudo do-release-upgrade.',
        { severity: 'medium' },
      ),
    );
  if (system.distribution !== 'ubuntu')
    findings.push(
      gpuFinding(
        'host/other-distribution',
        `This is ${system.distribution || 'an unknown system'} ${system.version}; Zakenak is tested on Ubuntu ${minUbuntu}.`,
        'Nothing has to be done where everything else is met.',
        { severity: 'info' },
      ),
    );
  return { facts: { system }, findings };
}

async function examineContainers(
  request: ExaminationRequest,
  ports: ExaminationPorts,
  signal?: AbortSignal,
): Promise<Examined> {
  const { findings: found, ...toolkit } = await probeToolkit(ports, signal);
  const findings = request.gpu ? [...found] : [];
  if (!toolkit.docker)
    findings.push(
      gpuFinding(
        'host/docker-missing',
        'Docker is not installed, or its daemon does not answer this user.',
        'Install Docker, start it, and add this user to the group docker.',
        { severity: 'medium' },
      ),
    );
  return { facts: { containers: toolkit }, findings };
}

async function examineCluster(
  { minKubernetes }: ExaminationRequest,
  { kube }: ExaminationPorts,
): Promise<Examined> {
  const missing = (reason: string) => ({
    facts: {},
    findings: [
      gpuFinding(
        'host/no-cluster',
        `No Kubernetes cluster can be looked at: ${reason}`,
        'Set KUBECONFIG, or start a throwaway one with `zakenak sandbox up`.',
        { severity: 'medium' },
      ),
    ],
  });
  if (!kube) return missing('none is configured.');
  try {
    const { gitVersion } = await kube.version();
    const old = isOlder(gitVersion, minKubernetes);
    const finding = gpuFinding(
      'host/kubernetes-too-old',
      `Kubernetes ${gitVersion} is older than ${minKubernetes}.`,
      `Upgrade the cluster to ${minKubernetes} or later.`,
    );
    return { facts: { kubernetes: gitVersion }, findings: old ? [finding] : [] };
  } catch (error) {
    if (error instanceof ZakenakError && error.code.startsWith('kube/')) return missing(error.message);
    throw error;
  }
}

async function examineDisk(
  request: ExaminationRequest,
  ports: ExaminationPorts,
  signal?: AbortSignal,
): Promise<Examined> {
  const result = await runIfPresent(ports, 'df', ['-Pk', request.diskPath], signal);
  const free = result?.exitCode === 0 ? parseFreeBytes(result.stdout) : undefined;
  if (free === undefined)
    return {
      facts: {},
      findings: [
        gpuFinding(
          'host/disk-unknown',
          `The free space at ${request.diskPath} cannot be read.`,
          "Name a folder that exists with 'disk-path'.",
          { severity: 'low' },
        ),
      ],
    };
  const toGib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  const finding = gpuFinding(
    'host/disk-full',
    `${toGib(free)} GiB are free at ${request.diskPath}, and ${toGib(request.minDiskBytes)} are needed.`,
    'Free space: docker system prune, old models (ollama rm), old images.',
  );
  return { facts: { freeDiskBytes: free }, findings: free < request.minDiskBytes ? [finding] : [] };
}

async function examineClock(
  request: ExaminationRequest,
  ports: ExaminationPorts,
  signal?: AbortSignal,
): Promise<Examined> {
  const drift = request.timeReference ? await measureDrift(request.timeReference, ports, signal) : undefined;
  if (drift !== undefined) {
    const finding = gpuFinding(
      'host/clock-drift',
      `This clock is ${(drift / 1000).toFixed(0)} s off.`,
      'Set it: sudo hwclock -s in WSL2, or let one time service run.',
    );
    return { facts: { clockDriftMs: drift }, findings: Math.abs(drift) > mostDriftMs ? [finding] : [] };
  }
  const result = await runIfPresent(
    ports,
    'timedatectl',
    ['show', '--property=NTPSynchronized', '--value'],
    signal,
  );
  const said = result?.exitCode === 0 ? result.stdout.trim() : '';
  const finding = gpuFinding(
    'host/clock-not-synchronized',
    'The system says that its clock is not synchronised.',
    'Turn time synchronisation on: sudo timedatectl set-ntp true.',
    { severity: 'low' },
  );
  return {
    facts: said ? { clockSynchronized: said === 'yes' } : {},
    findings: said === 'no' ? [finding] : [],
  };
}

/** Milliseconds that this clock is ahead, to the second that HTTP dates have; undefined where the server cannot be asked. */
async function measureDrift(
  url: string,
  { http, clock }: ExaminationPorts,
  signal?: AbortSignal,
): Promise<number | undefined> {
  try {
    const before = clock.now().getTime();
    const { headers } = await http.request({ url, method: 'HEAD', timeoutMs: 10_000 }, signal);
    const middle = (before + clock.now().getTime()) / 2;
    const there = Date.parse(headers.date ?? '');
    return Number.isNaN(there) ? undefined : Math.round(middle - there);
  } catch (error) {
    if (error instanceof ZakenakError && error.code.startsWith('http/')) return undefined;
    throw error;
  }
}
