import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Ports } from '@zakenak/core';
import { cancelled } from '@zakenak/core';
import { identify, signalProcess, waitForEnd } from '@zakenak/machine';
import type { Toolchain } from '@zakenak/toolchain';
import { writeCertificates } from './certificates.ts';
import { writeConfiguration } from './configuration.ts';
import { folderNotOurs, sandboxDiffers, startFailed } from './errors.ts';
import { withFolderLock } from './folder-lock.ts';
import { type Layout, layoutOf } from './layout.ts';
import { checkMachine, type NodePrograms, resolveNodePrograms } from './real-node.ts';
import { readSandbox, type Sandbox, sandboxOf } from './sandbox.ts';
import { defaultNodes, type SimulatedNode } from './simulated-node.ts';
import { type Launch, readLaunch, readState, writeWhole } from './state.ts';
import { endSandbox } from './stop.ts';
import type { SupervisorEvent } from './supervisor.ts';

/** What a sandbox is to be like. */
export interface SandboxOptions {
  /** Absolute path of a folder of its own: new, empty, or left by a former sandbox. */
  readonly folder: string;
  /** Process id of a process with which the sandbox ends and disappears; none: it lives until it is stopped. */
  readonly owner?: number;
  /** One node with two GPUs where nothing is said. */
  readonly nodes?: readonly SimulatedNode[];
  /** Off where nothing is said: pods are simulated, and a webhook that nobody answers would refuse every change. */
  readonly admissionWebhooks?: boolean;
  /** A node that runs containers, beside the simulated ones: needs root on Debian, with containerd, runc and CNI plugins. */
  readonly realNode?: boolean;
  /** Milliseconds until the sandbox has to be usable; two minutes where nothing is said. */
  readonly readyTimeoutMs?: number;
}

/** What starting a sandbox reaches the world through, besides its own folder and loopback. */
export interface SandboxReach extends Partial<Pick<Ports, 'progress' | 'process'>> {
  /** Finds `kubernetes`, `kwok` and `registry`, installing them where needed. */
  readonly toolchain: Pick<Toolchain, 'resolve'>;
}

/**
 * Starts a cluster (etcd, control plane, simulated GPU nodes) and a registry without root, or returns the one that runs in the folder already.
 * What a crashed one left there is removed first. Resolves when pods can be scheduled. Throws ZakenakError `sandbox/start-failed`,
 * `sandbox/folder-not-ours`, `sandbox/busy`, `sandbox/differs` (the one that runs is unlike what is asked for), `sandbox/unsupported` (no real
 * node on this machine), `tool/missing` and `run/cancelled`.
 */
export async function startSandbox(
  options: SandboxOptions,
  reach: SandboxReach,
  signal?: AbortSignal,
): Promise<Sandbox> {
  const layout = layoutOf(options.folder);
  if (options.realNode) checkMachine(layout);
  const start = async () => {
    const running = await readSandbox(layout.folder);
    if (running) return checkAlike(options, running);
    const realNode = options.realNode ? await resolveNodePrograms(reach.toolchain, signal) : undefined;
    const launch = launchOf(options, await resolvePrograms(reach.toolchain, signal), realNode);
    await prepareFolder(layout);
    await Promise.all([writeCertificates(layout), writeConfiguration(layout)]);
    await writeWhole(layout.launch, launch);
    await runSupervisor(layout, reach, signal);
    const state = await readState(layout.folder);
    if (!state) throw startFailed('its state', 'cannot be read', '');
    return sandboxOf(layout.folder, state);
  };
  return withFolderLock(layout.folder, start, signal);
}

/** The running sandbox, where it is like everything that the options name. */
function checkAlike(options: SandboxOptions, running: Sandbox): Sandbox {
  const launch = readLaunch(options.folder);
  const differs: Readonly<Record<string, boolean>> = {
    owner: options.owner !== undefined && options.owner !== launch.owner?.pid,
    nodes: options.nodes !== undefined && JSON.stringify(options.nodes) !== JSON.stringify(launch.nodes),
    'admission webhooks':
      options.admissionWebhooks !== undefined && options.admissionWebhooks !== launch.admissionWebhooks,
    'real node': options.realNode !== undefined && options.realNode !== running.realNodes.length > 0,
  };
  const different = Object.keys(differs).filter((name) => differs[name]);
  if (different.length > 0) throw sandboxDiffers(options.folder, different);
  return running;
}

