import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube, programs: helms } = await useCluster('helm3', 'helm');

/** A hook that takes its time, where `sleep` says so. */
const sleepingHook = `{{- if .Values.sleep }}
apiVersion: batch/v1
kind: Job
metadata: { name: {{ .Release.Name }}-sleep, annotations: { helm.sh/hook: pre-upgrade } }
spec:
  backoffLimit: 0
  template:
    metadata: { annotations: { zakenak.dev/simulate-complete-after: {{ .Values.sleep | quote }} } }
    spec: { restartPolicy: Never, containers: [{ name: sleep, image: "example/sleep:1" }] }
{{- end }}
`;

async function makeSet(t: TestContext): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({ 'charts/app/templates/sleep.yaml': sleepingHook });
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  return set;
}

const textOf = async ({ name }: TestSet, release: string): Promise<unknown> => {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: name, name: release });
  return (found?.data as { text?: string } | undefined)?.text;
};

const statusesOf = (program: string, set: TestSet): readonly string[] =>
  (
    JSON.parse(
      execFileSync(
        program,
        ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, 'history', 'web', '-o', 'json'],
        { encoding: 'utf8' },
      ),
    ) as readonly { readonly status: string }[]
  ).map(({ status }) => status);

/** Helm upgrades `web` by hand; `ended` tells its exit code and when. */
function startHelm(program: string, set: TestSet, ...values: readonly string[]) {
  const chart = join(set.workspace.root, 'charts/app');
  const args = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, 'upgrade', 'web', chart];
  for (const value of values) args.push('--set', value);
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore' });
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number,
    at: new Date().toISOString(),
  }));
  return { child, ended };
}

const begins = (program: string, set: TestSet) =>
  until('helm has begun', () => statusesOf(program, set).at(-1) === 'pending-upgrade', 30_000);

test('a deploy and a rollback leave a Helm to its work: they wait for it, and refuse where it takes too long', async (t) => {
  for (const program of helms) {
    const set = await makeSet(t);
    await set.setValues({ web: { text: 'other' } });
    assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
    await set.setValues({ web: { text: 'second' } });
    const { ended } = startHelm(program, set, 'text=by hand', 'sleep=20s');
    await begins(program, set);
    const written = await readWrites(sandbox, set.name);
    for (const verb of [['deploy'], ['rollback'], ['rollback', '--release', 'web']]) {
      const { exitCode, report } = await set.run([...verb, '--lock-timeout', '1s']);
      assert.deepEqual([exitCode, report.error?.code], [5, 'rollout/helm-at-work'], verb.join(' '));
      assert.match(report.error?.message ?? '', /web in .*: revision 3 is pending-upgrade for \d+ s/);
    }
    const planned = await set.run(['plan']);
    assert.match(planned.report.caveats.join(), /^web: a Helm may be at revision 3 \(pending-upgrade/);
    assert.deepEqual(await readWrites(sandbox, set.name), written, 'nothing was written beside it');
    const deployed = await set.run(['deploy']);
    const { code, at } = await ended;
    assert.equal(code, 0, 'Helm ended well');
    assert.equal(deployed.report.verdict, 'simulated', deployed.report.error?.message);
    const later = (await readWrites(sandbox, set.name)).slice(written.length);
    // The record's last write is Helm's; it takes a moment to end after it.
    const [first] = later;
    assert.ok(first && Date.parse(first.at) > Date.parse(at) - 500, `${first?.at} is before ${at}`);
    assert.deepEqual(statusesOf(program, set), ['superseded', 'superseded', 'superseded', 'deployed']);
    assert.equal(await textOf(set, 'web'), 'second');
  }
});

test('what Helm does to a release that a failing deploy has not reached yet stays as Helm left it', async (t) => {
  for (const program of helms) {
    const set = await makeSet(t);
    await set.setValues({ base: { text: 'bad', simulate: 'never-ready' }, web: { text: 'second' } });
    const deploying = set.run(['deploy']);
    await until('the deploy waits', async () => (await textOf(set, 'base')) === 'bad', 20_000);
    const helm = startHelm(program, set, 'text=by hand');
    assert.equal((await helm.ended).code, 0);
    const { report } = await deploying;
    assert.equal(report.verdict, 'rolled-back', report.error?.message ?? report.summary);
    assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['first', 'by hand']);
    assert.deepEqual(statusesOf(program, set), ['superseded', 'deployed']);
    assert.equal((await set.run(['status'])).report.outputs['unfinished'], undefined);
  }
});

test('a Helm that began on a release after it was deployed is let end before the set is put back', async (t) => {
  const [program = ''] = helms;
  const set = await makeSet(t);
  await set.setValues({ base: { text: 'second' }, web: { text: 'bad', simulate: 'never-ready' } });
  // `base` is done when `web` waits: Helm can begin with it.
  const deploying = set.run(['deploy']);
  await until('the deploy waits', async () => (await textOf(set, 'web')) === 'bad', 40_000);
  const chart = join(set.workspace.root, 'charts/app');
  const more = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, '--set', 'text=by hand'];
  const helm = spawn(program, ['upgrade', 'base', chart, ...more, '--set', 'sleep=45s'], { stdio: 'ignore' });
  const [code] = await once(helm, 'close');
  assert.equal(code, 0, 'nobody marked its revision as failed');
  const { report } = await deploying;
  assert.equal(report.verdict, 'rolled-back', report.error?.message ?? report.summary);
  assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['first', 'first']);
});

test('a release that Helm keeps in ConfigMaps is not taken for a new one, and goes on when its records are Secrets', async (t) => {
  for (const program of helms) {
    const set = await makeTestSet(t, sandbox);
    const chart = join(set.workspace.root, 'charts/app');
    const way = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, '--create-namespace'];
    execFileSync(program, ['install', 'web', chart, ...way], {
      env: { ...process.env, HELM_DRIVER: 'configmap' },
      stdio: 'pipe',
    });
    const writes = await readWrites(sandbox, set.name);
    for (const verb of ['plan', 'deploy']) {
      const { exitCode, report } = await set.run([verb]);
      const finding = report.findings.find(({ ruleId }) => ruleId === 'rollout/other-storage');
      assert.deepEqual([exitCode, finding?.severity], [1, 'high'], report.error?.message ?? report.summary);
    }
    assert.deepEqual(await readWrites(sandbox, set.name), writes);
    const [namespace, labelSelector] = [set.name, 'owner=helm,name=web'];
    const { items } = await kube.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace, labelSelector });
    for (const { metadata, data } of items) {
      const { name, labels = {} } = metadata;
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels } };
      await kube.create({ ...secret, type: 'helm.sh/release.v1', stringData: data });
      await kube.delete({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
    }
    const { report } = await set.run(['deploy']);
    assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
    assert.deepEqual(statusesOf(program, set), ['superseded', 'deployed']);
  }
});
