import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startApiProxy } from './api-proxy.ts';
import { forEveryWrite, killAfterWrite, normalise, remove } from './deploy-crash-fixture.ts';
import { dumpNamespace, makeTestSet, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();

const configMap = (namespace: string, name: string) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }) as const;

/** What a person wrote in a set's namespace, without what differs where an object was made anew. */
async function contentsOf(set: TestSet): Promise<string> {
  return normalise(await dumpNamespace(kube, set.name), set);
}

/** Waits for the claim of `web` to go: it does when nothing uses it any more. */
async function gone({ name: namespace }: TestSet): Promise<void> {
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: 'web' };
  for (let left = 100; left > 0 && (await kube.get(claim)); left--)
    await new Promise((done) => setTimeout(done, 100));
  assert.equal(await kube.get(claim), undefined);
}

async function edit(set: TestSet, change: (config: string) => string): Promise<void> {
  const config = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  const changed = change(config);
  assert.notEqual(changed, config);
  await set.workspace.write({ 'zakenak.yaml': changed });
}

const leave = (set: TestSet, release: string) =>
  edit(set, (config) => config.replace(new RegExp(` {4}- \\{ name: ${release},.*\n`), ''));

async function passes(set: TestSet, ...args: readonly string[]) {
  const run = await set.run(args);
  assert.equal(run.exitCode, 0, run.report.error?.message ?? JSON.stringify(run.report.findings));
  return run.report;
}

const planned = (report: Awaited<ReturnType<typeof passes>>) =>
  (report.outputs['releases'] as readonly { readonly name: string; readonly action: string }[]).map(
    ({ name, action }) => `${name} ${action}`,
  );

/** A set whose last rollout changed one release and pruned another; what it was before. */
async function pruned(t: TestContext): Promise<{ readonly set: TestSet; readonly before: string }> {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ web: { claim: true } });
  await passes(set, 'deploy');
  const before = await contentsOf(set);
  await leave(set, 'web');
  await set.setValues({ web: {}, base: { text: 'second' } });
  const report = await passes(set, 'deploy', '--prune', '--allow-irreversible');
  assert.deepEqual(planned(report), ['base upgrade', 'api noop', 'web uninstall']);
  await gone(set);
  return { set, before };
}

test('rollback brings back what the last rollout pruned, and says beforehand what comes back empty', async (t) => {
  const { set, before } = await pruned(t);
  const after = await contentsOf(set);
  const shown = await passes(set, 'rollback', '--dry-run');
  assert.deepEqual(planned(shown), ['web rollback', 'base rollback']);
  assert.match(
    JSON.stringify(shown),
    /PersistentVolumeClaim \S+\/web is created again: what it held was deleted/,
  );
  await passes(set, 'rollback');
  assert.equal(await contentsOf(set), before);
  await passes(set, 'rollback', '--allow-irreversible');
  await gone(set);
  assert.equal(await contentsOf(set), after, 'a rollback of the rollback removes it once more');
  await passes(set, 'rollback');
  assert.equal(await contentsOf(set), before);
  await passes(set, 'deploy', '--prune', '--allow-irreversible');
});

test('a rollout that did nothing but prune is the one that rollback takes back, each release after what it needed', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await edit(set, (config) =>
    config.replace('needs: [base]', 'needs: [web]').replace('needs: [api], timeout: 30s', 'timeout: 30s'),
  );
  await set.setValues({ web: { readyAfter: '2s' } });
  await passes(set, 'deploy');
  const before = await contentsOf(set);
  await leave(set, 'web');
  await leave(set, 'api');
  await passes(set, 'deploy', '--prune');
  const createdAt = async (name: string) => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: set.name, name };
    return Date.parse(String((await kube.get(ref))?.metadata.creationTimestamp));
  };
  for (const when of ['once', 'again']) {
    assert.deepEqual(planned(await passes(set, 'rollback')), ['web rollback', 'api rollback'], when);
    assert.equal(await contentsOf(set), before, when);
    assert.ok((await createdAt('api')) > (await createdAt('web')), when);
    if (when === 'once') await passes(set, 'rollback');
  }
});

