import { rm } from 'node:fs/promises';
import { identify, isAlive, type ProcessIdentity } from '@zakenak/machine';
import { writeRegistryConfiguration } from './configuration.ts';
import { describeDaemons, programKubeconfig } from './daemons.ts';
import { createFirstObjects, waitUntilUsable } from './first-objects.ts';
import { createFleet, DaemonFailure, type Fleet } from './fleet.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { type Layout, layoutOf } from './layout.ts';
import { findFreePorts } from './loopback-ports.ts';
import { joinCluster, type NodeSetting, prepareNode, startContainers } from './node-boot.ts';
import { removeCgroups } from './node-cgroups.ts';
import { nodeImages, realNodeName } from './real-node.ts';
import { assignPorts, portCount, type SandboxPorts } from './sandbox-ports.ts';
import { type Launch, readLaunch, type SandboxState, writeWhole } from './state.ts';

const attempts = 3;
const watchMs = 250;

/** One line that the supervisor writes on its standard output until the sandbox is ready. */
export type SupervisorEvent =
  | { readonly kind: 'serving'; readonly name: string; readonly afterMs: number }
  | { readonly kind: 'ready'; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly subject: string; readonly reason: string; readonly log: string };

/**
 * Runs the sandbox whose launch file lies in `folder` until it is told to end by a signal, or its owner is gone. Owns every program: they are
 * killed before it ends, and by the kernel when it is killed itself. Resolves with the exit code.
 */
export async function supervise(folder: string): Promise<number> {
  const layout = layoutOf(folder);
  const launch = readLaunch(folder);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  // The starter may be gone before it has read everything.
  process.stdout.on('error', () => {});
  const supervision = createSupervision(layout, launch);
  const watch = setInterval(() => {
    if (!supervision.isWanted()) stop();
  }, watchMs);
  try {
    await supervision.start(stopping.signal);
    await whenAborted(stopping.signal);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    await supervision.fail(error);
    return 1;
  } finally {
    clearInterval(watch);
    await supervision.end();
  }
}

interface Supervision {
  start(signal: AbortSignal): Promise<void>;
  isWanted(): boolean;
  fail(error: unknown): Promise<void>;
  end(): Promise<void>;
}

function createSupervision(layout: Layout, launch: Launch): Supervision {
  let state = firstState(launch);
  let fleet: Fleet | undefined;
  let saved = Promise.resolve();
  const save = (change: Partial<SandboxState> = {}): Promise<void> => {
    state = { ...state, ...change, processes: fleet?.records() ?? [] };
    const snapshot = state;
    saved = saved.then(() => writeWhole(layout.state, snapshot)).catch(() => {});
    return saved;
  };
  return {
    isWanted: () =>
      (!launch.owner || isAlive(launch.owner)) && (state.phase === 'ready' || isAlive(launch.starter)),
    async start(signal) {
      for (let attempt = 1; ; attempt += 1) {
        const ports = assignPorts(await findFreePorts(portCount));
        fleet = createFleet(layout, launch, () => void save());
        await save(addressesOf(ports));
        try {
          await boot({ layout, launch, ports, fleet, signal, saveInit: (nodeInit) => save({ nodeInit }) });
          break;
        } catch (error) {
          if (signal.aborted || attempt === attempts || !(error instanceof DaemonFailure && error.isPassing))
            throw error;
          await clearForRetry(layout, fleet);
        }
      }
      await save({ phase: 'ready' });
      emit({ kind: 'ready', afterMs: Math.round(performance.now()) });
      process.stdout.end();
    },
    async fail(error) {
      const { subject, reason, log } =
        error instanceof DaemonFailure
          ? error
          : { subject: 'the supervisor', reason: `failed: ${String(error)}`, log: '' };
      await save({ phase: 'failed', failure: { subject, reason, log } });
      emit({ kind: 'failed', subject, reason, log });
    },
    async end() {
      const failed = state.phase === 'failed';
      if (!failed) await save({ phase: 'stopping' });
      await fleet?.killAll();
      if (launch.realNode) await removeCgroups(layout.folder);
      await save();
      // A sandbox with an owner is as throwaway as its owner; one that failed keeps its logs.
      if (launch.owner && !failed) await rm(layout.folder, { recursive: true, force: true });
    },
  };
}

