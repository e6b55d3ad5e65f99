import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import {
  type AuditedWrite,
  auditOf,
  isBookkeeping,
  lines,
  type PlannedWrite,
  plannedWrites,
  toCarryOut,
  toPutBack,
} from './audit-log.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';
import { changeEverything, makeUpgradeSet } from './upgrade-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

/** Runs a verb and splits what the API server's audit log says of it. */
async function audited(set: TestSet, args: readonly string[]) {
  const { outcome, writes, agents } = await auditOf(sandbox, () => set.run(args));
  assert.deepEqual(agents, ['zakenak'], 'every request says who we are');
  const own = writes.filter((write) => !isBookkeeping(write, set.name));
  const isDone = ({ status }: AuditedWrite): boolean => status < 400;
  // What is read of a plan is what a person is shown.
  const planned = await plannedWrites(outcome.report, set.name, kube);
  return {
    ...outcome,
    planned,
    writes: lines(own.filter(isDone)),
    refused: own.filter((write) => !isDone(write)),
    bookkeeping: writes.filter((write) => isBookkeeping(write, set.name)),
  };
}

type Audited = Awaited<ReturnType<typeof audited>>;

function assertIsPlan({ writes, refused, planned, report }: Audited, besides: readonly string[] = []): void {
  assert.ok(planned.length > 0, report.summary);
  assert.deepEqual(writes, [...toCarryOut(planned), ...besides].sort());
  assert.deepEqual(refused, []);
}

test('install, no change, upgrade with every kind of operation, rollback, removal: the server saw the plan and the set’s own books', async (t) => {
  const set = await makeUpgradeSet(t, sandbox);
  const first = await audited(set, ['deploy']);
  assertIsPlan(first, [`create namespaces /${set.name}`]);
  assertBooks(first.bookkeeping, set, 3, 1);
  const again = await audited(set, ['deploy']);
  assert.equal(again.report.outputs['has-changes'], false);
  assert.deepEqual([again.writes, again.refused, again.bookkeeping], [[], [], []]);
  for (const looking of [['plan'], ['status'], ['deploy', '--dry-run'], ['rollback', '--dry-run']]) {
    const seen = await audited(set, looking);
    assert.deepEqual([seen.writes, seen.refused, seen.bookkeeping], [[], [], []], looking.join(' '));
  }
  await changeEverything(set);
  const upgrade = await audited(set, ['deploy', '--prune', '--allow-irreversible']);
  assert.equal(upgrade.report.verdict, 'simulated', upgrade.report.summary);
  assert.deepEqual([...new Set(upgrade.planned.map(({ action }) => action))].sort(), [
    'apply',
    'create',
    'delete',
    'hook',
    'recreate',
  ]);
  assertIsPlan(upgrade);
  const back = await audited(set, ['rollback']);
  assert.equal(back.exitCode, 0, back.report.summary);
  assertIsPlan(back);
});

test('a deploy that fails writes no more than its plan, and then each object back once', async (t) => {
  const set = await makeUpgradeSet(t, sandbox);
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  await changeEverything(set, { simulate: 'crash-loop' });
  const failed = await audited(set, ['deploy', '--prune', '--allow-irreversible']);
  assert.equal(failed.report.verdict, 'rolled-back', failed.report.summary);
  const begun = failed.planned.filter(isBegun);
  assert.deepEqual(failed.writes, [...toCarryOut(begun), ...toPutBack(begun)].sort());
  // An object that was recreated is tried to be changed in place first.
  assert.deepEqual(
    failed.refused.filter(({ status, name }) => status !== 422 || name !== 'api-worker'),
    [],
  );
  const { outcome, writes } = await auditOf(sandbox, () => set.run(['status']));
  assert.equal(outcome.exitCode, 0);
  assert.deepEqual(writes, []);
});

/** The claim would have gone when all was deployed, and the release that goes, after those that stay. */
const isBegun = ({ release, resource }: PlannedWrite): boolean =>
  resource !== 'persistentvolumeclaims' && release !== 'web';

test('a plan that cannot be carried out writes nothing at all', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.run(['deploy']);
  await set.workspace.write({
    'charts/app/templates/widget.yaml':
      'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: "{{ .Release.Name }}" }\n',
  });
  const { outcome, writes } = await auditOf(sandbox, () => set.run(['deploy']));
  assert.equal(outcome.report.error?.code, 'rollout/unknown-kind');
  assert.deepEqual(writes, []);
  const other = await makeTestSet(t, sandbox);
  await other.setValues({ base: { claim: true } });
  assert.equal((await other.run(['deploy'])).report.verdict, 'simulated');
  await other.workspace.write({
    'charts/app/templates/claim.yaml':
      'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: "{{ .Release.Name }}" }\nspec: { accessModes: [ReadWriteMany], resources: { requests: { storage: 1Gi } } }\n',
  });
  const refused = await audited(other, ['deploy']);
  assert.equal(refused.exitCode, 1);
  assert.deepEqual([refused.writes, refused.refused, refused.bookkeeping], [[], [], []]);
});

test('a deploy that stops for a newer commit, and the newer one, write what their plans say', async (t) => {
  const set = await makeTestSet(t, sandbox);
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  await set.setValues({ base: { text: 'slow', readyAfter: '20s' }, web: { text: 'slow' } });
  await set.workspace.commit();
  const { outcome, writes } = await auditOf(sandbox, async () => {
    const running = set.run(['deploy']);
    await slowIsThere(set);
    await set.setValues({ base: { text: 'newer' } });
    await set.workspace.commit();
    const newer = await set.run(['deploy', '--lock-timeout', '30s']);
    return { newer, older: await running };
  });
  assert.equal(outcome.older.report.error?.code, 'rollout/preempted');
  assert.equal(outcome.newer.report.verdict, 'simulated', outcome.newer.report.summary);
  const own = writes.filter((write) => !isBookkeeping(write, set.name));
  // The older one came as far as `base`; the newer one has only that to change.
  const planned = await plannedWrites(outcome.newer.report, set.name, kube);
  assert.deepEqual([...new Set(planned.map(({ release }) => release))], ['base']);
  assert.deepEqual(lines(own), [...toCarryOut(planned), ...toCarryOut(planned)].sort());
});

async function slowIsThere({ name }: TestSet): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: name, name: 'base' });
    if ((found?.data as { text?: string } | undefined)?.text === 'slow') return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the slow deploy did not begin');
}

/** The Lease is taken and given back and the journal removed; Helm's records are one for each release, and no other is touched. */
function assertBooks(
  bookkeeping: readonly AuditedWrite[],
  set: TestSet,
  releases: number,
  revision: number,
): void {
  const seen = new Set(lines(bookkeeping));
  for (const verb of ['create', 'update'])
    assert.ok(seen.has(`${verb} leases default/zakenak.${set.name}`), verb);
  const journals = bookkeeping.filter(({ name }) => name.startsWith('zakenak.journal.'));
  const namesOf = (verb: string) =>
    new Set(journals.filter((one) => one.verb === verb).map(({ name }) => name));
  assert.deepEqual(namesOf('delete'), namesOf('create'), 'what was written is removed');
  const trail = lines(bookkeeping.filter(({ resource }) => resource === 'configmaps'));
  assert.deepEqual(trail, [`create configmaps default/zakenak.audit.${set.name}`]);
  const records = new Set(
    bookkeeping.filter(({ name }) => name.startsWith('sh.helm.')).map(({ name }) => name),
  );
  assert.equal(records.size, releases);
  for (const name of records) assert.ok(name.endsWith(`.v${revision}`), name);
}
