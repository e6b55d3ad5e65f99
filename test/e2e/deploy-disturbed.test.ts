import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { type Disturbance, type PlayedAnswer, startApiProxy } from './api-proxy.ts';
import { dumpNamespace, makeTestSet, readWrites } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const isWatch = ({ url = '' }: IncomingMessage): boolean => url.includes('watch=true');
const isWrite = ({ method = 'GET', url = '' }: IncomingMessage): boolean =>
  method !== 'GET' && !url.includes('dryRun=') && !url.includes('/leases');
const gone: PlayedAnswer = {
  status: 200,
  text: `${JSON.stringify({
    type: 'ERROR',
    object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
  })}\n`,
};
const bookmark: PlayedAnswer = {
  status: 200,
  text: `${JSON.stringify({
    type: 'BOOKMARK',
    object: { kind: 'Deployment', apiVersion: 'apps/v1', metadata: { resourceVersion: '1' } },
  })}\n`,
};
/** What the API server answers when somebody else's write came in between, and kept coming. */
const conflict: PlayedAnswer = {
  status: 409,
  reason: 'Conflict',
  message:
    'Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
};
type Answer = PlayedAnswer | Disturbance;
const every = (nth: number, isMeant: (request: IncomingMessage) => boolean, answer: Answer) => {
  let count = 0;
  return (request: IncomingMessage): Answer | undefined =>
    isMeant(request) && ++count % nth === 0 ? answer : undefined;
};
const first = (most: number, isMeant: (request: IncomingMessage) => boolean, answer: Answer) => {
  let count = 0;
  return (request: IncomingMessage): Answer | undefined =>
    isMeant(request) && ++count <= most ? answer : undefined;
};

const disturbances: Readonly<Record<string, () => (request: IncomingMessage) => Answer | undefined>> = {
  'the watches never open': () => first(6, isWatch, 'drop'),
  'the watches break off at once': () => first(6, isWatch, { status: 200, text: '' }),
  'the watches break off in the middle of an event': () => every(2, isWatch, 'cut'),
  'the watches’ version is too old': () => first(4, isWatch, gone),
  'the watches tell of bookmarks only': () => first(4, isWatch, bookmark),
  'the watches’ first words are no JSON': () => first(4, isWatch, { status: 200, text: '<html>\n' }),
  'the watches tell everything twice': () => every(1, isWatch, 'double'),
  'the answer to every second write is lost': () => every(2, isWrite, 'lose'),
  'the answer to every second write breaks off': () => every(2, isWrite, 'cut'),
  'the answer to every second read breaks off': () =>
    every(2, (request) => request.method === 'GET' && !isWatch(request), 'cut'),
  'every third write meets a 500': () => every(3, isWrite, { status: 500 }),
  'every second apply meets a 409': () =>
    every(2, (request) => isWrite(request) && request.method === 'PATCH', conflict),
  'every second renewal of the lock meets a 409': () =>
    every(2, ({ method, url = '' }) => method === 'PUT' && url.includes('/leases/'), conflict),
  'every third write has to wait': () => every(3, isWrite, { status: 429, headers: { 'retry-after': '1' } }),
};

describe('a deploy ends as it should', { concurrency: 3 }, () => {
  for (const [name, disturb] of Object.entries(disturbances))
    test(`where ${name}`, async (t) => {
      const set = await makeTestSet(t, sandbox);
      await using proxy = await startApiProxy(sandbox);
      proxy.intercept(disturb());
      const started = performance.now();
      const { report } = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig]);
      assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
      const seconds = (performance.now() - started) / 1_000;
      t.diagnostic(`${seconds.toFixed(1)} s`);
      assert.ok(seconds < 40, `${seconds.toFixed(1)} s`);
      proxy.intercept(() => undefined);
      const again = await set.run(['deploy']);
      assert.equal(again.report.outputs['has-changes'], false);
    });
});

