import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startApiProxy } from './api-proxy.ts';
import {
  assertSettled,
  forEveryWrite,
  killAfterWrite,
  remove,
  unfinishedPhase,
} from './deploy-crash-fixture.ts';
import { dumpNamespace, makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube, programs: helms } = await useCluster('helm3', 'helm');

const helm = (program: string, { name }: TestSet, ...args: readonly string[]): string =>
  execFileSync(program, ['--kubeconfig', sandbox.kubeconfig, '--namespace', name, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Revision and status of each, as both Helms tell them. */
function revisionsOf(set: TestSet, release: string): readonly string[] {
  const [three, four] = helms.map((program) =>
    (
      JSON.parse(helm(program, set, 'history', release, '-o', 'json')) as readonly {
        readonly revision: number;
        readonly status: string;
      }[]
    ).map(({ revision, status }) => `${revision} ${status}`),
  );
  assert.deepEqual(four, three);
  return three ?? [];
}

const configMap = ({ name: namespace }: TestSet, name: string) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }) as const;

const textOf = async (set: TestSet, release: string): Promise<string | undefined> =>
  ((await kube.get(configMap(set, release)))?.data as { text?: string } | undefined)?.text;

async function keep(set: TestSet, values: Parameters<TestSet['setValues']>[0]): Promise<void> {
  await set.setValues(values);
  const { report } = await set.run(['deploy', '--on-failure', 'keep']);
  assert.equal(report.verdict, 'failed', report.summary);
}

/** With what controllers make in every namespace, which they do in their own time. */
async function makeNamespace({ name }: TestSet): Promise<void> {
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const [kind, made] of [
    ['ConfigMap', 'kube-root-ca.crt'],
    ['ServiceAccount', 'default'],
  ] as const)
    while (!(await kube.get({ apiVersion: 'v1', kind, namespace: name, name: made })))
      await new Promise((done) => setTimeout(done, 50));
}

/** The lines of a plan that say what becomes of each release. */
const planned = ({ report }: Awaited<ReturnType<TestSet['run']>>) =>
  (
    report.outputs['releases'] as readonly {
      readonly name: string;
      readonly action: string;
      readonly fromRevision: number;
      readonly toRevision: number;
    }[]
  ).map(({ name, action, fromRevision, toRevision }) => `${name} ${action} ${fromRevision} ${toRevision}`);

test('a first deploy that failed and was kept goes as a whole, but not what was there before it or is another’s', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await makeNamespace(set);
  const before = await dumpNamespace(kube, set.name);
  const mine = { apiVersion: 'v1', kind: 'ConfigMap', data: { text: 'mine' } };
  for (const name of ['api-found', 'base-found'])
    await kube.create({ ...mine, metadata: { name, namespace: set.name } });
  // The API server's times are in whole seconds.
  await new Promise((done) => setTimeout(done, 1_100));
  await keep(set, {
    base: { extra: { found: 'ours' } },
    api: { simulate: 'crash-loop', extra: { found: 'ours', taken: 'ours', made: 'ours' } },
  });
  assert.deepEqual([revisionsOf(set, 'base'), revisionsOf(set, 'api')], [['1 deployed'], ['1 failed']]);
  const taken = { 'meta.helm.sh/release-name': 'other' };
  await kube.patch(configMap(set, 'api-taken'), 'merge', { metadata: { annotations: taken } });
  const writes = await readWrites(sandbox, set.name);
  const looked = await set.run(['rollback', '--dry-run']);
  assert.deepEqual(planned(looked), ['api uninstall 1 0', 'base uninstall 1 0']);
  const text = JSON.stringify(looked.report);
  assert.match(text, /api-found.{0,200}it was there before the install that failed/);
  assert.match(text, /base-found.{0,200}it was there before the release/);
  assert.doesNotMatch(text, /api-taken/);
  assert.deepEqual(await readWrites(sandbox, set.name), writes, 'a dry run writes nothing');
  const { report, exitCode } = await set.run(['rollback']);
  assert.equal(exitCode, 0, report.error?.message ?? report.summary);
  assert.deepEqual(
    [revisionsOf(set, 'base'), revisionsOf(set, 'api')],
    [['1 uninstalled'], ['1 uninstalled']],
  );
  assert.equal(await textOf(set, 'api-made'), undefined);
  for (const name of ['api-found', 'api-taken', 'base-found']) {
    assert.equal(await textOf(set, name), 'ours', name);
    await kube.delete(configMap(set, name));
  }
  assert.equal(await dumpNamespace(kube, set.name), before);
  for (const program of helms) {
    const chart = join(set.workspace.root, 'charts/app');
    assert.equal(helm(program, set, 'list', '--deployed', '-q'), '');
    helm(program, set, 'upgrade', '--install', 'api', chart);
    helm(program, set, 'uninstall', 'api', '--keep-history');
  }
  await set.setValues({});
  const again = await set.run(['deploy']);
  assert.equal(again.report.verdict, 'simulated', again.report.error?.message ?? again.report.summary);
  assert.equal(revisionsOf(set, 'api').at(-1), '4 deployed');
});

