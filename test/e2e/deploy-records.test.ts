import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertCoded } from './cli-fixture.ts';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube, programs: helms } = await useCluster('helm3', 'helm');

const run = (program: string, { name }: TestSet, ...args: readonly string[]): string =>
  execFileSync(program, ['--kubeconfig', sandbox.kubeconfig, '--namespace', name, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Revision and status of each, as Helm tells them. */
const revisionsOf = (program: string, set: TestSet, release: string): readonly string[] =>
  (
    JSON.parse(run(program, set, 'history', release, '-o', 'json')) as readonly {
      readonly revision: number;
      readonly status: string;
    }[]
  ).map(({ revision, status }) => `${revision} ${status}`);

const textOf = async ({ name }: TestSet, release: string): Promise<string | undefined> => {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: name, name: release });
  return (found?.data as { text?: string } | undefined)?.text;
};

async function deploy(set: TestSet, text: string, more: Readonly<Record<string, unknown>> = {}) {
  await set.setValues({ base: { text }, web: { text, ...more } });
  return (await set.run(['deploy'])).report;
}

test('no more revisions than historyLimit are kept, and always the one that a rollback needs', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  const limit = (value: number) =>
    set.workspace.write({
      'zakenak.yaml': config.replace('deploy:\n', `deploy:\n  historyLimit: ${value}\n`),
    });
  await limit(1);
  const refused = await set.run(['deploy']);
  assert.deepEqual([refused.exitCode, refused.report.error?.code], [2, 'config/invalid']);
  await limit(2);
  for (const text of ['one', 'two', 'three'])
    assert.equal((await deploy(set, text)).verdict, 'simulated', text);
  for (const program of helms)
    assert.deepEqual(revisionsOf(program, set, 'web'), ['2 superseded', '3 deployed']);
  const failed = await deploy(set, 'four', { simulate: 'crash-loop' });
  assert.equal(failed.verdict, 'rolled-back', failed.summary);
  for (const program of helms)
    assert.deepEqual(
      revisionsOf(program, set, 'web'),
      ['2 superseded', '5 deployed'],
      'the third is the fifth once more',
    );
  assert.equal((await deploy(set, 'five')).verdict, 'simulated');
  assert.equal((await set.run(['rollback'])).report.verdict, 'simulated');
  assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['three', 'three']);
});

test('a revision that Helm wrote by hand is none of our rollout, though it bears its labels', async (t) => {
  for (const program of helms) {
    const set = await makeTestSet(t, sandbox);
    await deploy(set, 'one');
    await deploy(set, 'two');
    run(program, set, 'upgrade', 'web', join(set.workspace.root, 'charts/app'), '--set', 'text=by hand');
    run(program, set, 'rollback', 'web', '2');
    const labelsOf = async (revision: number) =>
      (
        await kube.get({
          apiVersion: 'v1',
          kind: 'Secret',
          namespace: set.name,
          name: `sh.helm.release.v1.web.v${revision}`,
        })
      )?.metadata.labels?.['zakenak.dev/rollout'];
    assert.equal(await labelsOf(3), await labelsOf(2), 'helm upgrade copies them');
    assert.equal(await labelsOf(4), await labelsOf(2), 'helm rollback copies them');
    const { report } = await set.run(['history', '--release', 'web']);
    const revisions = report.outputs['revisions'] as readonly {
      readonly revision: number;
      readonly rollout: string;
    }[];
    const ours = revisions.filter(({ rollout }) => rollout !== '').map(({ revision }) => revision);
    assert.deepEqual(ours.sort(), [1, 2]);
    const back = await set.run(['rollback']);
    assert.equal(back.report.verdict, 'simulated', back.report.summary);
    assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['one', 'two']);
    assert.equal((await set.run(['rollback', '--release', 'web'])).report.verdict, 'simulated');
    assert.equal(await textOf(set, 'web'), 'by hand', 'the revision before the deployed one');
  }
});

