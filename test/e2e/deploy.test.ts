import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { dumpNamespace, makeTestSet, readWrites } from './rollout-fixture.ts';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;
let helm3: string;
let helm4: string;

before(async () => {
  const toolchain = createTestToolchain();
  [sandbox, helm3, helm4] = await Promise.all([
    startTestSandbox(),
    toolchain.resolve('helm3'),
    toolchain.resolve('helm'),
  ]);
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const runHelm = (program: string, namespace: string, ...args: readonly string[]): string =>
  execFileSync(program, ['--kubeconfig', sandbox.kubeconfig, '--namespace', namespace, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

interface HelmRow {
  readonly name?: string;
  readonly revision: number | string;
  readonly status: string;
  readonly description?: string;
}

const history = (program: string, namespace: string, release: string): readonly HelmRow[] =>
  JSON.parse(runHelm(program, namespace, 'history', release, '--output', 'json')) as HelmRow[];

const statusOf = (rows: readonly HelmRow[]) => rows.map(({ status }) => status);

async function textOf(namespace: string, release: string): Promise<unknown> {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: release });
  return (found?.data as { text?: string } | undefined)?.text;
}

test('a set is deployed in the order of its needs, and both Helms read what it wrote', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 0, report.summary);
  assert.equal(report.verdict, 'simulated');
  assert.match(report.caveats.join(' '), /3 pods are on simulated nodes/);
  assert.deepEqual(report.outputs.revisions, { base: 1, api: 1, web: 1 });
  for (const program of [helm3, helm4]) {
    const rows = JSON.parse(runHelm(program, set.name, 'list', '--output', 'json')) as HelmRow[];
    assert.deepEqual(rows.map(({ name, revision, status }) => [name, String(revision), status]).sort(), [
      ['api', '1', 'deployed'],
      ['base', '1', 'deployed'],
      ['web', '1', 'deployed'],
    ]);
    assert.equal(history(program, set.name, 'web')[0]?.description, 'Install complete');
    assert.match(runHelm(program, set.name, 'get', 'manifest', 'web'), /kind: Deployment/);
    assert.equal(
      JSON.parse(runHelm(program, set.name, 'get', 'values', 'web', '-o', 'json')).password,
      set.canary,
    );
  }
  const writes = await readWrites(sandbox, set.name);
  const first = (resource: string, name: string) =>
    writes.findIndex((write) => write.resource === resource && write.name.startsWith(name));
  assert.ok(first('deployments', 'base') < first('secrets', 'sh.helm.release.v1.api.v1'));
  assert.ok(first('deployments', 'api') < first('secrets', 'sh.helm.release.v1.web.v1'));
});

test('a second deploy of the same commit writes nothing', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const before = await readWrites(sandbox, set.name);
  const { report } = await set.run(['deploy']);
  assert.equal(report.outputs['has-changes'], false);
  assert.match(report.summary, /^Nothing to change/);
  assert.deepEqual(await readWrites(sandbox, set.name), before);
});

test('a release that crashes puts the whole set back, byte for byte, and says why', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const before = await dumpNamespace(kube, set.name);
  await set.setValues({
    base: { text: 'second', extra: { new: 'x' } },
    api: { replicas: 2 },
    web: { simulate: 'crash-loop', text: 'broken' },
  });
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 1);
  assert.equal(report.verdict, 'rolled-back');
  assert.equal(report.outputs['rolled-back'], true);
  const [finding] = report.findings;
  assert.equal(finding?.ruleId, 'rollout/not-ready');
  assert.match(finding?.message ?? '', /^web: Deployment .*\/web: pod web-.*CrashLoopBackOff/);
  assert.equal(report.findings.length, 1);
  assert.match(report.sections[0]?.markdown ?? '', /Back-off restarting failed container/);
  assert.equal(await dumpNamespace(kube, set.name), before);
  assert.deepEqual(statusOf(history(helm4, set.name, 'base')), ['superseded', 'superseded', 'deployed']);
  assert.deepEqual(statusOf(history(helm3, set.name, 'web')), ['superseded', 'failed', 'deployed']);
  assert.equal(history(helm3, set.name, 'web')[2]?.description, 'Rollback to 1 by zakenak');
  const status = await set.run(['status']);
  assert.equal(status.exitCode, 0, status.report.summary);
});

test('a first deploy that fails leaves nothing behind', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ api: { simulate: 'image-pull-error' } });
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back');
  assert.match(report.findings[0]?.message ?? '', /^api: .*ImagePullBackOff/);
  assert.equal(await kube.get({ apiVersion: 'v1', kind: 'Namespace', name: set.name }), undefined);
});

