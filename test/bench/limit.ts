/**
 * Where a deploy's time goes, and how much of it is the API server's own: raw writes of the same objects over the same number of connections beside `zakenak deploy` and `plan`
 * of one release, on one API server in one run. Exits with 1 where planning a change of every object is over its bound.
 *
 * node test/bench/limit.ts [--objects 500,2000] [--bound 3000] [--rounds 3]
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '@zakenak/devkit';
import { readTarget } from '../e2e/api-proxy.ts';
import { startTestSandbox } from '../e2e/sandbox-fixture.ts';
import { run } from './deployers.ts';

const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '500,2000' },
    bound: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '3' },
  },
});
const rounds = Number(values.rounds);
/** As many as the engine has open at once. */
const connections = 32;

const folder = await mkdtemp(join(tmpdir(), 'zakenak-bench-'));
const sandbox = await startTestSandbox();
const { server, agent } = await readTarget(sandbox);
try {
  const dist = await bundle(join(import.meta.dirname, '../..'), join(folder, 'dist'));
  for (const count of values.objects.split(',').map(Number)) await measure(count, dist.folder);
} finally {
  agent.destroy();
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure(count: number, dist: string): Promise<void> {
  const all = new Map<string, number[]>();
  const add = (name: string, ms: number): void => void all.set(name, [...(all.get(name) ?? []), ms]);
  const stages = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const name = `limit-${count}-${round}`;
    await call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    add('raw: create by POST', await writeAll(count, name, 'post', 'a'));
    add('raw: change by server-side apply', await writeAll(count, name, 'apply', 'b'));
    add('raw: the same as dry run', await writeAll(count, name, 'dry', 'c'));
    const workspace = join(folder, name);
    const zakenak = (verb: string, ...more: readonly string[]) => runZakenak(dist, verb, workspace, more);
    await writeSet(workspace, name, count, 'a');
    const events = join(workspace, 'events.ndjson');
    add('zakenak: first deploy', (await zakenak('deploy', '--events', events)).ms);
    for (const [stage, ms] of await readStages(events)) stages.set(stage, ms);
    add('zakenak: deploy of no change', (await zakenak('deploy')).ms);
    await writeSet(workspace, name, count, 'b');
    const plan = await zakenak('plan');
    add('zakenak: plan of a change of every object', plan.ms);
    add('zakenak: memory of that plan, MiB', plan.mebibytes);
    add('zakenak: deploy of a change of every object', (await zakenak('deploy')).ms);
  }
  console.log(`\n${count} objects in one release, ${connections} connections, medians of ${rounds}`);
  for (const [name, list] of all) {
    const value = median(list);
    const rate = name.includes('MiB') ? '' : ` ms  ${Math.round((count / value) * 1_000)} objects/s`;
    console.log(`  ${name.padEnd(46)} ${value.toFixed(0).padStart(6)}${rate}`);
  }
  console.log(`  of the first deploy: ${[...stages].map(([stage, ms]) => `${stage} ${ms} ms`).join(', ')}`);
  const planned = median(all.get('zakenak: plan of a change of every object') ?? []);
  if (planned > Number(values.bound)) process.exitCode = 1;
}

function objectOf(index: number, namespace: string, text: string) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `raw-${index}`, namespace },
    data: { text: `${text}-${index}` },
  };
}

/** Milliseconds for all of them. */
async function writeAll(
  count: number,
  namespace: string,
  how: 'post' | 'apply' | 'dry',
  text: string,
): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const one = (index: number): Promise<void> => {
    const object = objectOf(index, namespace, text);
    if (how === 'post') return call('POST', path, object);
    const query = `fieldManager=raw&force=true${how === 'dry' ? '&dryRun=All' : ''}`;
    return call('PATCH', `${path}/raw-${index}?${query}`, object);
  };
  let next = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return performance.now() - started;
}

/** One request of node's own client: no retry, no parsing of the answer. */
function call(method: string, path: string, body: unknown): Promise<void> {
  const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
  return new Promise((done, fail) => {
    const sent = request(
      new URL(path, server),
      { agent, method, headers: { 'content-type': type } },
      (answer) => {
        answer.resume().once('end', () => {
          if ((answer.statusCode ?? 500) < 300) done();
          else fail(new Error(`${method} ${path}: ${answer.statusCode}`));
        });
      },
    );
    sent.once('error', fail).end(JSON.stringify(body));
  });
}

async function writeSet(workspace: string, name: string, count: number, text: string): Promise<void> {
  await mkdir(join(workspace, 'chart/templates'), { recursive: true });
  await writeFile(join(workspace, 'chart/Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  const maps = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ ...objectOf(index, name, text), metadata: { name: `app-${index}` } }),
  );
  await writeFile(join(workspace, 'chart/templates/all.yaml'), maps.join('\n---\n'));
  await writeFile(
    join(workspace, 'zakenak.yaml'),
    `project: ${name}\nenvironments: { test: { cluster: { context: zakenak-sandbox } } }\ndeploy: { namespace: ${name}, releases: [{ name: app, chart: chart }] }\n`,
  );
}

async function runZakenak(
  dist: string,
  verb: string,
  workspace: string,
  more: readonly string[],
): Promise<{ readonly ms: number; readonly mebibytes: number }> {
  const args = [verb, '--quiet', '--directory', workspace, '--kubeconfig', sandbox.kubeconfig, ...more];
  const started = performance.now();
  const most = await run(process.execPath, [join(dist, 'bin/zakenak'), ...args]);
  return { ms: performance.now() - started, mebibytes: most / 2 ** 20 };
}

/** From the first to the last word of each stage, by the run's own clock. */
async function readStages(file: string): Promise<ReadonlyMap<string, number>> {
  const spans = new Map<string, { from: number; to: number }>();
  for (const line of (await readFile(file, 'utf8')).trimEnd().split('\n')) {
    const { stage = 'whole run', elapsedMs } = JSON.parse(line) as { stage?: string; elapsedMs: number };
    const span = spans.get(stage) ?? { from: elapsedMs, to: elapsedMs };
    spans.set(stage, { from: span.from, to: elapsedMs });
  }
  return new Map([...spans].map(([stage, { from, to }]) => [stage, to - from]));
}

function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
}