test('after a deploy that was put back, a rollback goes to what was there before, not to the same once more', async (t) => {
  const set = await makeTestSet(t, sandbox);
  for (const text of ['one', 'two']) assert.equal((await deploy(set, text)).verdict, 'simulated', text);
  for (const _attempt of [1, 2])
    assert.equal((await deploy(set, 'bad', { simulate: 'crash-loop' })).verdict, 'rolled-back');
  for (const program of helms)
    assert.deepEqual(revisionsOf(program, set, 'web'), [
      '1 superseded',
      '2 superseded',
      '3 failed',
      '4 superseded',
      '5 failed',
      '6 deployed',
    ]);
  // Only `web` failed, and was put back; the rollout that is taken back is the one of both.
  const back = await set.run(['rollback']);
  assert.equal(back.report.verdict, 'simulated', back.report.error?.message ?? back.report.summary);
  assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['one', 'one']);
  // As with Helm, a rollback of a rollback goes forward again.
  assert.equal((await set.run(['rollback', '--release', 'web'])).report.verdict, 'simulated');
  assert.equal(await textOf(set, 'web'), 'two');
});

test('a deploy that failed and was kept is what a rollback takes back: whole, or of one release, also after the first deploy', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const keep = async (text: string) => {
    await set.setValues({ base: { text }, web: { text, simulate: 'crash-loop' } });
    assert.equal((await set.run(['deploy', '--on-failure', 'keep'])).report.verdict, 'failed');
    assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], [text, text]);
  };
  const goBack = async (text: string, ...more: readonly string[]) => {
    const { report } = await set.run(['rollback', ...more]);
    assert.equal(report.verdict, 'simulated', report.error?.message ?? report.summary);
    assert.equal(await textOf(set, 'web'), text);
  };
  assert.equal((await deploy(set, 'one')).verdict, 'simulated');
  await keep('bad');
  await goBack('one');
  assert.equal(await textOf(set, 'base'), 'one');
  assert.equal((await deploy(set, 'two')).verdict, 'simulated');
  await keep('worse');
  await goBack('two', '--release', 'web');
  assert.equal(await textOf(set, 'base'), 'worse');
});

test('a deploy that only took drift back is no installation: its rollback removes nothing', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const byHand = (release: string) =>
    kube.patch({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: release }, 'merge', {
      data: { text: 'by hand' },
    });
  assert.equal((await deploy(set, 'one')).verdict, 'simulated');
  await byHand('web');
  assert.equal((await deploy(set, 'one')).verdict, 'simulated');
  for (const program of helms)
    assert.deepEqual(revisionsOf(program, set, 'web'), ['1 superseded', '2 deployed']);
  const writes = await readWrites(sandbox, set.name);
  assertCoded(await set.run(['rollback']), {
    code: 'rollout/unknown-revision',
    exitCode: 2,
    message: /deployed what had been deployed before/,
    remedy: /--revision/,
  });
  assert.deepEqual(await readWrites(sandbox, set.name), writes);
  // Beside a change of another release the same: that one goes back, and this one stays.
  await byHand('web');
  await set.setValues({ base: { text: 'two' }, web: { text: 'one' } });
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  const back = await set.run(['rollback']);
  assert.equal(back.report.verdict, 'simulated', back.report.error?.message ?? back.report.summary);
  assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['one', 'one']);
});

test('what helm rollback goes to after a failed upgrade that was put back is the failed one: ours is not', async (t) => {
  for (const program of helms) {
    const set = await makeTestSet(t, sandbox);
    for (const text of ['one', 'two']) assert.equal((await deploy(set, text)).verdict, 'simulated', text);
    assert.equal((await deploy(set, 'bad', { simulate: 'crash-loop' })).verdict, 'rolled-back');
    run(program, set, 'rollback', 'web');
    assert.equal(await textOf(set, 'web'), 'bad');
    assert.equal((await set.run(['rollback', '--release', 'web'])).report.verdict, 'simulated');
    assert.equal(await textOf(set, 'web'), 'two', 'the last that was deployed and holds something else');
  }
});