test('a failing hook stops its release, is named, and the set goes back', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ web: { hook: 'fail' } });
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back');
  assert.equal(report.findings[0]?.ruleId, 'rollout/hook-failed');
  assert.match(report.findings[0]?.message ?? '', /^web: hook Job .*\/web-hook/);
});

test('a release that stays unready is given up after its timeout', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const text = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  await set.workspace.write({ 'zakenak.yaml': text.replaceAll('timeout: 30s', 'timeout: 2s') });
  await set.setValues({ base: { simulate: 'never-ready' } });
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back');
  assert.match(
    report.findings[0]?.message ?? '',
    /not ready after 2 s: Deployment .*\/base: 0 of 1 pods available/,
  );
});

test('with on-failure keep everything stays for a look, with release only the failed one goes back', async (t) => {
  const [kept, single] = [await makeTestSet(t, sandbox), await makeTestSet(t, sandbox)];
  for (const set of [kept, single]) {
    await set.run(['deploy']);
    await set.setValues({ base: { text: 'second' }, web: { simulate: 'crash-loop', text: 'second' } });
  }
  const [keep, release] = await Promise.all([
    kept.run(['deploy', '--on-failure', 'keep']),
    single.run(['deploy', '--on-failure', 'release']),
  ]);
  assert.deepEqual([keep.exitCode, release.exitCode], [1, 1]);
  assert.deepEqual([keep.report.verdict, release.report.verdict], ['failed', 'failed']);
  assert.deepEqual([await textOf(kept.name, 'base'), await textOf(kept.name, 'web')], ['second', 'second']);
  assert.deepEqual(
    [await textOf(single.name, 'base'), await textOf(single.name, 'web')],
    ['second', 'first'],
  );
  await kept.setValues({ base: { text: 'second' }, web: { text: 'third' } });
  const mended = await kept.run(['deploy']);
  assert.equal(mended.report.verdict, 'simulated', mended.report.summary);
});

test('no output of any kind holds a secret of the set', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const encoded = Buffer.from(set.canary).toString('base64');
  const runs = [await set.run(['plan', '--output-dir', 'out', '--plan-file', 'plan.json'])];
  runs.push(await set.run(['deploy', '--output-dir', 'out']));
  await set.setValues({ web: { password: `${set.canary}-new`, simulate: 'crash-loop' } });
  runs.push(await set.run(['plan', '--output-dir', 'out', '--plan-file', 'plan.json']));
  runs.push(await set.run(['deploy', '--output-dir', 'out', '--plan-file', 'plan.json']));
  runs.push(await set.run(['status', '--output-dir', 'out']));
  const files = ['report.json', 'report.md', 'report.sarif'].map((name) => `out/${name}`);
  const texts = await Promise.all(
    [...files, 'plan.json'].map((name) => readFile(join(set.workspace.root, name), 'utf8')),
  );
  for (const text of [...runs.flatMap(({ stdout, stderr }) => [stdout, stderr]), ...texts]) {
    assert.equal(text.includes(set.canary), false);
    assert.equal(text.includes(encoded.slice(0, -4)), false);
  }
  const plan = runs[2]?.report.sections.at(-1)?.markdown ?? '';
  assert.match(plan, /data\.password: \*\*\* \(\d+ characters\)/);
});

test('a plan writes nothing, and deploy --plan carries out exactly it or says what moved', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const { report } = await set.run(['plan', '--plan-file', 'plan.json']);
  assert.equal(report.outputs['has-changes'], true);
  assert.deepEqual(await readWrites(sandbox, set.name), []);
  const again = await set.run(['plan', '--detailed-exitcode']);
  assert.deepEqual([again.exitCode, again.report.outputs['plan-id']], [2, report.outputs['plan-id']]);
  await set.setValues({ base: { text: 'moved' } });
  const refused = await set.run(['deploy', '--plan', 'plan.json']);
  assert.equal(refused.report.error?.code, 'rollout/plan-moved');
  assert.equal(refused.exitCode, 5);
  assert.match(refused.report.error?.message ?? '', /'base' renders differently/);
  assert.deepEqual(await readWrites(sandbox, set.name), []);
  await set.setValues({});
  const done = await set.run(['deploy', '--plan', 'plan.json']);
  assert.equal(done.exitCode, 0, done.report.summary);
  assert.equal((await set.run(['plan', '--detailed-exitcode'])).exitCode, 0);
  assert.equal((await set.run(['plan', '--detailed-exitcode', '--environment', 'none'])).exitCode, 1);
});

