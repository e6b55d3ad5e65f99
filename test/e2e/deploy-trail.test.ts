import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { startApiProxy } from './api-proxy.ts';
import { killAfterWrite } from './deploy-crash-fixture.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;
let helm: string;

before(async () => {
  const toolchain = createTestToolchain();
  [sandbox, helm] = await Promise.all([startTestSandbox(), toolchain.resolve('helm')]);
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

interface Entry {
  readonly verb: string;
  readonly outcome: string;
  readonly commit: string;
  readonly begunBy: string;
  readonly endedBy: string;
  readonly cause: string;
  readonly releases: readonly { readonly name: string; readonly from: number; readonly to: number }[];
}

async function audit(set: TestSet, ...flags: readonly string[]) {
  const { report, exitCode } = await set.run(['audit', ...flags]);
  return { report, exitCode, entries: report.outputs['entries'] as readonly Entry[] };
}

const revisionsOf = ({ releases }: Entry) =>
  releases.map(({ name, from, to }) => `${name} ${from}→${to}`).sort();
const trailOf = ({ name }: TestSet) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'default',
  name: `zakenak.audit.${name}`,
});

test('every change is one entry that tells who, what and with what end; what changes nothing is none', async (t) => {
  const set = await makeTestSet(t, sandbox);
  assert.deepEqual((await audit(set)).entries, []);
  await set.workspace.commit();
  await set.run(['deploy']);
  await set.run(['deploy']);
  await set.setValues({ base: { text: 'second' }, web: { simulate: 'crash-loop' } });
  const failed = await set.run(['deploy']);
  assert.equal(failed.report.verdict, 'rolled-back');
  await set.setValues({ api: { text: 'third' } });
  await set.run(['deploy']);
  await set.run(['rollback']);
  const { entries, report, exitCode } = await audit(set);
  assert.equal(exitCode, 0, JSON.stringify(report.findings));
  assert.deepEqual(
    entries.map((entry) => [entry.verb, entry.outcome, ...revisionsOf(entry)]),
    [
      ['deploy', 'completed', 'api 0→1', 'base 0→1', 'web 0→1'],
      ['deploy', 'rolled-back', 'base 1→3', 'web 1→3'],
      ['deploy', 'completed', 'api 1→2'],
      ['rollback', 'completed', 'api 2→3'],
    ],
  );
  const [first, second] = entries;
  assert.match(first?.commit ?? '', /^[0-9a-f]{40}$/);
  assert.match(first?.begunBy ?? '', /^zakenak on \S+ \([^@\s]+@\S+ \S+\/\d+\/\d+\)$/);
  assert.match(second?.cause ?? '', /^web: Deployment .*CrashLoopBackOff/);
  const trail = await kube.get(trailOf(set));
  assert.ok(!JSON.stringify(trail).includes(set.canary), 'a secret is in the trail');
  const dora = report.outputs['dora'] as Readonly<Record<string, number>>;
  assert.equal(dora['deployments'], 3);
  assert.equal(dora['deploymentsPerDay'], 2, 'what took seconds is no rate of thousands');
  assert.equal(dora['changeFailureRate'], 1 / 3);
  assert.ok((dora['leadTimeSeconds'] ?? -1) >= 0 && (dora['timeToRestoreSeconds'] ?? -1) > 0);
  assert.deepEqual((await audit(set, '--since', '2999-01-01')).entries, []);
  const bad = await set.run(['audit', '--since', 'yesterday']);
  assert.deepEqual([bad.exitCode, bad.report.error?.code], [2, 'pipeline/bad-time']);
});

