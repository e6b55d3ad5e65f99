import type { Finding } from '@zakenak/core';
import { gpuFinding } from './findings.ts';
import type { SmokeRequest } from './request.ts';
import { isOlder, majorOf } from './versions.ts';

/** One GPU, wherever it was seen. What is undefined was not told and is not judged. */
export interface SeenGpu {
  /** `GPU 0` or `node/NAME`. */
  readonly where: string;
  readonly name?: string;
  readonly driver?: string;
  readonly memoryMiB?: number;
  readonly computeCapability?: string;
}

/** The demands on the GPUs themselves. */
export type GpuDemands = Pick<
  SmokeRequest,
  'expectedCount' | 'minMemoryBytes' | 'minDriver' | 'minComputeCapability' | 'cuda'
>;

/** Judges number, driver, memory, compute capability and CUDA version. The demand on memory and capability holds for `expectedCount` of them. */
export function judgeGpus(gpus: readonly SeenGpu[], demands: GpuDemands, cuda?: string): readonly Finding[] {
  const { expectedCount, minMemoryBytes = 0, minComputeCapability, minDriver } = demands;
  if (gpus.length < expectedCount)
    return [
      gpuFinding(
        'gpu/too-few',
        `${expectedCount} GPUs are expected and ${gpus.length} found.`,
        'Look for a GPU that fell off the bus (dmesg, nvidia-smi -L), or lower expected-count.',
      ),
    ];
  const findings: Finding[] = [];
  const roomy = gpus.filter(
    ({ memoryMiB }) => memoryMiB === undefined || memoryMiB * 2 ** 20 >= minMemoryBytes,
  );
  if (roomy.length < Math.max(1, expectedCount)) {
    const most = Math.max(...gpus.map(({ memoryMiB }) => memoryMiB ?? 0));
    findings.push(
      gpuFinding(
        'gpu/too-little-memory',
        `${Math.ceil(minMemoryBytes / 2 ** 20)} MiB of GPU memory are needed; the largest GPU has ${most} MiB.`,
        'Choose a smaller or more quantised model, or a GPU with more memory.',
      ),
    );
  }
  const able = gpus.filter(
    ({ computeCapability }) => !computeCapability || !isOlder(computeCapability, minComputeCapability),
  );
  if (able.length < Math.max(1, expectedCount)) {
    const seen = gpus
      .map(({ where, name, computeCapability }) => `${name ?? where} has ${computeCapability}`)
      .join(', ');
    findings.push(
      gpuFinding(
        'gpu/compute-capability-too-low',
        `Compute capability ${minComputeCapability} is needed: ${seen}.`,
        'Use a GPU of a newer generation (Volta or later for 7.0).',
      ),
    );
  }
  const old = gpus.find(({ driver }) => driver && isOlder(driver, minDriver));
  if (old) findings.push(driverTooOld(old.driver ?? '', minDriver, old.where));
  return [...findings, ...judgeCuda(cuda, demands.cuda)];
}

/** The driver is older than asked for. */
function driverTooOld(driver: string, least: string, where: string): Finding {
  return gpuFinding(
    'gpu/driver-too-old',
    `The NVIDIA driver ${driver} (${where}) is older than ${least}.`,
    'Install a newer NVIDIA driver; for WSL2 on Windows, never inside the distribution.',
  );
}

/** Within one major version CUDA runs on older drivers (https://docs.nvidia.com/deploy/cuda-compatibility/). */
function judgeCuda(supported: string | undefined, wanted: string): readonly Finding[] {
  if (!supported || !isOlder(supported, wanted)) return [];
  if (majorOf(supported) < majorOf(wanted))
    return [
      gpuFinding(
        'gpu/cuda-too-old',
        `The driver supports CUDA ${supported}, and the workloads need ${wanted}.`,
        `Install a driver that supports CUDA ${wanted}, or images built for CUDA ${supported}.`,
      ),
    ];
  return [
    gpuFinding(
      'gpu/cuda-minor-behind',
      `The driver supports CUDA ${supported}, the workloads are built for ${wanted}: they run by minor-version compatibility, without compiling PTX.`,
      `Install a driver that supports CUDA ${wanted} when a kernel fails with "unsupported toolchain".`,
      { severity: 'low' },
    ),
  ];
}
