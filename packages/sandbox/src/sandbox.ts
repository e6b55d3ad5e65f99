import { isAlive } from '@zakenak/machine';
import { isServing } from './api-client.ts';
import { contextName } from './kubeconfig.ts';
import { layoutOf } from './layout.ts';
import { readState, type SandboxProcess, type SandboxState } from './state.ts';
import { stopSandbox } from './stop.ts';

/** A throwaway cluster with its registry. Disposing of it stops it. */
export interface Sandbox extends AsyncDisposable {
  /** Absolute path; everything of the sandbox lies in it. */
  readonly folder: string;
  /** Absolute path, readable by its owner only. */
  readonly kubeconfig: string;
  /** Name of the kubeconfig's context. */
  readonly context: string;
  /** `https://127.0.0.1:port` */
  readonly apiServer: string;
  /** `127.0.0.1:port`, plain HTTP, no authentication, deletion allowed. */
  readonly registry: string;
  /** Absolute path of the API server's audit log, one JSON event per line, written before the answer is sent. */
  readonly auditLog: string;
  /** Names of the simulated nodes. */
  readonly nodes: readonly string[];
  /** Names of the nodes that run containers. */
  readonly realNodes: readonly string[];
  /** Images that the real nodes have from the start: `zakenak.local/busybox:1`. Simulated nodes pretend to have every image. */
  readonly images: readonly string[];
  /** False where admission webhooks are switched off, since nothing in the cluster could answer them. */
  readonly admissionWebhooks: boolean;
  readonly processes: readonly SandboxProcess[];
  /** Ends every process and removes the folder. */
  stop(): Promise<void>;
}

/** A process of the sandbox with what it is doing now. */
export interface ProcessHealth extends SandboxProcess {
  readonly state: 'serving' | 'running' | 'gone';
}

/** What there is in a folder. `stale`: the supervisor is gone without having tidied up. */
export interface SandboxStatus {
  readonly phase: SandboxState['phase'] | 'stale' | 'absent';
  readonly sandbox?: Sandbox;
  readonly processes: readonly ProcessHealth[];
  readonly failure?: SandboxState['failure'];
}

/** The sandbox that a state describes. */
export function sandboxOf(folder: string, state: SandboxState): Sandbox {
  const layout = layoutOf(folder);
  const stop = async () => void (await stopSandbox(folder));
  return {
    folder,
    kubeconfig: layout.kubeconfig,
    context: contextName,
    apiServer: state.apiServer,
    registry: state.registry,
    auditLog: layout.auditLog,
    nodes: state.nodes,
    realNodes: state.realNodes,
    images: state.images,
    admissionWebhooks: state.admissionWebhooks,
    processes: state.processes,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The running sandbox in an absolute folder; undefined where none is ready there. Touches nothing. */
export async function readSandbox(folder: string): Promise<Sandbox | undefined> {
  const state = await readState(folder);
  if (state?.phase !== 'ready' || !isAlive(state.supervisor)) return undefined;
  return state.processes.every(isAlive) ? sandboxOf(folder, state) : undefined;
}

/** Looks at every process of the sandbox in an absolute folder and asks each whether it serves. */
export async function inspectSandbox(folder: string): Promise<SandboxStatus> {
  const state = await readState(folder);
  if (!state) return { phase: 'absent', processes: [] };
  const layout = layoutOf(folder);
  const processes = await Promise.all(
    state.processes.map(async (process): Promise<ProcessHealth> => {
      if (!isAlive(process)) return { ...process, state: 'gone' };
      return { ...process, state: (await isServing(layout, process.probe)) ? 'serving' : 'running' };
    }),
  );
  const isLed = isAlive(state.supervisor);
  return {
    phase: isLed || state.phase === 'failed' ? state.phase : 'stale',
    ...(isLed && state.phase === 'ready' ? { sandbox: sandboxOf(folder, state) } : {}),
    processes,
    ...(state.failure ? { failure: state.failure } : {}),
  };
}
