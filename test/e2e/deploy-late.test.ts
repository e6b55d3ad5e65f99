import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { startApiProxy } from './api-proxy.ts';
import { unfinishedPhase } from './deploy-crash-fixture.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();

const textOf = async ({ name }: TestSet): Promise<string | undefined> => {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: name, name: 'base' });
  return (found?.data as { text?: string } | undefined)?.text;
};

/** A deploy whose request is held back on its way, and that is stopped before it can tell. */
async function stopAt(t: TestContext, isMeant: (request: IncomingMessage, name: string) => boolean) {
  const set = await makeTestSet(t, sandbox);
  const proxy = await startApiProxy(sandbox);
  t.after(() => proxy[Symbol.asyncDispose]());
  proxy.intercept((request) => (proxy.held === 0 && isMeant(request, set.name) ? 'hold' : undefined));
  await set.setValues({ base: { text: 'late' } });
  let child: ChildProcess | undefined;
  const ended = set.run(['deploy', '--kubeconfig', proxy.kubeconfig], {
    onStart: (started) => {
      child = started;
    },
  });
  await until('a request is held back', async () => proxy.held === 1, 30_000);
  child?.kill('SIGSTOP');
  const wake = async () => {
    child?.kill('SIGCONT');
    assert.equal((await ended).report.error?.code, 'rollout/lock-lost');
  };
  return { set, proxy, wake };
}

async function deploy(set: TestSet, values: Parameters<TestSet['setValues']>[0], verdict = 'simulated') {
  await set.setValues(values);
  const { report } = await set.run(['deploy', '--lock-timeout', '1m']);
  assert.equal(report.verdict, verdict, report.error?.message ?? report.summary);
}

for (const [what, method, statuses] of [
  ['that begins a journal', 'POST', [201]],
  ['that makes a journal count', 'PUT', [404]],
] as const)
  test(`a write ${what}, held back until another deploy took over and ended, brings nothing of its deploy back`, async (t) => {
    const { set, proxy, wake } = await stopAt(
      t,
      ({ method: by, url = '' }) => by === method && url.startsWith('/api/v1/namespaces/default/secrets'),
    );
    await deploy(set, { base: { text: 'second' } });
    assert.deepEqual(await proxy.letGo(), statuses);
    assert.equal(await unfinishedPhase(set, kube), undefined, 'no journal tells of it');
    const { report } = await set.run(['status']);
    assert.equal(report.outputs['unfinished'], undefined);
    await wake();
    const before = await set.run(['rollback', '--dry-run']);
    assert.doesNotMatch(JSON.stringify(before.report.caveats), /did not finish/);
    // What a stale baseline would have put back is not there any more.
    await deploy(set, { base: { text: 'third', simulate: 'crash-loop' } }, 'rolled-back');
    assert.equal(await textOf(set), 'second');
    await deploy(set, { base: { text: 'fourth' } });
    const selector = { apiVersion: 'v1', kind: 'Secret', namespace: 'default' };
    const { items } = await kube.list({ ...selector, labelSelector: `zakenak.dev/journal=${set.name}` });
    assert.deepEqual(items, [], 'nothing is left of it');
  });

test('a removal of a journal, held back until another deploy is at work, takes nothing of that one’s', async (t) => {
  const { set, proxy, wake } = await stopAt(
    t,
    ({ method, url = '' }, name) => method === 'DELETE' && url.includes(`/secrets/zakenak.journal.${name}`),
  );
  await set.setValues({ base: { text: 'second', readyAfter: '10s' } });
  const second = set.run(['deploy', '--lock-timeout', '1m']);
  await until('the second is at work', async () => (await textOf(set)) === 'second', 60_000);
  assert.deepEqual(await proxy.letGo(), [409]);
  assert.equal(await unfinishedPhase(set, kube), 'running');
  const { report } = await second;
  assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
  assert.equal(await unfinishedPhase(set, kube), undefined);
  await wake();
});

test('a request for the lock, held back until another deploy holds it, does not stop that one', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await using proxy = await startApiProxy(sandbox);
  proxy.intercept(({ method, url = '' }) =>
    method === 'PATCH' && url.includes('/leases/') ? 'hold' : undefined,
  );
  const start = async (
    text: string,
    more: Parameters<TestSet['run']>[1] = {},
    ...args: readonly string[]
  ) => {
    await set.setValues({ base: { text, readyAfter: '8s' } });
    await set.workspace.commit();
    return set.run(['deploy', '--lock-timeout', '1m', ...args], more);
  };
  const first = start('first');
  await until('the first is at work', async () => (await textOf(set)) === 'first', 30_000);
  let child: ChildProcess | undefined;
  const onStart = (started: ChildProcess) => {
    child = started;
  };
  const asking = start('asking', { onStart }, '--kubeconfig', proxy.kubeconfig);
  await until('the second asks', async () => proxy.held === 1, 30_000);
  child?.kill('SIGKILL');
  await asking;
  assert.equal((await first).report.verdict, 'simulated');
  const third = start('third');
  await until('the third is at work', async () => (await textOf(set)) === 'third', 30_000);
  assert.deepEqual(await proxy.letGo(), [409]);
  const { report } = await third;
  assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
});
