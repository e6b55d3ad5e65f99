import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { startApiProxy } from './api-proxy.ts';
import { forEveryWrite, killAfterWrite, normalise, remove } from './deploy-crash-fixture.ts';
import { dumpNamespace, makeTestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

test('a first deploy killed after any of its writes is gone on with to the same end', async (t) => {
  const whole = await makeTestSet(t, sandbox);
  await whole.run(['deploy']);
  const wanted = normalise(await dumpNamespace(kube, whole.name), whole);
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    const killed = await killAfterWrite(set, proxy, nth);
    const { report } = await set.run(['deploy', '--lock-timeout', '1m']);
    assert.equal(report.verdict, 'simulated', `after write ${nth}: ${report.summary}`);
    assert.equal(normalise(await dumpNamespace(kube, set.name), set), wanted, `after write ${nth}`);
    const status = await set.run(['status']);
    assert.equal(status.exitCode, 0, `after write ${nth}: ${status.report.summary}`);
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 20, `${writes} writes were seen`);
});

test('a failing deploy killed after any of its writes, also while it puts back, still ends as before', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    await set.run(['deploy']);
    const before = await dumpNamespace(kube, set.name);
    await set.setValues({
      base: { text: 'second', extra: { new: 'x' } },
      web: { simulate: 'crash-loop', text: 'broken' },
    });
    const killed = await killAfterWrite(set, proxy, nth);
    // The same broken commit once more: what was begun is put back whole, not only to where the kill left it.
    const { report } = await set.run(['deploy', '--lock-timeout', '1m']);
    assert.equal(report.verdict, 'rolled-back', `after write ${nth}: ${report.summary}`);
    assert.equal(await dumpNamespace(kube, set.name), before, `after write ${nth}`);
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 25, `${writes} writes were seen`);
});

test('rollback undoes a deploy that was killed in the middle', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const before = await dumpNamespace(kube, set.name);
  await set.setValues({ base: { text: 'second', extra: { new: 'x' } }, api: { text: 'second' } });
  assert.equal(await killAfterWrite(set, proxy, 10), true);
  assert.notEqual(await dumpNamespace(kube, set.name), before);
  const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
  assert.equal(exitCode, 0, report.summary);
  assert.match(report.summary, /^The rollout that was interrupted is undone: /);
  assert.equal(await dumpNamespace(kube, set.name), before);
});

test('one release goes back to no revision while a deploy of the set is unfinished, which keeps its way back', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const before = await dumpNamespace(kube, set.name);
  const second = { text: 'second', extra: { a: '1', b: '2' } };
  await set.setValues({ base: second, api: second });
  assert.ok(await killAfterWrite(set, proxy, 16));
  for (const more of [[], ['--dry-run']]) {
    const { report, exitCode } = await set.run(['rollback', '--release', 'base', '--revision', '1', ...more]);
    assert.equal(report.error?.code, 'rollout/unfinished', report.summary);
    assert.equal(exitCode, 5);
  }
  assert.equal((await set.run(['rollback'])).report.verdict, 'passed');
  assert.equal(await dumpNamespace(kube, set.name), before);
});