async function resolvePrograms(
  toolchain: SandboxReach['toolchain'],
  signal?: AbortSignal,
): Promise<Launch['programs']> {
  const [kubernetes, kwok, registry] = await Promise.all([
    toolchain.resolve('kubernetes', signal),
    toolchain.resolve('kwok', signal),
    toolchain.resolve('registry', signal),
  ]);
  return { kubernetes, kwok, registry };
}

function launchOf(
  options: SandboxOptions,
  programs: Launch['programs'],
  realNode: NodePrograms | undefined,
): Launch {
  const owner = options.owner === undefined ? undefined : identify(options.owner);
  if (options.owner !== undefined && !owner) throw startFailed('its owner', 'is gone already', '');
  const starter = identify(process.pid);
  if (!starter) throw startFailed('this process', 'cannot see itself', '');
  return {
    schemaVersion: 1,
    starter,
    ...(owner ? { owner } : {}),
    programs,
    ...(realNode ? { realNode } : {}),
    nodes: options.nodes ?? defaultNodes,
    admissionWebhooks: options.admissionWebhooks ?? false,
    readyTimeoutMs: options.readyTimeoutMs ?? 120_000,
  };
}

async function prepareFolder(layout: Layout): Promise<void> {
  if (!(await endSandbox(layout.folder))) {
    const names = await readdir(layout.folder).catch(() => []);
    const own = new Set(['secrets', 'configuration', 'launch.json', 'logs', 'home']);
    if (names.some((name) => !own.has(name))) throw folderNotOurs(layout.folder);
    await rm(layout.folder, { recursive: true, force: true });
  }
  await mkdir(layout.folder, { recursive: true, mode: 0o700 });
  await Promise.all([layout.logs, layout.home].map((path) => mkdir(path, { mode: 0o700 })));
}

/** Starts the supervisor in a session of its own and waits until it says that the sandbox is ready. */
async function runSupervisor(layout: Layout, reach: SandboxReach, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return abandon(layout);
  const entry = join(import.meta.dirname, `supervise${extname(import.meta.filename)}`);
  const errors = openSync(join(layout.logs, 'supervisor.log'), 'a', 0o600);
  const child = spawn(process.execPath, [entry, layout.folder], {
    detached: true,
    stdio: ['ignore', 'pipe', errors],
    cwd: layout.folder,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
  });
  const { stdout } = child;
  if (!stdout) throw startFailed('the supervisor', 'has no output to follow', '');
  const identity = identify(child.pid ?? -1);
  const abort = () => identity && signalProcess(identity, 'SIGTERM');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await followSupervisor(createInterface({ input: stdout }), reach);
  } catch (error) {
    if (!signal?.aborted) throw error;
    if (identity) await waitForEnd([identity], 10_000);
    await abandon(layout);
  } finally {
    signal?.removeEventListener('abort', abort);
    stdout.destroy();
    child.unref();
  }
}

/** Leaves nothing of a start that was cancelled, also where the supervisor has not written its state yet. */
async function abandon(layout: Layout): Promise<never> {
  await endSandbox(layout.folder);
  await rm(layout.folder, { recursive: true, force: true, maxRetries: 5 });
  throw cancelled();
}

async function followSupervisor(lines: AsyncIterable<string>, { progress }: SandboxReach): Promise<void> {
  for await (const line of lines) {
    const event = JSON.parse(line) as SupervisorEvent;
    if (event.kind === 'ready') return;
    if (event.kind === 'failed') throw startFailed(event.subject, event.reason, event.log);
    progress?.emit({
      stage: 'start',
      subject: event.name,
      state: 'done',
      message: `after ${event.afterMs} ms`,
    });
  }
  throw startFailed(
    'the supervisor',
    'ended early; its log is in the sandbox folder, logs/supervisor.log',
    '',
  );
}