test('what was removed by nobody knows which rollout does not come back with a rollback, which says so beforehand', async (t) => {
  const { set } = await pruned(t);
  const label = { 'zakenak.dev/removed-by': null };
  const record = {
    apiVersion: 'v1',
    kind: 'Secret',
    namespace: set.name,
    name: 'sh.helm.release.v1.web.v1',
  } as const;
  await kube.patch(record, 'merge', { metadata: { labels: label } });
  for (const args of [['--dry-run'], []]) {
    const { findings } = await passes(set, 'rollback', ...args);
    assert.deepEqual(
      findings.map(({ ruleId, remedy }) => [ruleId, remedy?.includes('helm rollback web 1')]),
      [['rollout/stays-removed', true]],
      args.join(),
    );
  }
  await set.setValues({ web: {}, base: { text: 'third' } });
  await passes(set, 'deploy');
  const { findings } = await passes(set, 'rollback');
  assert.deepEqual(findings, [], 'it had gone before that rollout');
});

test('a rollback that brings a pruned release back and is killed after any write is gone on with', async (t) => {
  await forEveryWrite(async (nth) => {
    await using proxy = await startApiProxy(sandbox);
    const { set, before } = await pruned(t);
    const killed = await killAfterWrite(set, proxy, nth, ['rollback']);
    if (killed && (await contentsOf(set)) !== before) await passes(set, 'rollback', '--lock-timeout', '1m');
    assert.equal(await contentsOf(set), before, `after write ${nth}`);
    await remove(set, kube);
    return killed;
  });
});

test('a release that moved to another namespace is told to have moved, with and without prune', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const other = `${set.name}-other`;
  await passes(set, 'deploy');
  await edit(set, (config) => config.replace('{ name: web,', `{ name: web, namespace: ${other},`));
  for (const args of [['plan'], ['deploy'], ['deploy', '--prune']]) {
    const { findings } = await passes(set, ...args);
    assert.deepEqual(
      findings.map(({ ruleId }) => ruleId),
      ['rollout/moved-release'],
      args.join(' '),
    );
    const [{ message, remedy } = { message: '', remedy: '' }] = findings;
    assert.ok(message.includes(`from ${set.name} to ${other}`), message);
    assert.equal(remedy?.endsWith(`helm uninstall web --namespace ${set.name}`), true, remedy);
  }
  for (const namespace of [set.name, other])
    assert.ok(await kube.get(configMap(namespace, 'web')), `it is in ${namespace}`);
});

test('an install that failed and was kept, and left zakenak.yaml, is told and pruned, without what was there before it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await leave(set, 'web');
  await passes(set, 'deploy');
  const found = { apiVersion: 'v1', kind: 'ConfigMap', data: { text: 'mine' } };
  await kube.create({ ...found, metadata: { name: 'web-found', namespace: set.name } });
  // The API server's times are in whole seconds.
  await new Promise((done) => setTimeout(done, 1_100));
  await edit(
    set,
    (config) => `${config}    - { name: web, chart: charts/app, needs: [api], timeout: 30s }\n`,
  );
  await set.setValues({ web: { simulate: 'crash-loop', extra: { found: 'ours' } } });
  assert.equal((await set.run(['deploy', '--on-failure', 'keep'])).report.verdict, 'failed');
  await leave(set, 'web');
  const { findings } = await passes(set, 'deploy');
  assert.deepEqual(findings.map(({ ruleId }) => ruleId).sort(), [
    'rollout/orphaned-release',
    'rollout/unused-values',
  ]);
  assert.deepEqual(planned(await passes(set, 'deploy', '--prune')), [
    'base noop',
    'api noop',
    'web uninstall',
  ]);
  assert.equal(await kube.get(configMap(set.name, 'web')), undefined);
  assert.ok(await kube.get(configMap(set.name, 'web-found')), 'what it took over stays');
  const { findings: left } = await passes(set, 'deploy', '--prune');
  assert.deepEqual(
    left.map(({ ruleId, location }) => [ruleId, location?.path]),
    [['rollout/unused-values', 'values.yaml']],
  );
});