test('status tells drift, and the next deploy brings it back', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'api' };
  await kube.patch(ref, 'merge', { data: { text: 'by hand' } });
  await kube.delete({ ...ref, apiVersion: 'v1', kind: 'Service', name: 'web' });
  const { report } = await set.run(['status']);
  assert.deepEqual(report.findings.map(({ ruleId, message }) => [ruleId, message.split(':')[0]]).sort(), [
    ['rollout/drifted', 'api'],
    ['rollout/drifted', 'web'],
  ]);
  const messages = report.findings.map(({ message }) => message).join('\n');
  assert.match(
    messages,
    /ConfigMap .*\/api: .* changed data\.text from first to by hand (?:just now|\d+ seconds? ago)/,
  );
  assert.match(messages, /Service .*\/web: it is gone/);
  await set.run(['deploy']);
  assert.equal(await textOf(set.name, 'api'), 'first');
  assert.equal((await set.run(['status'])).report.findings.length, 0);
});

test('rollback takes the last rollout back whole, or one release to a revision', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  await set.setValues({ base: { text: 'second' }, web: { text: 'second' } });
  await set.run(['deploy']);
  const { report, exitCode } = await set.run(['rollback']);
  assert.equal(exitCode, 0, report.summary);
  assert.deepEqual(report.outputs.revisions, { base: 3, web: 3 });
  assert.deepEqual([await textOf(set.name, 'base'), await textOf(set.name, 'web')], ['first', 'first']);
  assert.equal(history(helm4, set.name, 'base').at(-1)?.description, 'Rollback to 1 by zakenak');
  const one = await set.run(['rollback', '--release', 'base', '--revision', '2']);
  assert.equal(one.exitCode, 0, one.report.summary);
  assert.deepEqual([await textOf(set.name, 'base'), await textOf(set.name, 'web')], ['second', 'first']);
  const missing = await set.run(['rollback', '--release', 'base', '--revision', '9']);
  assert.equal(missing.report.error?.code, 'rollout/unknown-revision');
  assert.equal(missing.exitCode, 2);
});

test('rollback of a first rollout removes what it installed', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const { report, exitCode } = await set.run(['rollback']);
  assert.equal(exitCode, 0, report.summary);
  assert.equal(await textOf(set.name, 'base'), undefined);
  const again = await set.run(['deploy']);
  assert.equal(again.exitCode, 0, again.report.summary);
  assert.equal(await textOf(set.name, 'web'), 'first');
});

test('a claim that leaves a chart goes last: a deploy that fails has not deleted it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: set.name, name: 'base' };
  const uidOf = async () => (await kube.get(ref))?.metadata.uid;
  await set.setValues({ base: { claim: true } });
  await set.run(['deploy']);
  const uid = await uidOf();
  await set.setValues({ web: { simulate: 'crash-loop' } });
  const refused = await set.run(['deploy']);
  assert.equal(refused.report.findings[0]?.ruleId, 'rollout/irreversible');
  assert.equal(refused.report.verdict, 'failed');
  const failed = await set.run(['deploy', '--allow-irreversible']);
  assert.equal(failed.report.verdict, 'rolled-back', failed.report.summary);
  assert.equal(await uidOf(), uid);
  await set.setValues({});
  const done = await set.run(['deploy', '--allow-irreversible']);
  assert.equal(done.exitCode, 0, done.report.summary);
  const left = await kube.get(ref);
  assert.ok(!left || left.metadata.deletionTimestamp, 'it goes');
});

test('a release that left zakenak.yaml is told and stays, until prune removes it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const text = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  await set.workspace.write({ 'zakenak.yaml': text.replace(/ {4}- \{ name: web.*\n/, '') });
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(exitCode, 0);
  assert.deepEqual(
    report.findings.map(({ ruleId }) => ruleId).sort(),
    // Its values are still in the environment's file.
    ['rollout/orphaned-release', 'rollout/unused-values'],
  );
  assert.equal(await textOf(set.name, 'web'), 'first');
  const pruned = await set.run(['deploy', '--prune']);
  assert.equal(pruned.exitCode, 0, pruned.report.summary);
  assert.match(pruned.report.summary, /1 uninstall/);
  assert.equal(await textOf(set.name, 'web'), undefined);
  assert.equal(await textOf(set.name, 'api'), 'first');
  assert.deepEqual(statusOf(history(helm4, set.name, 'web')), ['uninstalled']);
  assert.equal((await set.run(['deploy', '--prune'])).report.outputs['has-changes'], false);
});