test('a deploy that was killed is told as unfinished, and then with who began and who ended it', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const set = await makeTestSet(t, sandbox);
  assert.equal(await killAfterWrite(set, proxy, 10), true);
  const killed = await audit(set);
  assert.deepEqual(
    killed.report.findings.map(({ ruleId }) => ruleId),
    ['rollout/interrupted'],
  );
  assert.deepEqual(killed.entries, []);
  await set.run(['deploy']);
  const { entries, exitCode } = await audit(set);
  assert.equal(exitCode, 0);
  assert.equal(entries.length, 1);
  assert.notEqual(entries[0]?.begunBy, entries[0]?.endedBy);
  const { report } = await set.run(['history']);
  const deployed = (
    report.outputs['revisions'] as readonly { release: string; revision: number; status: string }[]
  )
    .filter(({ status }) => status === 'deployed')
    .map(({ release, revision }) => `${release} 0→${revision}`);
  assert.deepEqual(revisionsOf(entries[0] as Entry), deployed.sort());
});

test('what Helm deployed by hand, and a trail that was changed, are found', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  await set.setValues({ web: { text: 'second' } });
  await set.run(['deploy']);
  assert.deepEqual((await audit(set)).report.findings, []);
  const chart = join(set.workspace.root, 'charts/app');
  const args = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, 'upgrade', 'web', chart];
  execFileSync(helm, args, { stdio: 'ignore' });
  const byHand = await audit(set);
  assert.deepEqual(
    byHand.report.findings.map(({ ruleId }) => ruleId),
    ['audit/unexplained-revision'],
  );
  assert.match(byHand.report.findings[0]?.message ?? '', /^web: revision 3 \(Upgrade complete/);
  const { data } = (await kube.get(trailOf(set))) as unknown as { data: { entries: string } };
  const changed = data.entries.replace('"outcome":"completed"', '"outcome":"rolled-back"');
  await kube.patch(trailOf(set), 'merge', { data: { entries: changed } });
  const broken = await audit(set);
  assert.equal(broken.exitCode, 1);
  assert.ok(broken.report.findings.some(({ ruleId }) => ruleId === 'audit/broken-trail'));
});

const rulesOf = ({ report }: Awaited<ReturnType<TestSet['run']>>) =>
  report.findings.map(({ ruleId }) => ruleId).sort();
const lastOf = ({ report }: Awaited<ReturnType<TestSet['run']>>) =>
  report.outputs['last-entry'] as Entry | undefined;

test('status tells who deployed last, what, when and with what end', async (t) => {
  const set = await makeTestSet(t, sandbox);
  assert.equal(lastOf(await set.run(['status'])), undefined);
  const commit = await set.workspace.commit();
  await set.run(['deploy']);
  const good = await set.run(['status']);
  assert.equal(good.exitCode, 0, good.report.summary);
  const { verb, outcome, commit: told } = lastOf(good) as Entry;
  assert.deepEqual([verb, outcome, told], ['deploy', 'completed', commit]);
  await set.setValues({ web: { simulate: 'crash-loop' } });
  await set.run(['deploy']);
  const { report } = await set.run(['status']);
  const section = report.sections.find(({ title }) => title === 'Last entry of the audit trail');
  assert.match(
    section?.text ?? '',
    /^\d{4}-\d\d-\d\d \S+Z +deploy +rolled-back +[0-9a-f]{12} +zakenak on \S+ \([^@\s]+@[^\s/]+\) +web 1→3 +web: Deployment/m,
  );
  assert.equal(section?.text?.split('\n').length, 2, 'the last one only');
});

test('a damaged trail ends neither status nor audit nor a deploy', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const { data } = (await kube.get(trailOf(set))) as unknown as { data: { entries: string } };
  await kube.patch(trailOf(set), 'merge', { data: { entries: `${data.entries}\n{"sequence":2,"verb` } });
  const status = await set.run(['status']);
  assert.deepEqual(rulesOf(status), ['audit/unreadable-trail']);
  assert.match(status.report.summary, /^3 of 3 releases/);
  assert.equal(lastOf(status)?.outcome, 'completed');
  assert.deepEqual(rulesOf(await set.run(['audit'])), ['audit/unreadable-trail']);
  await set.setValues({ web: { text: 'second' } });
  const deployed = await set.run(['deploy']);
  assert.equal(deployed.report.verdict, 'simulated');
  assert.doesNotMatch(deployed.stderr, /audit trail could not be written/);
  const after = await audit(set);
  assert.equal(after.entries.length, 2);
  assert.deepEqual(after.report.findings.map(({ ruleId }) => ruleId).sort(), [
    'audit/broken-trail',
    'audit/unreadable-trail',
  ]);
});

