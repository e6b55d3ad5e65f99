import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startApiProxy } from './api-proxy.ts';
import type { FaultSet } from './deploy-faults-fixture.ts';
import { deploy, deployManifest, runKubectl, settings, web } from './drift-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [program = ''],
} = await useCluster('kubernetes');

const ref = (set: FaultSet) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: set.name,
  name: 'settings',
});
const dataOf = async (set: FaultSet) =>
  (await kube.get(ref(set)))?.data as Record<string, string> | undefined;
const change = (set: FaultSet, data: object): string =>
  runKubectl(sandbox, program, set, [
    'patch',
    'configmap',
    'settings',
    '--type=merge',
    '-p',
    JSON.stringify({ data }),
  ]);

async function until(what: string, isSo: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  for (const end = Date.now() + limitMs; !(await isSo()); await delay(50)) assert.ok(Date.now() < end, what);
}

/** Runs `zakenak sync --watch` until `body` is done, then ends it as Ctrl-C does. */
async function watching(
  t: TestContext,
  set: FaultSet,
  args: readonly string[],
  body: (log: () => string) => Promise<void>,
) {
  let child: ChildProcess | undefined;
  let log = '';
  const run = set.run(['sync', '--watch', ...args], {
    onStart: (started) => {
      child = started;
      started.stderr?.on('data', (chunk: Buffer | string) => {
        log += String(chunk);
      });
    },
  });
  t.after(() => child?.kill('SIGKILL'));
  await until('it never began to watch', () => /watch/.test(log));
  await delay(1_500);
  await body(() => log);
  child?.kill('SIGINT');
  return run;
}

test('idle it asks for nothing; a drift is seen and put back at once; a status costs nothing', async (t) => {
  const many = Array.from({ length: 40 }, (_, index) =>
    settings.replace('name: settings', `name: more-${index}`),
  );
  const set = await deployManifest(t, sandbox, `${web('replicas: 1')}${settings}${many.join('')}`);
  await using proxy = await startApiProxy(sandbox);
  const args = ['--mode', 'correct', '--kubeconfig', proxy.kubeconfig];
  const { exitCode, report } = await watching(t, set, args, async (log) => {
    const idle = proxy.requests;
    await delay(5_000);
    assert.equal(proxy.requests - idle, 0, 'requests while nothing happened');
    const conditions = [{ type: 'Played', status: 'True', reason: 'Test', message: '' }];
    await kube.patch(
      { apiVersion: 'apps/v1', kind: 'Deployment', namespace: set.name, name: 'web' },
      'merge',
      { status: { conditions } },
      { subresource: 'status' },
    );
    await delay(1_500);
    assert.equal(proxy.requests - idle, 0, 'requests after a change of the status');
    change(set, { a: 'by hand' });
    await until('it was not put back', async () => (await dataOf(set))?.a === '1');
    assert.match(log(), /kubectl-patch changed data\.a from 1 to by hand/);
    await kube.delete(ref(set));
    await until('it was not made again', async () => (await dataOf(set))?.a === '1');
    await delay(3_000);
    const calm = proxy.requests;
    await delay(3_000);
    assert.equal(proxy.requests - calm, 0, 'it comes to rest after its own writes');
  });
  assert.equal(exitCode, 0, JSON.stringify([report.error, report.findings]));
  assert.equal(report.outputs.corrected, 2);
});

test('a deploy is waited for and followed: what it changed is no drift, and is what is kept from then on', async (t) => {
  const set = await deployManifest(t, sandbox, settings);
  const { exitCode, report } = await watching(t, set, ['--mode', 'correct'], async (log) => {
    await set.setManifest(settings.replace('b: "2"', 'b: "3"'));
    await deploy(set);
    await delay(3_000);
    assert.doesNotMatch(log(), / drift /);
    change(set, { b: 'by hand' });
    await until('it was not put back', async () => (await dataOf(set))?.b === '3');
    await until('it was not told', () => /in sync/.test(log()));
  });
  assert.equal(exitCode, 0, JSON.stringify([report.error, report.findings]));
  assert.equal(report.outputs.corrected, 1);
});

test('who keeps changing an object back is named, and met with longer pauses', async (t) => {
  const set = await deployManifest(t, sandbox, settings);
  const changes: number[] = [];
  const { exitCode, report } = await watching(t, set, ['--mode', 'correct'], async (log) => {
    await until(
      'the fight was not told',
      async () => {
        if ((await dataOf(set))?.a === '1') {
          change(set, { a: 'mine' });
          changes.push(Date.now());
        }
        return /changed it again after it was put back 3 times/.test(log());
      },
      40_000,
    );
  });
  assert.equal(exitCode, 1);
  const fight = report.findings.find(({ ruleId }) => ruleId === 'rollout/fought-over');
  assert.match(fight?.message ?? '', /kubectl-patch changed it again/);
  const [first = 0, second = 0, third = 0, fourth = 0] = changes;
  assert.ok(third - second >= 1_900, `${third - second} ms`);
  assert.ok(fourth - third >= 5_900, `${fourth - third} ms`);
  assert.ok(second - first < 5_000, 'the first correction is not paused');
});