/** A set of two releases that was deployed, and to which the third was added, failed and was kept. */
async function addFailing(t: Parameters<typeof makeTestSet>[0], more: Readonly<Record<string, string>> = {}) {
  const set = await makeTestSet(t, sandbox);
  const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  const line = '    - { name: web, chart: charts/app, needs: [api], timeout: 30s }\n';
  assert.ok(config.includes(line));
  await set.workspace.write({ 'zakenak.yaml': config.replace(line, ''), ...more });
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  const before = await dumpNamespace(kube, set.name);
  await set.workspace.write({ 'zakenak.yaml': config });
  await keep(set, { base: { text: 'two' }, web: { simulate: 'crash-loop' } });
  return { set, before };
}

test('of a set that was there, the release that was added and failed goes, and the others are put back, killed after any write', async (t) => {
  const writes = await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const { set, before } = await addFailing(t);
    const killed = await killAfterWrite(set, proxy, nth, ['rollback']);
    const when = `after write ${nth}`;
    if ((await unfinishedPhase(set, kube)) !== undefined || revisionsOf(set, 'web')[0] === '1 failed') {
      const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
      assert.equal(exitCode, 0, `${when}: ${report.error?.message ?? report.summary}`);
    }
    assert.equal(await dumpNamespace(kube, set.name), before, when);
    await assertSettled(set, kube, ['base', 'api'], when);
    assert.deepEqual(
      [revisionsOf(set, 'api'), revisionsOf(set, 'web')],
      [['1 deployed'], ['1 uninstalled']],
      when,
    );
    await remove(set, kube);
    return killed;
  });
  t.diagnostic(`${writes} writes`);
  assert.ok(writes > 15, `${writes} writes were seen`);
});

test('one that cannot go is left as it was found, failed, and the whole rollback with it', async (t) => {
  const { set } = await addFailing(t, {
    'charts/app/templates/goodbye.yaml': `apiVersion: batch/v1
kind: Job
metadata: { name: "{{ .Release.Name }}-goodbye", annotations: { helm.sh/hook: post-delete, helm.sh/hook-delete-policy: hook-failed } }
spec:
  backoffLimit: 0
  template:
    metadata: { annotations: { zakenak.dev/simulate: crash-loop } }
    spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] }
`,
  });
  const kept = await dumpNamespace(kube, set.name);
  const { report, exitCode } = await set.run(['rollback']);
  assert.deepEqual([report.verdict, exitCode], ['rolled-back', 1], report.summary);
  const withoutUids = (dump: string) =>
    dump.replace(/"uid":"[^"]*"|"clusterIPs?":(?:"[^"]*"|\[[^\]]*\])/g, '""');
  assert.equal(withoutUids(await dumpNamespace(kube, set.name)), withoutUids(kept));
  assert.deepEqual(revisionsOf(set, 'web'), ['1 failed']);
  assert.match(helm(helms[0] ?? '', set, 'history', 'web'), /Not uninstalled: web: hook Job /);
  assert.deepEqual(revisionsOf(set, 'base'), ['1 superseded', '2 deployed']);
});

test('what failed by Helm’s hands is part of no rollout, and goes where its release is named', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  await set.workspace.write({ 'zakenak.yaml': config.replace(/ {4}- \{ name: web.*\n/, '') });
  for (const text of ['one', 'two']) {
    await set.setValues({ base: { text } });
    assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  }
  await set.workspace.write({ 'zakenak.yaml': config });
  const chart = join(set.workspace.root, 'charts/app');
  for (const program of helms) {
    const failing = ['--set', 'simulate=never-ready', '--wait', '--timeout', '2s'];
    assert.throws(() => helm(program, set, 'install', 'web', chart, ...failing));
    const back = await set.run(['rollback']);
    assert.equal(back.report.verdict, 'simulated', back.report.error?.message ?? back.report.summary);
    assert.deepEqual(planned(back), [`base rollback ${program === helms[0] ? '2 3' : '3 4'}`]);
    assert.equal(await textOf(set, 'web'), 'first');
    assert.deepEqual(planned(await set.run(['rollback', '--release', 'web'])), ['web uninstall 1 0']);
    assert.equal(await textOf(set, 'web'), undefined);
    helm(program, set, 'uninstall', 'web');
  }
});

test('a failed deploy that was tried again, and failed again, is taken back as a whole', async (t) => {
  const { set, before } = await addFailing(t);
  await keep(set, { base: { text: 'two' }, web: { simulate: 'crash-loop' } });
  await keep(set, { base: { text: 'three' }, web: { simulate: 'crash-loop' } });
  assert.deepEqual(revisionsOf(set, 'web'), ['1 failed', '2 failed', '3 failed']);
  const { report, exitCode } = await set.run(['rollback']);
  assert.equal(exitCode, 0, report.error?.message ?? report.summary);
  assert.equal(await dumpNamespace(kube, set.name), before);
  await assertSettled(set, kube, ['base', 'api'], 'after the rollback');
});

test('status names the pod that fails, and calls its workload failed', async (t) => {
  const set = await makeTestSet(t, sandbox);
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  await keep(set, { web: { simulate: 'crash-loop' } });
  const { report } = await set.run(['status']);
  const releases = report.outputs['releases'] as readonly {
    readonly name: string;
    readonly health: string;
    readonly remarks: readonly string[];
  }[];
  assert.deepEqual(
    releases.map(({ name, health }) => `${name} ${health}`),
    ['base ready', 'api ready', 'web failed'],
  );
  const told = releases.flatMap(({ remarks }) => remarks).join('\n');
  assert.match(told, /^Deployment \S+\/web: .*: pod web-\S+: container web: CrashLoopBackOff: /m);
});
