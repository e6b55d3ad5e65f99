import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startApiProxy } from './api-proxy.ts';
import { killAfterWrite } from './deploy-crash-fixture.ts';
import { makeTestSet, readWrites } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();
const carryOut = ['deploy', '--plan', 'plan.json'];

/** A deployed set with the approved plan of a change of `base` and `api`. */
async function approve(t: TestContext) {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ web: { extra: { fixed: 'as it is' } } });
  await set.run(['deploy']);
  const changed = { text: 'second', extra: { a: '1', b: '2' } };
  await set.setValues({ base: changed, api: changed, web: { extra: { fixed: 'as it is' } } });
  await set.run(['plan', '--plan-file', 'plan.json']);
  return set;
}

test('an approved plan that was killed again and again is gone on with, and stays the plan that the trail names', async (t) => {
  const set = await approve(t);
  await using proxy = await startApiProxy(sandbox);
  for (const nth of [8, 4, 4]) assert.ok(await killAfterWrite(set, proxy, nth, carryOut));
  const { report } = await set.run(carryOut);
  assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
  const { id } = JSON.parse(await readFile(join(set.workspace.root, 'plan.json'), 'utf8')) as {
    readonly id: string;
  };
  const entries = (await set.run(['audit'])).report.outputs.entries as readonly { readonly planId: string }[];
  assert.equal(entries.at(-1)?.planId, id);
});

test('what was to stay and was changed since is not written by going on with an approved plan', async (t) => {
  const set = await approve(t);
  await using proxy = await startApiProxy(sandbox);
  assert.ok(await killAfterWrite(set, proxy, 6, carryOut));
  const about = { apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'web-fixed' };
  await kube.patch(about, 'merge', { data: { text: 'by hand' } });
  const before = await readWrites(sandbox, set.name);
  const { report, exitCode } = await set.run(carryOut);
  assert.equal(report.error?.code, 'rollout/plan-moved');
  assert.equal(exitCode, 5);
  assert.match(report.error?.message ?? '', /: 'web' was to stay as it is\.$/);
  assert.deepEqual(await readWrites(sandbox, set.name), before);
  const rollback = await set.run(['rollback']);
  assert.equal(rollback.report.verdict, 'passed', rollback.report.summary);
});
