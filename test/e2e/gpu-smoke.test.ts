import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type KubeApi, type KubeObject, parseInputs, type Report, ZakenakError } from '@zakenak/core';
import { collectingLog, collectingProgress } from '@zakenak/core/testing';
import { readSmokeRequest, smokeTestGpu, spec } from '@zakenak/gpu';
import { connectKube } from '@zakenak/kube';
import { createFiles, createHttp, createSystemClock } from '@zakenak/machine';
import type { Sandbox } from '@zakenak/sandbox';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;
const pods = { apiVersion: 'v1', kind: 'Pod', namespace: 'default' };

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});

after(() => sandbox?.stop());

afterEach(async () => {
  const { items } = await kube.list({ ...pods, labelSelector: 'app.kubernetes.io/name=zakenak-gpu-smoke' });
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  assert.deepEqual(
    staying.map(({ metadata }) => metadata.name),
    [],
    'no probe pod stays behind',
  );
});

async function smoke(given: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Report> {
  const ports = {
    process: createTestToolchain(),
    files: createFiles(sandbox.folder),
    clock: createSystemClock(),
    log: collectingLog(),
    progress: collectingProgress(),
    http: createHttp(),
    kube,
  };
  const inputs = { timeout: '20s', ...given };
  return smokeTestGpu(
    readSmokeRequest(parseInputs(spec, (name) => inputs[name as keyof typeof inputs])),
    ports,
    signal,
  );
}

const rulesOf = (report: Report) =>
  report.findings.filter(({ severity }) => severity === 'high').map(({ ruleId }) => ruleId);

test('a pod with a GPU is scheduled on the simulated node, and no more is claimed', async () => {
  const report = await smoke({});
  assert.equal(report.verdict, 'simulated', report.summary);
  assert.equal(report.outputs['gpu-count'], 2);
  assert.equal(report.outputs['level-reached'], 'kubernetes');
  assert.ok(report.caveats.some((text) => text.includes('simulated-gpu-1') && text.includes('not seen')));
  const [node] = report.outputs['gpu-json'] as readonly Record<string, unknown>[];
  assert.equal(node?.memoryMiB, 24_564);
  assert.equal(node?.computeCapability, '8.9');
});

test('a real GPU that is required is missed', async () => {
  const report = await smoke({ 'require-real': 'true' });
  assert.equal(report.verdict, 'failed');
  assert.deepEqual(rulesOf(report), ['gpu/simulated']);
});

test('more GPUs, more memory or another resource than there is fails before a pod is made', async () => {
  assert.deepEqual(rulesOf(await smoke({ 'expected-count': '3' })), ['gpu/too-few']);
  assert.deepEqual(rulesOf(await smoke({ 'min-memory': '80Gi' })), ['gpu/too-little-memory']);
  assert.deepEqual(rulesOf(await smoke({ 'resource-name': 'amd.com/gpu' })), ['gpu/device-plugin-missing']);
  const skipped = await smoke({ 'resource-name': 'amd.com/gpu', 'on-missing': 'skip' });
  assert.equal(skipped.verdict, 'skipped');
});

test('GPUs that another pod holds are named with it', async () => {
  await using _ = await holdGpus();
  const report = await smoke({ timeout: '4s' });
  assert.deepEqual(rulesOf(report), ['gpu/all-in-use']);
  assert.ok(String(report.outputs.cause).includes('default/holder (2)'));
});

/** Takes every GPU until it is disposed of: other pods with GPUs wait. */
async function holdGpus(): Promise<AsyncDisposable> {
  const limits = { 'nvidia.com/gpu': '2' };
  const holder: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'holder', namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'example/app', resources: { limits } }] },
  };
  await kube.create(holder);
  return {
    [Symbol.asyncDispose]: async () => {
      await kube.delete({ ...pods, name: 'holder' });
      await gone('holder');
    },
  };
}

async function gone(name: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (await kube.get({ ...pods, name })) {
    assert.ok(Date.now() < deadline, `${name} does not go`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('an image that cannot be pulled is named', async () => {
  const report = await smoke({ image: 'registry.invalid/cuda:12.8' });
  assert.deepEqual(rulesOf(report), ['gpu/image-not-pulled']);
});

test('a namespace that does not exist is bad input', async () => {
  await assert.rejects(
    smoke({ namespace: 'nowhere' }),
    (error) => error instanceof ZakenakError && error.code === 'gpu/no-namespace' && error.exitCode === 2,
  );
});

test('a run that is stopped while its pod waits deletes the pod', async () => {
  await using _ = await holdGpus();
  const stop = new AbortController();
  const running = smoke({}, stop.signal);
  const watching = (async () => {
    for await (const { type } of kube.watch(
      { ...pods, labelSelector: 'app.kubernetes.io/name=zakenak-gpu-smoke' },
      stop.signal,
    ))
      if (type === 'ADDED') stop.abort();
  })();
  await assert.rejects(running, (error) => error instanceof ZakenakError && error.code === 'run/cancelled');
  await watching;
});
