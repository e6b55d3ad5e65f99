import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { startApiProxy } from './api-proxy.ts';
import {
  assertSettled,
  forEveryWrite,
  killAfterWrite,
  remove,
  unfinishedPhase,
} from './deploy-crash-fixture.ts';
import { dumpNamespace, makeTestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';
import { beginUpgrade, changeHooked, changeMuch, dumpUpgrade, removing } from './upgrade-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const deploy = ['deploy', ...removing];
const all = ['base', 'api', 'web'];

test('the same upgrade that fails, killed after any of its writes, also while it puts back, ends as before by a deploy and by a rollback', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await beginUpgrade(t, sandbox, kube);
    const former = await dumpUpgrade(set, kube);
    await changeHooked(set, { simulate: 'crash-loop' });
    const killed = await killAfterWrite(set, proxy, nth, deploy);
    const when = `after write ${nth}`;
    const isUnfinished = (await unfinishedPhase(set, kube)) !== undefined;
    if (nth % 2 === 0 && isUnfinished) {
      const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
      assert.equal(exitCode, 0, `${when}: ${report.summary}`);
    } else {
      const { report } = await set.run(deploy);
      assert.equal(report.verdict, 'rolled-back', `${when}: ${report.summary}`);
    }
    assert.equal(await dumpUpgrade(set, kube), former, when);
    await assertSettled(set, kube, all, when);
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 35, `${writes} writes were seen`);
});

test('a rollback killed after any of its writes is gone on with by the next rollback', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await beginUpgrade(t, sandbox, kube);
    const former = await dumpUpgrade(set, kube);
    await changeMuch(set);
    assert.equal((await set.run(deploy)).report.verdict, 'simulated');
    const killed = await killAfterWrite(set, proxy, nth, ['rollback']);
    const unfinished = (await unfinishedPhase(set, kube)) !== undefined;
    if (unfinished) {
      const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
      assert.equal(exitCode, 0, `after write ${nth}: ${report.summary}`);
    }
    // Before its journal was written there is nothing that could tell of it.
    if (unfinished || !killed) {
      assert.equal(await dumpUpgrade(set, kube), former, `after write ${nth}`);
      await assertSettled(set, kube, all, `after write ${nth}`);
    }
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 25, `${writes} writes were seen`);
});

test('a rollback of one release killed after any of its writes is gone on with by the same command, which goes nowhere else', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    await set.run(['deploy']);
    const former = await dumpNamespace(kube, set.name);
    await set.setValues({ base: { text: 'second' } });
    assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
    const back = ['rollback', '--release', 'base'];
    const killed = await killAfterWrite(set, proxy, nth, back);
    const unfinished = (await unfinishedPhase(set, kube)) !== undefined;
    if (unfinished) {
      const { report, exitCode } = await set.run([...back, '--lock-timeout', '1m']);
      assert.equal(exitCode, 0, `after write ${nth}: ${report.error?.message ?? report.summary}`);
    }
    if (unfinished || !killed) {
      assert.equal(await dumpNamespace(kube, set.name), former, `after write ${nth}`);
      await assertSettled(set, kube, all, `after write ${nth}`);
    }
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes >= 9, `${writes} writes were seen`);
});
