import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import { createHttp, createProcessRunner } from '@zakenak/machine';
import { type Sandbox, type SandboxOptions, startSandbox } from '@zakenak/sandbox';
import { createToolchain, type Toolchain } from '@zakenak/toolchain';

/** The toolchain as the command line wires it, silent. */
export function createTestToolchain(): Toolchain {
  return createToolchain({
    process: createProcessRunner(process.env),
    env: process.env,
    http: createHttp(),
    progress: { emit: () => {} },
  });
}

/**
 * A cluster and a registry for one test file, in a temporary folder, gone with this process at the latest. Takes about five seconds:
 * start one in `before` and share it.
 */
export async function startTestSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'zakenak-sandbox-')));
  return startSandbox({ owner: process.pid, ...options, folder }, { toolchain: createTestToolchain() });
}

/** What the tests of one file share. */
export interface Cluster {
  readonly sandbox: Sandbox;
  readonly kube: KubeApi;
  /** Absolute paths of the programs that were asked for. */
  readonly programs: readonly string[];
}

/** A cluster for the tests of this file, which ends with them, and the paths of programs by their names in the toolchain. */
export async function useCluster(...programs: readonly string[]): Promise<Cluster> {
  const sandbox = await startTestSandbox();
  after(() => sandbox.stop());
  const { resolve } = createTestToolchain();
  return {
    sandbox,
    kube: await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig }),
    programs: await Promise.all(programs.map((name) => resolve(name))),
  };
}
