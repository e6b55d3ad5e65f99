import { readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { ProcessIdentity } from '@zakenak/machine';
import type { Probe } from './daemons.ts';
import { layoutOf } from './layout.ts';
import type { NodePrograms } from './real-node.ts';
import type { SimulatedNode } from './simulated-node.ts';

/** One program of the sandbox. */
export interface SandboxProcess extends ProcessIdentity {
  readonly name: string;
  /** How to see that it serves. */
  readonly probe: Probe;
  /** Absolute path of its output. */
  readonly log: string;
  /** How it ended, where it ended before the sandbox did. */
  readonly ended?: string;
}

/** What the supervisor writes down about a sandbox. */
export interface SandboxState {
  readonly schemaVersion: 1;
  readonly phase: 'starting' | 'ready' | 'failed' | 'stopping';
  readonly supervisor: ProcessIdentity;
  /** The process with which the sandbox ends, where it has one. */
  readonly owner?: ProcessIdentity;
  readonly apiServer: string;
  /** host:port. */
  readonly registry: string;
  /** Names of the simulated nodes. */
  readonly nodes: readonly string[];
  /** Names of the nodes that run containers. */
  readonly realNodes: readonly string[];
  /** Images that the real nodes have from the start. */
  readonly images: readonly string[];
  /** The first process of the real node's namespaces, with which everything in them ends. */
  readonly nodeInit?: ProcessIdentity;
  readonly admissionWebhooks: boolean;
  readonly processes: readonly SandboxProcess[];
  /** Why it failed. */
  readonly failure?: { readonly subject: string; readonly reason: string; readonly log: string };
}

/** What the supervisor is asked to run. */
export interface Launch {
  readonly schemaVersion: 1;
  /** The process that waits for the sandbox to be ready; its end before that ends the sandbox. */
  readonly starter: ProcessIdentity;
  readonly owner?: ProcessIdentity;
  /** Absolute paths. */
  readonly programs: { readonly kubernetes: string; readonly kwok: string; readonly registry: string };
  /** Absent: no real node. */
  readonly realNode?: NodePrograms;
  readonly nodes: readonly SimulatedNode[];
  readonly admissionWebhooks: boolean;
  readonly readyTimeoutMs: number;
}

/** The state of the sandbox in an absolute folder; undefined where there is none that can be read. */
export async function readState(folder: string): Promise<SandboxState | undefined> {
  try {
    return parseState(await readFile(layoutOf(folder).state, 'utf8'));
  } catch {
    return undefined;
  }
}

function parseState(text: string): SandboxState | undefined {
  const state = JSON.parse(text) as SandboxState;
  return state.schemaVersion === 1 && Array.isArray(state.processes) ? state : undefined;
}

/** What `startSandbox` wrote for the supervisor. */
export function readLaunch(folder: string): Launch {
  return JSON.parse(readFileSync(layoutOf(folder).launch, 'utf8')) as Launch;
}

/** Writes a file of the sandbox whole or not at all, readable by its owner only. */
export async function writeWhole(path: string, content: unknown): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}