test('Helm goes on where we stopped, and we where Helm stopped', async (t) => {
  for (const program of [helm3, helm4]) {
    const set = await makeTestSet(t, sandbox);
    const chart = join(set.workspace.root, 'charts/app');
    await set.run(['deploy']);
    runHelm(
      program,
      set.name,
      'upgrade',
      'web',
      chart,
      '--set',
      'text=by-helm',
      '--wait',
      '--timeout',
      '30s',
    );
    assert.equal(await textOf(set.name, 'web'), 'by-helm');
    runHelm(program, set.name, 'rollback', 'web', '1', '--wait', '--timeout', '30s');
    assert.equal(await textOf(set.name, 'web'), 'first');
    await set.setValues({ web: { text: 'ours again' } });
    const { report } = await set.run(['deploy']);
    assert.equal(report.verdict, 'simulated', JSON.stringify(report.findings));
    assert.equal(await textOf(set.name, 'web'), 'ours again');
    runHelm(program, set.name, 'uninstall', 'web', '--wait');
    assert.equal(await textOf(set.name, 'web'), undefined);
  }
});

test('a release that Helm installed is taken over with nothing lost', async (t) => {
  for (const program of [helm3, helm4]) {
    const set = await makeTestSet(t, sandbox);
    const chart = join(set.workspace.root, 'charts/app');
    runHelm(
      program,
      set.name,
      'install',
      'base',
      chart,
      '--create-namespace',
      '--set',
      'extra.old=x',
      '--set',
      'text=helm',
    );
    const { report } = await set.run(['deploy']);
    assert.equal(report.verdict, 'simulated', JSON.stringify(report.findings));
    assert.equal(await textOf(set.name, 'base'), 'first');
    assert.equal(await textOf(set.name, 'base-old'), undefined, 'what left the manifest is pruned');
    assert.deepEqual(statusOf(history(program, set.name, 'base')), ['superseded', 'deployed']);
  }
});

test('an object of another release is refused before anything is written', async (t) => {
  const [first, second] = [await makeTestSet(t, sandbox), await makeTestSet(t, sandbox)];
  await first.run(['deploy']);
  const text = await readFile(join(second.workspace.root, 'zakenak.yaml'), 'utf8');
  await second.workspace.write({
    'zakenak.yaml':
      `${text.replace(`namespace: ${second.name}`, `namespace: ${first.name}`).replace(/ {4}- \{ name: (api|web).*\n/g, '')}`.replace(
        'name: base',
        'name: other',
      ),
    'charts/app/templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: base }\n',
  });
  const before = await readWrites(sandbox, first.name);
  const { report, exitCode } = await second.run(['deploy']);
  assert.equal(exitCode, 1);
  assert.equal(report.findings[0]?.ruleId, 'rollout/owned-elsewhere');
  assert.match(report.findings[0]?.message ?? '', /it belongs to the release .*\/base/);
  assert.deepEqual(await readWrites(sandbox, first.name), before);
});

test('eight deploys at once: one after the other, and the last state is whole', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const runs = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 100));
      return set.run(['deploy', '--lock-timeout', '2m']);
    }),
  );
  assert.deepEqual(
    runs.map(({ report }) => report.verdict),
    runs.map(() => 'simulated'),
  );
  for (const release of ['base', 'api', 'web'])
    assert.deepEqual(statusOf(history(helm4, set.name, release)), ['deployed']);
});

test('a set that somebody deploys is waited for no longer than lock-timeout', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: `zakenak.${set.name}`, namespace: 'default' },
    spec: { holderIdentity: 'somebody', leaseDurationSeconds: 3600, leaseTransitions: 1 },
  };
  await kube.create(lease);
  const { report, exitCode } = await set.run(['deploy', '--lock-timeout', '1s']);
  assert.equal(report.error?.code, 'rollout/locked');
  assert.match(report.error?.message ?? '', /somebody/);
  assert.equal(exitCode, 5);
});

test('what has not changed is not rendered again, and what Helm changed meanwhile is', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  // Without any helm on the machine a deploy that renders cannot work.
  const nowhere = { env: { ZAKENAK_HELM_PATH: '/nowhere/helm' } };
  const { report, exitCode } = await set.run(['deploy'], nowhere);
  assert.equal(exitCode, 0, report.error?.message);
  assert.equal(report.outputs['has-changes'], false);
  const chart = join(set.workspace.root, 'charts/app');
  runHelm(helm4, set.name, 'upgrade', 'web', chart, '--set', 'text=by-helm');
  assert.notEqual((await set.run(['deploy'], nowhere)).exitCode, 0);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  assert.equal(await textOf(set.name, 'web'), 'first');
  await set.workspace.write({ 'charts/app/.helmignore': 'templates/hook.yaml\n' });
  assert.notEqual((await set.run(['plan'], nowhere)).exitCode, 0, 'every file of a chart counts');
});
