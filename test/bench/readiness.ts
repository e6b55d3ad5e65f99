/**
 * How soon a deploy notices that an object became ready: from the answer to the write of its status to the engine's event, on a real API server, one object after
 * the other at uneven distances. Half of them are Pods, half custom resources. Exits with 1 where the 95th percentile is over the bound.
 *
 * node test/bench/readiness.ts [--changes 240] [--bound 100] [--rtt 0]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  createRedactor,
  type KubeApi,
  type KubeObject,
  type KubeRef,
  type ProgressEvent,
} from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import { createFiles, createProcessRunner, createSystemClock } from '@zakenak/machine';
import { deployRollout } from '@zakenak/rollout';
import { simulateGpuNodes } from '@zakenak/sandbox';
import { startTestSandbox } from '../e2e/sandbox-fixture.ts';
import { startRoundTrip } from './round-trip.ts';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '240' },
    bound: { type: 'string', default: '100' },
    rtt: { type: 'string', default: '0' },
  },
});
const changes = Number(values.changes);
const namespace = 'readiness';
const annotations = { 'zakenak.dev/wait': 'require', 'zakenak.dev/simulate': 'never-ready' };

const gauge = (name: string): KubeObject => ({
  apiVersion: 'bench.example.com/v1',
  kind: 'Gauge',
  metadata: { name, annotations },
  spec: {},
});
const pod = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, annotations },
  spec: { containers: [{ name: 'web', image: 'example/web:1' }] },
});
const objects = Array.from({ length: changes }, (_, index) => (index % 2 ? pod : gauge)(`one-${index}`));

const folder = await mkdtemp(join(tmpdir(), 'zakenak-bench-'));
const sandbox = await startTestSandbox({ nodes: simulateGpuNodes(Math.ceil(changes / 180), 1) });
try {
  await using way = await startRoundTrip(sandbox, Number(values.rtt));
  const [kube, engine] = await Promise.all(
    [sandbox.kubeconfig, way.kubeconfig].map((kubeconfig) => connectKube({ env: {}, kubeconfig })),
  );
  if (!kube || !engine) throw new Error('no cluster');
  await define(kube);
  await writeFile(join(folder, 'all.json'), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  const notices = createNotices();
  const deploying = deploy(engine, notices.see);
  await notices.until(0);
  // Statuses that the simulation still writes are none of ours.
  await delay(5_000);
  const latencies: number[] = [];
  for (const [index, object] of objects.entries()) {
    const noticed = notices.until(index + 1);
    await makeReady(object, kube);
    const answered = performance.now();
    latencies.push(Math.max(0, (await noticed) - answered));
    await delay(Math.random() * 20);
  }
  const ready = performance.now();
  const { verdict, summary } = await deploying;
  if (verdict !== 'simulated') throw new Error(summary);
  print(latencies, performance.now() - ready);
} finally {
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
}

/** When the engine told that so many objects are ready. */
function createNotices() {
  const waiting = new Map<number, (at: number) => void>();
  return {
    see({ stage, count }: ProgressEvent): void {
      if (stage !== 'wait' || !count) return;
      waiting.get(count.done)?.(performance.now());
      waiting.delete(count.done);
    },
    until: (done: number) => new Promise<number>((resolve) => waiting.set(done, resolve)),
  };
}

function deploy(kube: KubeApi, see: (event: ProgressEvent) => void) {
  const quiet = () => {};
  const ports = {
    kube,
    files: createFiles(folder),
    process: createProcessRunner(process.env),
    clock: createSystemClock(),
    redactor: createRedactor(),
    progress: { emit: see },
    log: {
      ...{ debug: quiet, info: quiet, warn: console.warn, error: console.error },
      group: <T>(_: string, body: () => Promise<T>) => body(),
    },
  };
  const source = { manifests: ['all.json'] };
  const releases = [{ name: 'all', namespace, source, timeoutMs: 300_000 }];
  return deployRollout({ set: 'readiness', releases }, ports);
}

async function define(kube: KubeApi): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await kube.create({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gauges.bench.example.com' },
    spec: {
      group: 'bench.example.com',
      scope: 'Namespaced',
      names: { kind: 'Gauge', plural: 'gauges', singular: 'gauge', listKind: 'GaugeList' },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
    },
  });
  for (let tries = 0; tries < 100; tries += 1) {
    kube.refreshDiscovery();
    if ((await kube.resources()).some(({ kind }) => kind === 'Gauge')) return;
    await delay(100);
  }
}

async function makeReady({ apiVersion, kind, metadata }: KubeObject, kube: KubeApi): Promise<void> {
  const ref: KubeRef = { apiVersion, kind, namespace, name: metadata.name };
  const condition = { type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() };
  const running = {
    state: { running: { startedAt: condition.lastTransitionTime } },
    ready: true,
    started: true,
  };
  const status =
    kind === 'Pod'
      ? {
          phase: 'Running',
          conditions: [
            condition,
            { ...condition, type: 'ContainersReady' },
            { ...condition, type: 'PodScheduled' },
          ],
          containerStatuses: [
            { name: 'web', image: 'example/web:1', imageID: '', restartCount: 0, ...running },
          ],
        }
      : { observedGeneration: 1, conditions: [{ ...condition, reason: 'Set', message: '' }] };
  await kube.patch(ref, 'merge', { status }, { subresource: 'status' });
}

function print(latencies: readonly number[], endMs: number): void {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  console.log(`${latencies.length} changes, round trip ${values.rtt} ms`);
  console.log(
    `p50 ${ms(at(0.5))}, p95 ${ms(at(0.95))}, max ${ms(at(1))}; the deploy ended ${ms(endMs)} after the last one`,
  );
  if (at(0.95) > Number(values.bound)) process.exitCode = 1;
}
