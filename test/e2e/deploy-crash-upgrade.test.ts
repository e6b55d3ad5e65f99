import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { startApiProxy } from './api-proxy.ts';
import { forEveryWrite, killAfterWrite, normalise, remove } from './deploy-crash-fixture.ts';
import { dumpNamespace, makeTestSet, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

/** A Deployment whose selector, which cannot be changed in place, is a value. */
const worker = `{{- if .Values.pool }}
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }}-worker }
spec:
  selector: { matchLabels: { pool: {{ .Values.pool | quote }} } }
  template:
    metadata: { labels: { pool: {{ .Values.pool | quote }} } }
    spec: { containers: [{ name: worker, image: "example/worker:1" }] }
{{- end }}
`;
const beforeValues = { base: { extra: { old: 'x' }, claim: true }, api: { pool: 'one' } };
/** With every kind of operation: apply, create, delete, recreate, a hook, the late removal of a claim, a release that goes. */
const afterValues = {
  base: { text: 'second', extra: { new: 'x' }, hook: 'yes' },
  api: { text: 'second', pool: 'two' },
};
const command = ['--prune', '--allow-irreversible', '--lock-timeout', '1m'];

async function begin(set: TestSet): Promise<void> {
  await set.workspace.write({ 'charts/app/templates/worker.yaml': worker });
  await set.setValues(beforeValues);
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'simulated', report.summary);
}

/** The commit that changes everything: also, the last release leaves zakenak.yaml. */
async function change(set: TestSet): Promise<void> {
  await set.setValues(afterValues);
  const config = `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases:
    - { name: base, chart: charts/app, timeout: 30s }
    - { name: api, chart: charts/app, needs: [base], timeout: 30s }
`;
  await set.workspace.write({ 'zakenak.yaml': config });
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
  const whole = await makeTestSet(t, sandbox);
  await begin(whole);
  await change(whole);
  const { report } = await whole.run(['deploy', ...command]);
  assert.equal(report.verdict, 'simulated', report.summary);
  await claimIsGone(whole);
  const wanted = await dump(whole);
  assert.doesNotMatch(wanted, /"kind":"Deployment","metadata":\{"name":"web"|base-old/);
  assert.match(wanted, /"pool":"two"/);
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    await begin(set);
    await change(set);
    const killed = await killAfterWrite(set, proxy, nth, command);
    const again = await set.run(['deploy', ...command]);
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
  const whole = await makeTestSet(t, sandbox);
  await begin(whole);
  const former = await dump(whole);
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    await begin(set);
    await change(set);
    const killed = await killAfterWrite(set, proxy, nth, command);
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
