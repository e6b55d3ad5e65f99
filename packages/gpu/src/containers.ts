import { randomBytes } from 'node:crypto';
import type { Finding, Ports } from '@zakenak/core';
import { runIfPresent } from './driver.ts';
import { gpuFinding } from './findings.ts';
import { parseGpuList } from './nvidia-smi.ts';

/** What the host's container tools told. */
export interface ToolkitFacts {
  readonly toolkit?: string;
  /** CDI devices such as `nvidia.com/gpu=all`; WSL2 has only that one. */
  readonly cdiDevices: readonly string[];
  /** Docker's version, undefined where its daemon cannot be asked. */
  readonly docker?: string;
  readonly dockerHasRuntime: boolean;
  readonly findings: readonly Finding[];
}

/** Looks for NVIDIA's container toolkit: CDI devices, or the `nvidia` runtime of Docker. Either is enough. */
export async function probeToolkit(
  ports: Pick<Ports, 'process'>,
  signal?: AbortSignal,
): Promise<ToolkitFacts> {
  const version = await runIfPresent(ports, 'nvidia-ctk', ['--version'], signal);
  const list = version && (await runIfPresent(ports, 'nvidia-ctk', ['cdi', 'list'], signal));
  const info = await runIfPresent(ports, 'docker', ['info', '--format', '{{json .}}'], signal);
  const docker = info?.exitCode === 0 ? parseDockerInfo(info.stdout) : undefined;
  const toolkit = /version\s+v?(\d+\.\d+\.\d+\S*)/i.exec(version?.stdout ?? '')?.[1];
  const cdiDevices = parseCdiDevices(list?.stdout ?? '');
  const dockerHasRuntime = docker?.runtimes.includes('nvidia') ?? false;
  const facts = {
    cdiDevices,
    dockerHasRuntime,
    ...(toolkit ? { toolkit } : {}),
    ...(docker ? { docker: docker.version } : {}),
  };
  if (cdiDevices.length > 0 || dockerHasRuntime) return { ...facts, findings: [] };
  return { ...facts, findings: [version ? runtimeMissing() : toolkitMissing()] };
}

/** `docker info --format '{{json .}}'`: version and names of the runtimes. Undefined where the daemon did not answer. */
export function parseDockerInfo(
  text: string,
): { readonly version: string; readonly runtimes: readonly string[] } | undefined {
  try {
    const info = JSON.parse(text) as { ServerVersion?: string; Runtimes?: Record<string, unknown> };
    return info.ServerVersion
      ? { version: info.ServerVersion, runtimes: Object.keys(info.Runtimes ?? {}) }
      : undefined;
  } catch {
    return undefined;
  }
}

/** `nvidia-ctk cdi list`: one device a line. */
export function parseCdiDevices(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^nvidia\.com\/\S+=\S+$/.test(line));
}

/** Runs nvidia-smi in a container with all GPUs; the container is removed in any case. */
export async function probeContainer(
  request: { readonly image: string; readonly timeoutMs: number; readonly expectedCount: number },
  ports: Pick<Ports, 'process' | 'log'>,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const name = `zakenak-gpu-smoke-${randomBytes(4).toString('hex')}`;
  const args = ['run', '--rm', '--name', name, '--gpus', 'all', request.image, 'nvidia-smi', '-L'];
  let ended = false;
  try {
    const result = await runIfPresent(ports, 'docker', args, signal, request.timeoutMs);
    ended = result === undefined || result.exitCode === 0;
    if (!result) return [dockerMissing()];
    if (result.exitCode !== 0) return [containerFinding(`${result.stderr}\n${result.stdout}`, request.image)];
    const seen = parseGpuList(result.stdout).length;
    return seen >= Math.max(1, request.expectedCount) ? [] : [fewerInside(seen, request.expectedCount)];
  } finally {
    // Ending the client does not end the container.
    if (!ended) await removeContainer(name, ports);
  }
}

async function removeContainer(name: string, ports: Pick<Ports, 'process' | 'log'>): Promise<void> {
  try {
    await ports.process.run({ program: 'docker', args: ['rm', '--force', name], timeoutMs: 20_000 });
  } catch (error) {
    ports.log.warn(
      `The container ${name} could not be removed: ${error instanceof Error ? error.message : error}`,
    );
  }
}

const knownFailures: readonly (readonly [RegExp, () => Finding])[] = [
  [
    /could not select device driver|unknown or invalid runtime name: nvidia|unresolvable CDI devices/i,
    runtimeMissing,
  ],
  [/libnvidia-ml\.so|libdxcore|nvidia-container-cli: initialization error/i, librariesMissing],
  [/Cannot connect to the Docker daemon|permission denied.*docker/i, daemonUnreachable],
];

function containerFinding(output: string, image: string): Finding {
  const known = knownFailures.find(([pattern]) => pattern.test(output));
  if (known) return known[1]();
  const said = output.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  if (
    /toomanyrequests|manifest unknown|pull access denied|no such host|TLS handshake|unauthorized/i.test(
      output,
    )
  )
    return imageNotPulled(image, said);
  return gpuFinding(
    'gpu/container-failed',
    `The container with the GPUs failed: ${said}`,
    'Run the same image by hand with docker run --gpus all and mend what it names.',
    { tool: 'docker' },
  );
}

/** The probe's image cannot be had. */
export function imageNotPulled(image: string, said: string): Finding {
  return gpuFinding(
    'gpu/image-not-pulled',
    `The probe’s image ${image} cannot be pulled: ${said}`,
    "Mirror it to your own registry (rate limits count per address) and set 'image' to it by digest.",
  );
}

function toolkitMissing(): Finding {
  return gpuFinding(
    'gpu/toolkit-missing',
    'NVIDIA’s container toolkit is not installed: containers cannot see the GPU that the driver sees.',
    'Install nvidia-container-toolkit, then run `sudo nvidia-ctk runtime configure` for your container runtime.',
  );
}

function runtimeMissing(): Finding {
  return gpuFinding(
    'gpu/runtime-missing',
    'NVIDIA’s container toolkit is there, but no container runtime uses it: neither CDI devices nor an `nvidia` runtime.',
    'Run `sudo nvidia-ctk runtime configure --runtime=docker` and restart Docker, or `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`.',
  );
}

function librariesMissing(): Finding {
  return gpuFinding(
    'gpu/driver-libraries-missing',
    'The container does not get the NVIDIA driver’s libraries.',
    'Generate the CDI file anew (`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`); in WSL2 it has to hold /usr/lib/wsl.',
    { tool: 'docker' },
  );
}

function daemonUnreachable(): Finding {
  return gpuFinding(
    'gpu/docker-unreachable',
    'Docker’s daemon does not answer.',
    'Start Docker and let this user use it (group docker).',
    { tool: 'docker' },
  );
}

function dockerMissing(): Finding {
  return gpuFinding(
    'gpu/docker-missing',
    'There is no Docker to run a container with.',
    'Install Docker, or ask for level kubernetes, which proves the containers on the cluster.',
  );
}

function fewerInside(seen: number, expected: number): Finding {
  return gpuFinding(
    'gpu/too-few-in-container',
    `The container sees ${seen} of ${expected} GPUs.`,
    'Remove NVIDIA_VISIBLE_DEVICES from the image and from the daemon’s configuration.',
    { tool: 'docker' },
  );
}
