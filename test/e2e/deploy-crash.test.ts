import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { type ApiProxy, startApiProxy } from './api-proxy.ts';
import { dumpNamespace, makeTestSet, type TestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

/** Names and generated ids differ from set to set; what they stand for does not. */
const normalise = (dump: string, { name, canary }: TestSet): string =>
  dump
    .replaceAll(name, 'SET')
    .replaceAll(Buffer.from(canary).toString('base64'), 'SECRET')
    .replaceAll(canary, 'SECRET')
    .replace(/"uid":"[^"]*"|"clusterIPs?":(?:"[^"]*"|\[[^\]]*\])/g, '""');

/** Kills a deploy with SIGKILL right after its `nth` write has reached the server; false where it ended before that. */
async function killAfterWrite(set: TestSet, proxy: ApiProxy, nth: number): Promise<boolean> {
  let killed = false;
  const { signal } = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig], {
    onStart: (child) =>
      proxy.afterWrite(nth, () => {
        killed = true;
        child.kill('SIGKILL');
      }),
  });
  assert.equal(signal, killed ? 'SIGKILL' : null);
  return killed;
}

/** The simulated node holds 110 pods. */
async function remove({ name }: TestSet): Promise<void> {
  await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name });
}

/** Runs `body` for 1, 2, 3… until it says that there was no such write, three at a time. Returns how many there were. */
async function forEveryWrite(body: (nth: number) => Promise<boolean>): Promise<number> {
  let [next, last] = [1, Number.POSITIVE_INFINITY];
  const worker = async (): Promise<void> => {
    for (let nth = next++; nth < last; nth = next++) if (!(await body(nth))) last = Math.min(last, nth);
  };
  await Promise.all([worker(), worker(), worker()]);
  return last - 1;
}

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
    await remove(set);
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
    await remove(set);
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
