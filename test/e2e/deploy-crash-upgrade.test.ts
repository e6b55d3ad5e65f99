import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { startApiProxy } from './api-proxy.ts';
import { forEveryWrite, killAfterWrite, normalise, remove } from './deploy-crash-fixture.ts';
import { dumpNamespace, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';
import { changeEverything, makeUpgradeSet, removing } from './upgrade-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

async function begin(set: TestSet): Promise<void> {
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'simulated', report.summary);
}

/** The claim's end is the controller's to make. */
const claimIsGone = (set: TestSet): Promise<void> =>
  until(
    'the claim is gone',
    async () => {
      const { items } = await kube.list({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: set.name,
      });
      return items.length === 0;
    },
    30_000,
  );

const dump = async (set: TestSet): Promise<string> =>
  normalise(await dumpNamespace(kube, set.name), set)
    // A Job of a hook bears the time of its run and the ids that its controller gave it.
    .split('\n')
    .filter((line) => !line.startsWith('{"kind":"Job"'))
    .sort()
    .join('\n');

test('an upgrade with a hook, a recreate, a claim and a release that go, killed after any of its writes, is gone on with to the same end', async (t) => {
  const whole = await makeUpgradeSet(t, sandbox);
  await begin(whole);
  await changeEverything(whole);
  const { report } = await whole.run(['deploy', ...removing]);
  assert.equal(report.verdict, 'simulated', report.summary);
  await claimIsGone(whole);
  const wanted = await dump(whole);
  assert.doesNotMatch(wanted, /"kind":"Deployment","metadata":\{"name":"web"|base-old/);
  assert.match(wanted, /"pool":"two"/);
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeUpgradeSet(t, sandbox);
    await begin(set);
    await changeEverything(set);
    const killed = await killAfterWrite(set, proxy, nth, removing);
    const again = await set.run(['deploy', ...removing]);
    assert.equal(again.report.verdict, 'simulated', `after write ${nth}: ${again.report.summary}`);
    await claimIsGone(set);
    assert.equal(await dump(set), wanted, `after write ${nth}`);
    assert.equal((await set.run(['status'])).exitCode, 0, `after write ${nth}`);
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 20, `${writes} writes were seen`);
});

test('the same upgrade killed after any of its writes is undone by rollback', async (t) => {
  const whole = await makeUpgradeSet(t, sandbox);
  await begin(whole);
  const former = await dump(whole);
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeUpgradeSet(t, sandbox);
    await begin(set);
    await changeEverything(set);
    const killed = await killAfterWrite(set, proxy, nth, removing);
    const interrupted = (await set.run(['status'])).report.outputs['unfinished'] as
      | { phase: string }
      | undefined;
    if (interrupted && interrupted.phase !== 'pruning') {
      const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
      assert.equal(exitCode, 0, `after write ${nth}: ${report.summary}`);
      assert.equal(await dump(set), former, `after write ${nth}`);
    }
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
});
