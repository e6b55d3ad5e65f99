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
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';
import { beginUpgrade, changeHooked, dumpUpgrade, removing } from './upgrade-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const deploy = ['deploy', ...removing];
const all = ['base', 'api', 'web'];

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

test('an upgrade with hooks, a recreate, a claim and a release that go, killed after any of its writes, is gone on with to the same end', async (t) => {
  const whole = await beginUpgrade(t, sandbox, kube);
  await changeHooked(whole);
  const { report } = await whole.run(deploy);
  assert.equal(report.verdict, 'simulated', report.summary);
  await claimIsGone(whole);
  const wanted = await dumpUpgrade(whole, kube);
  assert.doesNotMatch(wanted, /"kind":"Deployment","metadata":\{"name":"web"|base-old|base-note|base-before/);
  assert.match(wanted, /"pool":"two"/);
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await beginUpgrade(t, sandbox, kube);
    await changeHooked(set);
    const killed = await killAfterWrite(set, proxy, nth, deploy);
    const again = await set.run(deploy);
    assert.equal(again.report.verdict, 'simulated', `after write ${nth}: ${again.report.summary}`);
    await claimIsGone(set);
    assert.equal(await dumpUpgrade(set, kube), wanted, `after write ${nth}`);
    await assertSettled(set, kube, ['base', 'api'], `after write ${nth}`);
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 35, `${writes} writes were seen`);
});

test('the same upgrade killed after any of its writes is undone by rollback', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await beginUpgrade(t, sandbox, kube);
    const former = await dumpUpgrade(set, kube);
    await changeHooked(set);
    const killed = await killAfterWrite(set, proxy, nth, deploy);
    const phase = await unfinishedPhase(set, kube);
    if (phase !== undefined && phase !== 'pruning') {
      const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
      assert.equal(exitCode, 0, `after write ${nth}: ${report.summary}`);
      assert.equal(await dumpUpgrade(set, kube), former, `after write ${nth}`);
      await assertSettled(set, kube, all, `after write ${nth}`);
    }
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 35, `${writes} writes were seen`);
});

const migration = `{{- if ne .Values.text "first" }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations:
    helm.sh/hook: "pre-upgrade,post-upgrade"
    helm.sh/hook-delete-policy: "before-hook-creation,hook-succeeded"
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] } } }
{{- end }}
`;

test('a hook that ended is not run again, whenever the deploy is killed, though its policy had removed it', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const set = await makeTestSet(t, sandbox);
    await set.workspace.write({
      'charts/app/templates/migrate.yaml': migration,
      'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy: { namespace: ${set.name}, releases: [{ name: base, chart: charts/app, timeout: 30s }] }
`,
    });
    await set.run(['deploy']);
    await set.setValues({ base: { text: 'second' } });
    const killed = await killAfterWrite(set, proxy, nth);
    const again = await set.run(['deploy']);
    assert.equal(again.report.verdict, 'simulated', `after write ${nth}: ${again.report.summary}`);
    const seen = await readWrites(sandbox, set.name);
    const jobs = seen.filter(({ verb, resource }) => verb === 'create' && resource === 'jobs');
    assert.equal(jobs.length, 2, `after write ${nth}: before and after the upgrade`);
    const job = { apiVersion: 'batch/v1', kind: 'Job', namespace: set.name, name: 'base-migrate' };
    assert.equal(await kube.get(job), undefined, `after write ${nth}`);
    await assertSettled(set, kube, ['base'], `after write ${nth}`);
    await remove(set, kube);
    return killed;
  });
  assert.ok(writes > 12, `${writes} writes were seen`);
});

const passing = (event: string) => `{{- if .Values.around }}
apiVersion: batch/v1
kind: Job
metadata: { name: {{ .Release.Name }}-passing, annotations: { helm.sh/hook: ${event}, helm.sh/hook-delete-policy: hook-succeeded } }
spec:
  template:
    metadata: { annotations: { zakenak.dev/simulate-complete-after: 5s } }
    spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] }
{{- end }}
`;

test('a hook that a killed run was at, and the run that goes on does not come to, goes too', async (t) => {
  for (const [event, verb] of [
    ['pre-upgrade', 'deploy'],
    ['pre-rollback', 'rollback'],
  ] as const) {
    const set = await makeTestSet(t, sandbox);
    await set.workspace.write({
      'charts/app/templates/passing.yaml': passing(event),
      'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy: { namespace: ${set.name}, releases: [{ name: base, chart: charts/app, timeout: 30s }] }
`,
    });
    await set.setValues({ base: { around: verb === 'rollback' } });
    await set.run(['deploy']);
    await set.setValues({ base: { around: true, text: 'second' } });
    if (verb === 'rollback') await set.run(['deploy']);
    const job = { apiVersion: 'batch/v1', kind: 'Job', namespace: set.name, name: 'base-passing' };
    const { signal } = await set.run([verb], {
      onStart: (child) =>
        void until('the hook has begun', async () => (await kube.get(job)) !== undefined, 20_000).then(() =>
          child.kill('SIGKILL'),
        ),
    });
    assert.equal(signal, 'SIGKILL');
    await set.setValues({ base: { around: false, text: 'third' } });
    const again = await set.run(['deploy', '--lock-timeout', '1m']);
    assert.equal(again.report.verdict, 'simulated', again.report.summary);
    assert.equal(await kube.get(job), undefined, event);
    await assertSettled(set, kube, ['base'], event);
  }
});