test('what a controller rewrites all the time is looked at after longer and longer pauses, and never said to have been put back', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await deployManifest(t, sandbox, settings);
  const { apiVersion, kind, ...metadata } = ref(set);
  let [count, isOver] = [0, false];
  const rewrite = async (): Promise<void> => {
    count += 1;
    const data = { a: `rewritten ${count}` };
    await kube.apply({ apiVersion, kind, metadata, data }, { fieldManager: 'rewriter', force: true });
  };
  await rewrite();
  const rewriting = (async () => {
    for (; !isOver; await delay(100)) await rewrite();
  })();
  let asked = 0;
  const way = ['--mode', 'correct', '--kubeconfig', proxy.kubeconfig];
  const { exitCode, report, stderr } = await watching(t, set, way, async () => {
    const before = proxy.requests;
    await delay(12_000);
    asked = proxy.requests - before;
  });
  isOver = true;
  await rewriting;
  assert.ok(count > 80, `${count} changes`);
  assert.equal(exitCode, 1);
  const rules = report.findings.map(({ ruleId }) => ruleId);
  assert.deepEqual(rules, ['rollout/drifted']);
  assert.match(report.findings[0]?.message ?? '', /rewriter changed data\.a/);
  const told = stderr.split('\n').filter((line) => /rewriter changed/.test(line));
  assert.ok(told.length >= 1 && told.length <= 6, `${told.length} lines`);
  assert.ok(asked < 60, `${asked} requests`);
});

test('what is changed again while it is put back is told, with who did it', async (t) => {
  const set = await deployManifest(t, sandbox, settings);
  const { apiVersion, kind, ...metadata } = ref(set);
  const object = { apiVersion, kind, metadata, data: { a: 'mine' } };
  let isOver = false;
  const fighting = (async () => {
    for (; !isOver; await delay(20))
      if ((await dataOf(set))?.a !== 'mine')
        await kube.apply(object, { fieldManager: 'kubectl-edit', force: true });
  })();
  await until('it never changed', async () => (await dataOf(set))?.a === 'mine');
  const { exitCode, report } = await set.run(['sync', '--mode', 'correct']);
  isOver = true;
  await fighting;
  assert.equal(exitCode, 1, report.summary);
  assert.match(report.summary, /^1 object was put back; 1 is changed again already\.$/);
  const fight = report.findings.find(({ ruleId }) => ruleId === 'rollout/fought-over');
  assert.match(fight?.message ?? '', /kubectl-edit changed it again after it was put back: .*data\.a/);
  assert.equal((await set.run(['sync', '--mode', 'correct'])).exitCode, 0);
});

test('in mode report the watch tells and leaves everything as it is', async (t) => {
  const set = await deployManifest(t, sandbox, settings);
  const { exitCode, report } = await watching(t, set, [], async (log) => {
    change(set, { a: 'by hand' });
    await until('it was not told', () => /kubectl-patch changed data\.a/.test(log()));
    change(set, { a: '1' });
    await until('its end was not told', () => /in sync/.test(log()));
    change(set, { a: 'again' });
    await until('it was not told again', () => /to again/.test(log()));
  });
  assert.equal(exitCode, 1);
  assert.deepEqual(
    report.findings.map(({ ruleId }) => ruleId),
    ['rollout/drifted'],
  );
  assert.equal((await dataOf(set))?.a, 'again');
});

test('what goes between the look at it and the beginning of its watch is seen', async (t) => {
  const set = await deployManifest(t, sandbox, settings);
  await using proxy = await startApiProxy(sandbox);
  let isGone = false;
  proxy.intercept(({ url = '', headers }) => {
    const isWatched = headers.accept?.includes('PartialObjectMetadataList') && url.includes('/configmaps?');
    if (!isWatched || isGone) return undefined;
    isGone = true;
    runKubectl(sandbox, program, set, ['delete', 'configmap', 'settings']);
    return undefined;
  });
  const args = ['--mode', 'correct', '--kubeconfig', proxy.kubeconfig];
  const { report } = await watching(t, set, args, async () => {
    await until('it was not made again', async () => isGone && (await dataOf(set))?.a === '1', 10_000);
  });
  assert.equal(report.outputs.corrected, 1);
});