interface Boot {
  readonly layout: Layout;
  readonly launch: Launch;
  readonly ports: SandboxPorts;
  readonly fleet: Fleet;
  readonly signal: AbortSignal;
  readonly saveInit: (init: ProcessIdentity) => Promise<void>;
}

async function boot({ layout, launch, ports, fleet, signal, saveInit }: Boot): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(launch.readyTimeoutMs)]);
  const { apiServer } = addressesOf(ports);
  const registryConfiguration = await writeRegistryConfiguration(layout, `127.0.0.1:${ports.registry}`);
  await writeKubeconfigs(layout, apiServer);
  const daemons = describeDaemons({ layout, ports, launch, registryConfiguration });
  const serve = async (name: string) => {
    await fleet.waitUntilServing(name, deadline);
    emit({ kind: 'serving', name, afterMs: Math.round(performance.now()) });
  };
  const node = nodeSetting({ layout, launch, ports, fleet, signal, saveInit }, serve);
  if (node) await prepareNode(node);
  const first = daemons.filter(({ needsApi }) => !needsApi);
  for (const daemon of first) fleet.start(daemon);
  const others = Promise.all([
    ...first.filter(({ name }) => name !== 'kube-apiserver').map(({ name }) => serve(name)),
    ...(node ? [startContainers(node)] : []),
  ]);
  await Promise.all([serve('kube-apiserver'), others]);
  const rest = daemons.filter(({ needsApi }) => needsApi);
  for (const daemon of rest) fleet.start(daemon);
  const reach = { layout, apiServer };
  await createFirstObjects(reach, launch.nodes);
  await Promise.all([...rest.map(({ name }) => serve(name)), ...(node ? [joinCluster(node)] : [])]);
  await waitUntilUsable(reach, launch.nodes.length + (node ? 1 : 0), deadline);
}

/** How the real node is started; undefined where none is wanted. */
function nodeSetting(
  { layout, launch, ports, fleet, saveInit }: Boot,
  serve: NodeSetting['serve'],
): NodeSetting | undefined {
  const programs = launch.realNode;
  const { kubernetes } = launch.programs;
  return programs && { layout, ports, fleet, programs, kubernetes, serve, onInit: saveInit };
}

async function writeKubeconfigs(layout: Layout, server: string): Promise<void> {
  const users = ['controller-manager', 'scheduler', 'kwok'];
  await Promise.all([
    writeKubeconfig(layout, { path: layout.kubeconfig, user: 'admin', server }),
    ...users.map((user) => writeKubeconfig(layout, { path: programKubeconfig(layout, user), user, server })),
  ]);
}

async function clearForRetry(layout: Layout, fleet: Fleet): Promise<void> {
  await fleet.killAll();
  await Promise.all(
    [layout.etcd, layout.auditLog, layout.node].map((path) => rm(path, { recursive: true, force: true })),
  );
}

function addressesOf(ports: SandboxPorts): Pick<SandboxState, 'apiServer' | 'registry'> {
  return { apiServer: `https://127.0.0.1:${ports.apiServer}`, registry: `127.0.0.1:${ports.registry}` };
}

function firstState(launch: Launch): SandboxState {
  const supervisor = identify(process.pid);
  if (!supervisor) throw new Error('this process cannot see itself');
  return {
    schemaVersion: 1,
    phase: 'starting',
    supervisor,
    ...(launch.owner ? { owner: launch.owner } : {}),
    apiServer: '',
    registry: '',
    nodes: launch.nodes.map(({ name }) => name),
    realNodes: launch.realNode ? [realNodeName] : [],
    images: launch.realNode ? [nodeImages.busybox] : [],
    admissionWebhooks: launch.admissionWebhooks,
    processes: [],
  };
}

function emit(event: SupervisorEvent): void {
  if (process.stdout.writable) process.stdout.write(`${JSON.stringify(event)}\n`);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
