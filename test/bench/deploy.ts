/**
 * First install and unchanged re-deploy of several releases: `zakenak deploy` against `helm upgrade --install --wait` in a loop, Helm 3 and Helm 4, on the same API
 * server in one run, with a round trip added by a proxy. Simulated pods: what is measured is the deployer, not the kubelet.
 *
 * node test/bench/deploy.ts [--releases 10] [--objects 5] [--rtt 0,5,20] [--rounds 3]
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { bundle } from '@zakenak/devkit';
import { type Sandbox, simulateGpuNodes } from '@zakenak/sandbox';
import { startApiProxy } from '../e2e/api-proxy.ts';
import { createTestToolchain, startTestSandbox } from '../e2e/sandbox-fixture.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    releases: { type: 'string', default: '10' },
    objects: { type: 'string', default: '5' },
    rtt: { type: 'string', default: '0,5,20' },
    rounds: { type: 'string', default: '3' },
  },
});
const [releases, objects, rounds] = [values.releases, values.objects, values.rounds].map(Number) as [
  number,
  number,
  number,
];

/** A deployer: deploys everything to a namespace, over a kubeconfig. */
interface Contender {
  readonly name: string;
  deploy(namespace: string, kubeconfig: string): Promise<void>;
}

const names = Array.from({ length: releases }, (_, index) => `r${index}`);
const folder = await mkdtemp(join(tmpdir(), 'zakenak-bench-'));
const chart = join(folder, 'chart');
let sandbox: Sandbox | undefined;
try {
  await writeChart();
  const toolchain = createTestToolchain();
  const { folder: dist } = await bundle(root, join(folder, 'dist'));
  const contenders: readonly Contender[] = [
    zakenak(dist),
    helm('helm 4', await toolchain.resolve('helm')),
    helm('helm 3', await toolchain.resolve('helm3')),
  ];
  // A node holds 110 pods, and each contender leaves one a release.
  const nodes = Math.ceil((releases * contenders.length * rounds * values.rtt.split(',').length) / 90);
  sandbox = await startTestSandbox({ nodes: simulateGpuNodes(nodes, 1) });
  for (const rtt of values.rtt.split(',').map(Number)) await compare(sandbox, contenders, rtt);
} finally {
  await sandbox?.stop();
  await rm(folder, { recursive: true, force: true });
}

async function compare(
  { kubeconfig: _direct, ...cluster }: Sandbox,
  contenders: readonly Contender[],
  rtt: number,
): Promise<void> {
  await using proxy = await startApiProxy({ ...cluster, kubeconfig: _direct }, { delayMs: rtt });
  const times = new Map<string, { readonly first: number[]; readonly again: number[]; requests: number }>();
  for (let round = 0; round < rounds; round++) {
    for (const { name, deploy } of contenders) {
      const namespace = `bench-${rtt}-${round}-${name.replace(/\W/g, '')}`;
      const taken = times.get(name) ?? { first: [], again: [], requests: 0 };
      times.set(name, taken);
      taken.first.push(await measure(() => deploy(namespace, proxy.kubeconfig)));
      const before = proxy.requests;
      taken.again.push(await measure(() => deploy(namespace, proxy.kubeconfig)));
      taken.requests = proxy.requests - before;
    }
  }
  const ours = times.get('zakenak');
  console.log(`\n${releases} releases of ${objects} objects, ${rtt} ms round trip, medians of ${rounds}`);
  for (const [name, { first, again, requests }] of times) {
    const ratio = (theirs: number[], own: number[] | undefined) =>
      `${(median(theirs) / median(own ?? theirs)).toFixed(1)}x`;
    console.log(
      `  ${name.padEnd(8)} first ${seconds(first)} (${ratio(first, ours?.first)})  unchanged ${seconds(again)} (${ratio(again, ours?.again)}, ${requests} requests)`,
    );
  }
}

async function measure(body: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await body();
  return performance.now() - started;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function seconds(times: readonly number[]): string {
  return `${(median(times) / 1000).toFixed(2).padStart(6)} s`;
}

function zakenak(dist: string): Contender {
  return {
    name: 'zakenak',
    async deploy(namespace, kubeconfig) {
      const workspace = join(folder, namespace);
      await mkdir(workspace, { recursive: true });
      const list = names.map((name) => `    - { name: ${name}, chart: ../chart }`).join('\n');
      const text = `project: ${namespace}\nenvironments: { test: { cluster: { context: current } } }\ndeploy:\n  namespace: ${namespace}\n  releases:\n${list.replaceAll('../chart', 'chart')}\n`;
      await writeFile(join(workspace, 'zakenak.yaml'), text);
      await writeChart(join(workspace, 'chart'));
      const cli = join(dist, 'bin/zakenak');
      await run(process.execPath, [
        cli,
        'deploy',
        '--quiet',
        '--directory',
        workspace,
        '--kubeconfig',
        kubeconfig,
      ]);
    },
  };
}

function helm(name: string, program: string): Contender {
  return {
    name,
    async deploy(namespace, kubeconfig) {
      for (const release of names)
        await run(program, [
          'upgrade',
          '--install',
          release,
          chart,
          '--namespace',
          namespace,
          '--create-namespace',
          '--wait',
          '--kubeconfig',
          kubeconfig,
        ]);
    },
  };
}

async function writeChart(target = chart): Promise<void> {
  await mkdir(join(target, 'templates'), { recursive: true });
  await writeFile(join(target, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  const maps = Array.from(
    { length: objects - 1 },
    (_, index) =>
      `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-${index}" }\ndata: { text: "${index}" }\n`,
  );
  const deployment =
    '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: "{{ .Release.Name }}" }\nspec:\n  selector: { matchLabels: { app: "{{ .Release.Name }}" } }\n  template:\n    metadata: { labels: { app: "{{ .Release.Name }}" } }\n    spec: { containers: [{ name: web, image: "example/web:1" }] }\n';
  await writeFile(join(target, 'templates/all.yaml'), [...maps, deployment].join(''));
}
