/**
 * What `zakenak sync --watch --mode correct` costs: requests while nothing happens, and the time from a change by hand to its being told and put back.
 *
 * node test/bench/drift.ts [--objects 200] [--seconds 60] [--rounds 5]
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { KubeApi } from '@zakenak/core';
import { bundle } from '@zakenak/devkit';
import { connectKube } from '@zakenak/kube';
import { type ApiProxy, startApiProxy } from '../e2e/api-proxy.ts';
import { startTestSandbox } from '../e2e/sandbox-fixture.ts';

const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '5' },
  },
});
const [objects, seconds, rounds] = [values.objects, values.seconds, values.rounds].map(Number) as [
  number,
  number,
  number,
];
const folder = await mkdtemp(join(tmpdir(), 'zakenak-bench-'));
const sandbox = await startTestSandbox();
try {
  await writeWorkspace();
  const { folder: dist } = await bundle(join(import.meta.dirname, '../..'), join(folder, 'dist'));
  await using proxy = await startApiProxy(sandbox);
  const kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
  const cli = (...args: readonly string[]) =>
    spawn(
      process.execPath,
      [join(dist, 'bin/zakenak'), ...args, '--directory', folder, '--kubeconfig', proxy.kubeconfig],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
  const deploy = cli('deploy', '--quiet');
  await new Promise((ended) => deploy.once('close', ended));
  const watch = cli('sync', '--watch', '--mode', 'correct');
  const log = { text: '' };
  watch.stderr.on('data', (chunk: Buffer) => {
    log.text += String(chunk);
  });
  const before = proxy.requests;
  await until(() => / watch /.test(log.text));
  await delay(3_000);
  console.log(`${objects} objects: ${proxy.requests - before} requests to begin with, watches among them`);
  await measureIdle(proxy);
  await measureCorrections(kube, proxy, log);
  watch.kill('SIGINT');
  await new Promise((ended) => watch.once('close', ended));
} finally {
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measureIdle(proxy: ApiProxy): Promise<void> {
  const start = proxy.requests;
  await delay(seconds * 1_000);
  console.log(`idle for ${seconds} s: ${proxy.requests - start} requests`);
}

async function measureCorrections(
  kube: KubeApi,
  proxy: ApiProxy,
  log: { readonly text: string },
): Promise<void> {
  const times: { readonly told: number; readonly done: number; readonly requests: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'bench', name: `map-${round}` };
    const [start, requests] = [performance.now(), proxy.requests];
    await kube.patch(ref, 'merge', { data: { text: `drift-${round}` } });
    await until(() => log.text.includes(`to drift-${round}`));
    const told = performance.now() - start;
    await until(async () => (((await kube.get(ref))?.data ?? {}) as { text?: string }).text === 'deployed');
    const done = performance.now() - start;
    await delay(2_000);
    times.push({ told, done, requests: proxy.requests - requests });
  }
  const median = (list: readonly number[]): string =>
    ([...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0).toFixed(0);
  console.log(
    `a change is told after ${median(times.map(({ told }) => told))} ms (300 ms of them to let others arrive)`,
  );
  console.log(`and put back after ${median(times.map(({ done }) => done))} ms, medians of ${rounds}`);
  console.log(`with ${median(times.map(({ requests }) => requests))} requests`);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await isSo()); await delay(5))
    if (Date.now() > end) throw new Error('waited for a minute in vain');
}

async function writeWorkspace(): Promise<void> {
  await mkdir(join(folder, 'chart/templates'), { recursive: true });
  await writeFile(join(folder, 'chart/Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  const map = (index: number): string =>
    `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: map-${index} }\ndata: { text: deployed }\n`;
  const maps = Array.from({ length: objects }, (_, index) => map(index));
  await writeFile(join(folder, 'chart/templates/all.yaml'), maps.join(''));
  await writeFile(
    join(folder, 'zakenak.yaml'),
    'project: bench\nenvironments: { test: { cluster: { context: current } } }\ndeploy:\n  namespace: bench\n  releases: [{ name: maps, chart: chart }]\n',
  );
}