test('an account that may not read the trail is told so, and everything else', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  const rights = 'rbac.authorization.k8s.io';
  const allow = async (kind: 'Role' | 'ClusterRole', rule: object, namespace?: string) => {
    const metadata = { name: `${set.name}-reader`, ...(namespace ? { namespace } : {}) };
    const rules = [{ apiGroups: ['*'], verbs: ['get', 'list', 'patch'], ...rule }];
    await kube.create({ apiVersion: `${rights}/v1`, kind, metadata, rules });
    const subjects = [{ apiGroup: rights, kind: 'User', name: set.name }];
    const roleRef = { apiGroup: rights, kind, name: metadata.name };
    await kube.create({ apiVersion: `${rights}/v1`, kind: `${kind}Binding`, metadata, subjects, roleRef });
  };
  const resources = ['configmaps'];
  await allow('ClusterRole', { resources: ['secrets', 'leases', 'services', 'deployments', 'namespaces'] });
  await allow('Role', { resources }, set.name);
  await allow('Role', { resources, resourceNames: [`zakenak.held.${set.name}`] }, 'default');
  const config = JSON.parse(await readFile(sandbox.kubeconfig, 'utf8'));
  for (const { user } of config.users) user.as = set.name;
  await set.workspace.write({ 'reader.json': JSON.stringify(config) });
  const reader = ['--kubeconfig', join(set.workspace.root, 'reader.json')];
  const status = await set.run(['status', ...reader]);
  assert.equal(status.exitCode, 0, JSON.stringify(status.report.error ?? status.report.findings));
  assert.deepEqual(rulesOf(status), ['audit/unreadable-trail']);
  assert.match(
    status.report.findings[0]?.message ?? '',
    /may not be read: .*cannot get resource "configmaps"/,
  );
  assert.match(status.report.summary, /^3 of 3 releases/);
  assert.deepEqual(rulesOf(await set.run(['audit', ...reader])), ['audit/unreadable-trail']);
});

test('a damaged record is named, and the others are shown', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  await set.setValues({ web: { text: 'second' } });
  await set.run(['deploy']);
  const damage = async (revision: number, text: string) => {
    const record = { apiVersion: 'v1', kind: 'Secret', namespace: set.name };
    const data = { release: Buffer.from(text).toString('base64') };
    await kube.patch({ ...record, name: `sh.helm.release.v1.web.v${revision}` }, 'merge', { data });
  };
  await damage(1, 'cut off');
  const history = await set.run(['history']);
  assert.deepEqual(rulesOf(history), ['rollout/bad-record']);
  assert.match(
    history.report.findings[0]?.message ?? '',
    /^web: .*sh\.helm\.release\.v1\.web\.v1 cannot be read/,
  );
  const shown = history.report.outputs['revisions'] as readonly { release: string; revision: number }[];
  assert.deepEqual(shown.map(({ release, revision }) => `${release} ${revision}`).sort(), [
    'api 1',
    'base 1',
    'web 1',
    'web 2',
  ]);
  assert.equal((await set.run(['status'])).exitCode, 0, 'an old one is not needed');
  const chartless = { name: 'web', info: { status: 'deployed' }, version: 2, manifest: '' };
  for (const text of ['', Buffer.from(JSON.stringify(chartless)).toString('base64')]) {
    await damage(2, text);
    const status = await set.run(['status']);
    assert.equal(status.exitCode, 1);
    assert.deepEqual(rulesOf(status), ['rollout/bad-record'], status.report.error?.message);
    assert.match(status.report.summary, /^2 of 3 releases/);
    assert.deepEqual(rulesOf(await set.run(['history'])), ['rollout/bad-record', 'rollout/bad-record']);
    assert.equal((await set.run(['audit'])).report.error, undefined);
  }
  const deployed = await set.run(['deploy']);
  assert.equal(deployed.report.verdict, 'errored', 'who acts on a record has to be able to read it');
});
