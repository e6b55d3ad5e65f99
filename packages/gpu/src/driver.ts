import { type Finding, type Ports, type ProcessResult, ZakenakError } from '@zakenak/core';
import { gpuFinding } from './findings.ts';
import {
  explainSmiFailure,
  type Gpu,
  gpuQuery,
  parseCudaVersion,
  parseGpus,
  type SmiFailure,
} from './nvidia-smi.ts';

/** Where WSL2 mounts the Windows driver's programs; not on the PATH of services. */
const wslProgram = '/usr/lib/wsl/lib/nvidia-smi';
/** The paravirtual GPU of WSL2. */
const wslDevice = '/dev/dxg';
const smiTimeoutMs = 60_000;
/** 14: the infoROM is corrupted, a warning after which everything else was answered. */
const acceptedExits = [0, 14];

/** What the host's driver told. */
export interface DriverFacts {
  readonly gpus: readonly Gpu[];
  readonly driver?: string;
  readonly cuda?: string;
  /** The run is inside WSL2 with a GPU passed through. */
  readonly wsl: boolean;
  /** There is no driver at all, as against one that does not work. */
  readonly absent: boolean;
  /** What is wrong; empty when the GPUs could be asked. */
  readonly findings: readonly Finding[];
}

/** Asks nvidia-smi (on PATH, else WSL2's) for GPUs, driver and CUDA version. Throws only what is not about the GPU (cancelled). */
export async function probeDriver(
  ports: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<DriverFacts> {
  const wsl = (await ports.files.stat(wslDevice)) !== undefined;
  const nothing = { gpus: [], wsl };
  const program = await findSmi(ports, signal);
  if (program === undefined) return { ...nothing, absent: true, findings: [driverMissing(wsl)] };
  const query = [`--query-gpu=${gpuQuery.join(',')}`, '--format=csv,noheader,nounits'];
  const answer = await ports.process.run({ program, args: query, timeoutMs: smiTimeoutMs }, signal);
  const output = `${answer.stdout}\n${answer.stderr}`;
  const gpus = parseGpus(answer.stdout);
  if (!acceptedExits.includes(answer.exitCode) || gpus.length === 0) {
    const failure = acceptedExits.includes(answer.exitCode) ? 'no-device' : explainSmiFailure(output);
    return { ...nothing, absent: failure === 'no-device', findings: [smiFinding(failure, output)] };
  }
  const head = await ports.process.run({ program, args: [], timeoutMs: smiTimeoutMs }, signal);
  const cuda = parseCudaVersion(head.stdout);
  const [first] = gpus;
  return {
    gpus,
    wsl,
    absent: false,
    ...(first ? { driver: first.driver } : {}),
    ...(cuda ? { cuda } : {}),
    findings: answer.exitCode === 14 ? [inforomCorrupted()] : [],
  };
}

async function findSmi(
  ports: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (await runIfPresent(ports, 'nvidia-smi', ['-L'], signal)) return 'nvidia-smi';
  return (await ports.files.stat(wslProgram)) ? wslProgram : undefined;
}

/** Runs a program of the user's machine; undefined where it is not installed. */
export async function runIfPresent(
  ports: Pick<Ports, 'process'>,
  program: string,
  args: readonly string[],
  signal?: AbortSignal,
  timeoutMs: number = smiTimeoutMs,
): Promise<ProcessResult | undefined> {
  try {
    return await ports.process.run({ program, args, timeoutMs }, signal);
  } catch (error) {
    if (error instanceof ZakenakError && error.code === 'tool/missing') return undefined;
    throw error;
  }
}

function driverMissing(wsl: boolean): Finding {
  return gpuFinding(
    'gpu/driver-missing',
    wsl
      ? 'WSL2 passes a GPU through (/dev/dxg), but nvidia-smi is neither on the PATH nor under /usr/lib/wsl/lib.'
      : 'There is no nvidia-smi: this machine has no NVIDIA driver.',
    wsl
      ? 'Install the NVIDIA driver on Windows, then run `wsl --shutdown`.'
      : 'Install the NVIDIA driver, or ask for level kubernetes to look at the cluster only.',
  );
}

function inforomCorrupted(): Finding {
  return gpuFinding(
    'gpu/inforom-corrupted',
    'nvidia-smi warns that a GPU’s infoROM is corrupted.',
    'Have the GPU looked at; it can be used until then.',
    { severity: 'low', tool: 'nvidia-smi' },
  );
}

const explanations: Readonly<Record<SmiFailure, readonly [string, string]>> = {
  'no-device': [
    'The NVIDIA driver finds no GPU',
    'Check that the GPU is seated, powered and not passed to a virtual machine.',
  ],
  'driver-not-loaded': [
    'The NVIDIA kernel driver is not loaded',
    'Load it (modprobe nvidia), or reinstall the driver for the running kernel.',
  ],
  'driver-mismatch': [
    'Kernel driver and driver libraries have different versions',
    'Restart the machine: the driver was updated while the old one is still loaded.',
  ],
  'blocked-by-windows': [
    'Windows blocks the GPU for WSL2',
    'Run `wsl --shutdown`, update WSL (`wsl --update`) and the Windows driver, then start again.',
  ],
  'driver-libraries-missing': [
    'The NVIDIA driver’s libraries cannot be found',
    'Reinstall the driver; in WSL2 put /usr/lib/wsl/lib on the loader’s path.',
  ],
  'driver-failed': ['nvidia-smi failed', 'Run nvidia-smi by hand and mend what it names.'],
};

function smiFinding(failure: SmiFailure, output: string): Finding {
  const [what, remedy] = explanations[failure];
  const said = output.trim().split('\n').at(0)?.trim().slice(0, 300);
  return gpuFinding(`gpu/${failure}`, said ? `${what}: ${said}` : `${what}.`, remedy, { tool: 'nvidia-smi' });
}