const quick = async (t: TestContext, timeout: string) => {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases: [{ name: base, chart: charts/app, timeout: ${timeout} }]
`,
  });
  return set;
};

test('watches that are open and say nothing: what is ready is found by asking, before the time is over and at its end', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  proxy.intercept(every(1, isWatch, 'stall'));
  for (const [timeout, most] of [
    ['6s', 15],
    ['5m', 45],
  ] as const) {
    const set = await quick(t, timeout);
    const started = performance.now();
    const { report } = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig]);
    assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
    const seconds = (performance.now() - started) / 1_000;
    assert.ok(seconds < most, `${seconds.toFixed(1)} s with a timeout of ${timeout}`);
  }
});

test('watches that say nothing do not keep a deploy that fails from ending, and from putting back', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await quick(t, '6s');
  await set.run(['deploy']);
  const before = await dumpNamespace(kube, set.name);
  await set.setValues({ base: { text: 'second', simulate: 'never-ready' } });
  proxy.intercept(every(1, isWatch, 'stall'));
  const started = performance.now();
  const { report } = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig]);
  assert.equal(report.verdict, 'rolled-back', report.error?.message ?? report.summary);
  assert.match(report.findings[0]?.message ?? '', /Readiness probe failed/);
  assert.equal(await dumpNamespace(kube, set.name), before);
  const seconds = (performance.now() - started) / 1_000;
  assert.ok(seconds < 30, `${seconds.toFixed(1)} s`);
});

test('a deploy that is stopped while it waits to try a write again does not write when it wakes', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await quick(t, '30s');
  await set.run(['deploy']);
  await set.setValues({ base: { text: 'stopped' } });
  let child: ChildProcess | undefined;
  let refused = 0;
  const isText = ({ method, url = '' }: IncomingMessage): boolean =>
    method === 'PATCH' && url.includes('/configmaps/base') && !url.includes('dryRun');
  proxy.intercept((request) => {
    if (!isText(request)) return undefined;
    refused += 1;
    return refused > 1 ? undefined : { status: 429, headers: { 'retry-after': '5' } };
  });
  const stopped = set.run(['deploy', '--kubeconfig', proxy.kubeconfig], {
    onStart: (started) => {
      child = started;
    },
  });
  await until('the write is turned away', async () => refused > 0, 20_000);
  await delay(200);
  child?.kill('SIGSTOP');
  await set.setValues({ base: { text: 'other' } });
  const other = await set.run(['deploy', '--lock-timeout', '1m']);
  assert.equal(other.report.verdict, 'simulated', other.report.summary);
  const writes = await readWrites(sandbox, set.name);
  child?.kill('SIGCONT');
  const { report } = await stopped;
  assert.equal(report.error?.code, 'rollout/lock-lost');
  assert.deepEqual(await readWrites(sandbox, set.name), writes);
  assert.equal(refused, 1, 'it was not tried again');
});

test('where the API fails while a failed set is put back, the error tells first what had failed', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await quick(t, '6s');
  await set.run(['deploy']);
  const before = await dumpNamespace(kube, set.name);
  await set.setValues({ base: { text: 'second', simulate: 'never-ready' } });
  let heads = 0;
  proxy.intercept(({ method, url = '' }) => {
    if (method === 'PUT' && url.includes('/secrets/zakenak.journal.')) heads += 1;
    const isRecords = method === 'GET' && url.includes('/secrets') && url.includes('owner%3Dhelm');
    // The second head says that the set is being put back.
    return heads > 1 && isRecords
      ? { status: 403, reason: 'Forbidden', message: 'secrets is forbidden: taken away' }
      : undefined;
  });
  const { report } = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig]);
  assert.equal(report.error?.code, 'rollout/forbidden');
  assert.match(
    report.error?.message ?? '',
    /^base: not ready after 6 s: Deployment .*Readiness probe failed.*taken away$/s,
  );
  const again = await set.run(['rollback']);
  assert.notEqual(again.report.verdict, 'errored', again.report.error?.message);
  assert.equal(await dumpNamespace(kube, set.name), before);
});
