/**
 * First install and unchanged re-deploy: `zakenak deploy` against `helm upgrade --install --wait` in a loop (Helm 4, Helm 3), `helmfile sync` and the engine of Argo CD,
 * on the same API server in one run, in turns, with a longer round trip. Simulated pods: what is measured is the deployer, not the kubelet.
 *
 * node test/bench/deploy.ts [--shapes 10x5,50x5,1x500] [--rtt 0,5,20] [--rounds 3] [--deployers zakenak,helm4,helm3,helmfile,argocd] [--requests]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '@zakenak/devkit';
import { type Sandbox, simulateGpuNodes } from '@zakenak/sandbox';
import { startApiProxy } from '../e2e/api-proxy.ts';
import { startTestSandbox } from '../e2e/sandbox-fixture.ts';
import { type Deployer, makeDeployers, type Shape } from './deployers.ts';
import { startRoundTrip } from './round-trip.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    shapes: { type: 'string', default: '10x5,50x5,1x500' },
    rtt: { type: 'string', default: '0,5,20' },
    rounds: { type: 'string', default: '3' },
    deployers: { type: 'string', default: 'zakenak,helm4,helm3,helmfile' },
    requests: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const shapes = values.shapes.split(',').map((text): Shape => {
  const [releases = 1, objects = 1] = text.split('x').map(Number);
  return { releases, objects };
});

/** Milliseconds of each round, and what the last one took. */
interface Taken {
  readonly first: number[];
  readonly again: number[];
  requests?: number;
  memory: number;
}

const folder = await mkdtemp(join(tmpdir(), 'zakenak-bench-'));
try {
  const { folder: dist } = await bundle(root, join(folder, 'dist'));
  const deployers = await makeDeployers(values.deployers.split(','), folder, dist);
  for (const shape of shapes)
    for (const rtt of values.rtt.split(',').map(Number)) await compare(deployers, shape, rtt);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** A sandbox of its own for each row: what earlier rows left would slow the later ones. */
async function compare(deployers: readonly Deployer[], shape: Shape, rtt: number): Promise<void> {
  // A node holds 110 pods, and each deployer leaves one a release and round.
  const nodes = Math.ceil((shape.releases * deployers.length * (rounds + 1)) / 90);
  const sandbox = await startTestSandbox({ nodes: simulateGpuNodes(nodes, 1) });
  try {
    print(shape, rtt, await measureAll(deployers, shape, rtt, sandbox));
  } finally {
    await sandbox.stop();
  }
}

async function measureAll(
  deployers: readonly Deployer[],
  shape: Shape,
  rtt: number,
  sandbox: Sandbox,
): Promise<ReadonlyMap<string, Taken>> {
  await using way = await startRoundTrip(sandbox, rtt);
  const times = new Map<string, Taken>();
  for (let round = 0; round < rounds; round++) {
    for (const deployer of deployers) {
      const { name } = deployer;
      const taken = times.get(name) ?? { first: [], again: [], memory: 0 };
      times.set(name, taken);
      const measure = async (deploy: () => Promise<number>): Promise<number> => {
        const started = performance.now();
        taken.memory = Math.max(taken.memory, await deploy());
        return performance.now() - started;
      };
      await inTurn(deployer, shape, `bench-${round}-${name}`, way.kubeconfig, async (deploy) => {
        taken.first.push(await measure(deploy));
        taken.again.push(await measure(deploy));
      });
    }
  }
  if (values.requests) await countRequests(deployers, shape, sandbox, times);
  return times;
}

/** Once more, without a clock: who counts requests has to read them. */
async function countRequests(
  deployers: readonly Deployer[],
  shape: Shape,
  sandbox: Sandbox,
  times: ReadonlyMap<string, Taken>,
): Promise<void> {
  await using proxy = await startApiProxy(sandbox);
  for (const deployer of deployers)
    await inTurn(deployer, shape, `count-${deployer.name}`, proxy.kubeconfig, async (deploy) => {
      await deploy();
      const before = proxy.requests;
      await deploy();
      const taken = times.get(deployer.name);
      if (taken) taken.requests = proxy.requests - before;
    });
}

async function inTurn(
  deployer: Deployer,
  shape: Shape,
  namespace: string,
  kubeconfig: string,
  body: (deploy: () => Promise<number>) => Promise<void>,
): Promise<void> {
  await deployer.prepare?.(shape, namespace, kubeconfig);
  try {
    await body(() => deployer.deploy(shape, namespace, kubeconfig));
  } finally {
    await deployer.finish?.();
  }
}

function print({ releases, objects }: Shape, rtt: number, times: ReadonlyMap<string, Taken>): void {
  const ours = times.get('zakenak');
  console.log(`\n${releases} releases of ${objects} objects, ${rtt} ms round trip, medians of ${rounds}`);
  for (const [name, { first, again, requests, memory }] of times) {
    const cells = [
      name.padEnd(8),
      `first ${seconds(first)} (${ratio(first, ours?.first)})`,
      `unchanged ${seconds(again)} (${ratio(again, ours?.again)}${requests === undefined ? '' : `, ${requests} requests`})`,
      `${Math.round(memory / 2 ** 20)} MiB`,
    ];
    console.log(`  ${cells.join('  ')}`);
  }
}

function ratio(theirs: readonly number[], own: readonly number[] = theirs): string {
  return `${(median(theirs) / median(own)).toFixed(1)}x`;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function seconds(times: readonly number[]): string {
  return `${(median(times) / 1000).toFixed(2).padStart(6)} s`;
}