test('a first deploy stays where the second was put back: a rollback does not remove the set', async (t) => {
  const set = await makeTestSet(t, sandbox);
  assert.equal((await deploy(set, 'one')).verdict, 'simulated');
  assert.equal((await deploy(set, 'bad', { simulate: 'crash-loop' })).verdict, 'rolled-back');
  const writes = await readWrites(sandbox, set.name);
  const refused = await set.run(['rollback']);
  assertCoded(refused, {
    code: 'rollout/unknown-revision',
    exitCode: 2,
    message: /was put back/,
    remedy: /Nothing has to be put back/,
  });
  assert.deepEqual(await readWrites(sandbox, set.name), writes);
  assert.equal(await textOf(set, 'web'), 'one');
});

test('old records that cannot be read keep no deploy and no rollback from their end', async (t) => {
  const set = await makeTestSet(t, sandbox);
  for (const text of ['one', 'two', 'three']) assert.equal((await deploy(set, text)).verdict, 'simulated');
  const spoil = (revision: number, status: string) =>
    kube.patch(
      { apiVersion: 'v1', kind: 'Secret', namespace: set.name, name: `sh.helm.release.v1.web.v${revision}` },
      'merge',
      { metadata: { labels: { status } }, data: { release: Buffer.from('cut off').toString('base64') } },
    );
  await spoil(1, 'uninstalled');
  await spoil(2, 'pending-upgrade');
  const deployed = await deploy(set, 'four');
  assert.equal(deployed.verdict, 'simulated', deployed.error?.message ?? deployed.summary);
  await spoil(2, 'pending-rollback');
  assert.equal((await deploy(set, 'bad', { simulate: 'crash-loop' })).verdict, 'rolled-back');
  assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['four', 'four']);
  const back = await set.run(['rollback']);
  assert.equal(back.report.verdict, 'simulated', back.report.error?.message ?? back.report.summary);
  assert.deepEqual([await textOf(set, 'base'), await textOf(set, 'web')], ['three', 'three']);
});

/** Text that does not pack. */
const noise = (bytes: number): string => randomBytes((bytes * 3) / 4).toString('base64');

test('a chart too large for a record loses what no Helm needs of it, and both Helms go on with it', async (t) => {
  for (const program of helms) {
    const set = await makeTestSet(t, sandbox);
    await set.workspace.write({
      'charts/app/files/model.bin': noise(1_500_000),
      'charts/app/README.md': noise(300_000),
    });
    const first = await deploy(set, 'one');
    assert.equal(first.verdict, 'simulated', first.summary);
    assert.match(first.caveats.join('\n'), /record of web leaves out the chart’s files: /);
    assert.equal((await deploy(set, 'two')).verdict, 'simulated');
    const again = await set.run(['deploy']);
    assert.equal(again.report.outputs['has-changes'], false);
    assert.match(run(program, set, 'get', 'all', 'web'), /COMPUTED VALUES:.*replicas: 1.*kind: Deployment/s);
    assert.match(run(program, set, 'list'), /web\s+\S+\s+2\s/);
    run(program, set, 'rollback', 'web', '1');
    assert.equal(await textOf(set, 'web'), 'one');
    const chart = join(set.workspace.root, 'charts/app');
    await set.workspace.write({ 'charts/app/files/model.bin': 'small', 'charts/app/README.md': 'small' });
    run(program, set, 'upgrade', 'web', chart, '--reuse-values', '--set', 'replicas=2');
    assert.equal(await textOf(set, 'web'), 'one', 'values of the record that lacks the files');
    assert.equal((await set.run(['rollback', '--release', 'web'])).report.verdict, 'simulated');
    run(program, set, 'uninstall', 'web');
  }
});

test('objects that no record can hold are refused by the plan, before anything is written', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const parts = Array.from({ length: 3 }, (_, index) => [`part${index}`, noise(500_000)]);
  await set.setValues({ web: { extra: Object.fromEntries(parts) } });
  for (const verb of ['plan', 'deploy']) {
    const outcome = await set.run([verb]);
    assertCoded(outcome, {
      code: 'rollout/record-too-large',
      exitCode: 2,
      message: /'web' takes \d{4} KiB, .*; 1008 KiB fit/,
      remedy: /Split the chart/,
    });
  }
  assert.deepEqual(await readWrites(sandbox, set.name), []);
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Namespace' });
  assert.ok(!items.some(({ metadata }) => metadata.name === set.name));
});
