import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiProxy } from './api-proxy.ts';
import { assertSettled, forEveryWrite, killAfterWrite, normalise, remove } from './deploy-crash-fixture.ts';
import { runKubectl } from './drift-fixture.ts';
import { dumpNamespace, makeTestSet, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [program = ''],
} = await useCluster('kubernetes');

const releases = ['base', 'api', 'web'];
const correct = ['sync', '--mode', 'correct', '--lock-timeout', '1m'];

/** Somebody changes objects of two releases, adds to one, and deletes another. */
function drift(set: TestSet): void {
  const kubectl = (...args: readonly string[]) => runKubectl(sandbox, program, set, args);
  kubectl('patch', 'configmap/base', '--type=merge', '-p', '{"data":{"text":"by hand","more":"by hand"}}');
  kubectl('scale', 'deployment/api', '--replicas=2');
  kubectl('delete', 'configmap/web');
}

test('a correction killed after any of its writes is gone on with by the next one, and writes no revision', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
    const deployed = normalise(await dumpNamespace(kube, set.name), set);
    drift(set);
    const killed = await killAfterWrite(set, proxy, nth, correct);
    const when = `after write ${nth}`;
    const { report, exitCode } = await set.run(correct);
    assert.equal(exitCode, 0, `${when}: ${report.error?.message ?? report.summary}`);
    assert.equal(normalise(await dumpNamespace(kube, set.name), set), deployed, when);
    assert.deepEqual((await set.run(['status'])).report.outputs['drift'], [], when);
    const again = await set.run(['deploy']);
    assert.equal(again.report.outputs['has-changes'], false, when);
    await assertSettled(set, kube, releases, when);
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 8, `${writes} writes were seen`);
});
