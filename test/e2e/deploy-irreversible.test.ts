import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeObject, KubeRef } from '@zakenak/core';
import { type HelmSet, makeHelmSet } from './beside-helm-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();
await kube.patch({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name: 'standard' }, 'merge', {
  allowVolumeExpansion: true,
});

const write = (set: HelmSet, version: string, ...objects: readonly object[]): Promise<void> =>
  set.setTemplates(version, { 'all.yaml': objects.map((object) => JSON.stringify(object)).join('\n---\n') });

async function passes(set: HelmSet, ...args: readonly string[]) {
  const { report, exitCode } = await set.run(args);
  assert.equal(exitCode, 0, JSON.stringify([args, report.error, report.summary, report.findings]));
  return report;
}

/** What the plan says that no rollback puts back; the set's namespace is left out. */
async function listed(set: HelmSet, ...args: readonly string[]): Promise<readonly string[]> {
  const { report } = await set.run(args);
  const text = report.sections.map((section) => section.text).join('\n');
  return [...text.matchAll(/^! web: (.*)$/gm)].map(([, line = '']) => line.replaceAll(`${set.name}/`, ''));
}

const refOf = ({ name: namespace }: HelmSet, apiVersion: string, kind: string, name: string): KubeRef => ({
  apiVersion,
  kind,
  namespace,
  name,
});

const claim = (storage: string): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
});

const podOf = (app: string, simulate = ''): object => ({
  metadata: { labels: { app }, annotations: { 'zakenak.dev/simulate': simulate } },
  spec: { containers: [{ name: 'a', image: 'example/a:1' }] },
});

const crashing = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'crashing' },
  spec: { selector: { matchLabels: { app: 'crashing' } }, template: podOf('crashing', 'crash-loop') },
};

async function boundClaim(set: HelmSet): Promise<KubeObject> {
  let found: KubeObject | undefined;
  await until('the claim is bound', async () => {
    found = await kube.get(refOf(set, 'v1', 'PersistentVolumeClaim', 'data'));
    return (found?.['status'] as { phase?: string } | undefined)?.phase === 'Bound';
  });
  return found as KubeObject;
}

const sizeOf = (object: KubeObject): unknown =>
  (object['spec'] as { resources?: { requests?: { storage?: string } } }).resources?.requests?.storage;

test('a claim that grew keeps its size when its rollout is put back or rolled back, which the plan says beforehand', async (t: TestContext) => {
  const set = await makeHelmSet(t, sandbox);
  await write(set, '1.0.0', claim('1Gi'));
  await passes(set, 'deploy');
  const before = await boundClaim(set);
  await write(set, '2.0.0', claim('2Gi'), crashing);
  assert.deepEqual(await listed(set, 'plan'), [
    'PersistentVolumeClaim data changes: a claim does not shrink: a rollback leaves that as it is',
  ]);
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', JSON.stringify([report.error, report.findings]));
  assert.match(
    report.caveats.join(),
    /data keeps its spec\.resources\.requests\.storage: a claim does not shrink/,
  );
  const after = await boundClaim(set);
  assert.deepEqual([after.metadata.uid, sizeOf(after)], [before.metadata.uid, '2Gi']);
  await passes(set, 'sync');
  await write(set, '2.0.0', claim('2Gi'));
  await passes(set, 'deploy');
  const back = await passes(set, 'rollback');
  assert.match(back.caveats.join(), /data is left as it is in the cluster: .*a claim does not shrink/);
  assert.equal((await boundClaim(set)).metadata.uid, before.metadata.uid);
  await passes(set, 'sync');
  await passes(set, 'status');
  await write(set, '1.0.1', claim('1Gi'));
  await passes(set, 'deploy');
  await write(set, '3.0.0', claim('512Mi'));
  const refused = await set.run(['deploy']);
  assert.equal(refused.report.findings[0]?.ruleId, 'rollout/unknown-object', 'who asks for less is told');
});

const version = (name: string, storage: boolean): object => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
});

const definition = (group: string, ...versions: readonly object[]): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `gears.${group}` },
  spec: { group, scope: 'Namespaced', names: { kind: 'Gear', plural: 'gears' }, versions },
});

test('a definition that stores another version since is rolled back with that version left, and is in sync then', async (t) => {
  const set = await makeHelmSet(t, sandbox);
  const group = `${set.name}.example.com`;
  const gear = { apiVersion: `${group}/v1`, kind: 'Gear', metadata: { name: 'gear' }, spec: { a: '1' } };
  await write(set, '1.0.0', definition(group, version('v1', true)), gear);
  await passes(set, 'deploy');
  const both = definition(group, version('v1', false), version('v2', true));
  await write(set, '2.0.0', both, { ...gear, spec: { a: '2' } });
  assert.deepEqual(await listed(set, 'plan'), [
    `CustomResourceDefinition gears.${group} changes: a version in which objects have been stored stays: a rollback leaves that as it is`,
  ]);
  await passes(set, 'deploy');
  await passes(set, 'rollback');
  const live = await kube.get({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    name: `gears.${group}`,
  });
  const { versions } = (live?.['spec'] ?? {}) as {
    versions?: readonly { name: string; storage: boolean }[];
  };
  assert.deepEqual(
    versions?.map(({ name, storage }) => [name, storage]),
    [
      ['v1', true],
      ['v2', false],
    ],
  );
  await passes(set, 'sync');
  await write(set, '1.0.1', definition(group, version('v1', true)), gear);
  await passes(set, 'deploy');
});

const service = (spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }], ...spec },
});

const config = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { a: '1' },
  ...more,
});

const job = (name: string, image = 'example/a:1'): object => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image }] } } },
});

const stateful = (name: string, spec: object): object => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name },
  spec: {
    serviceName: 'web',
    selector: { matchLabels: { app: name } },
    template: podOf(name),
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ],
    ...spec,
  },
});

/** Whose fields are where, without the times. */
const managersOf = (object: KubeObject | undefined): readonly string[] =>
  ((object?.metadata.managedFields ?? []) as readonly Readonly<Record<string, unknown>>[])
    .filter(({ subresource }) => subresource === undefined)
    .map(({ manager, operation, fieldsV1 }) => `${manager} ${operation} ${JSON.stringify(fieldsV1)}`)
    .sort();

test('each thing that no rollback puts back is listed, what loses data needs consent, and the rest comes back with its writers', async (t) => {
  const set = await makeHelmSet(t, sandbox);
  const finalizers = ['databases.example.com/purge'];
  const purged = refOf(set, 'v1', 'ConfigMap', 'purged');
  await write(
    set,
    '1.0.0',
    config('same'),
    config('changes'),
    config('one-way'),
    config('filled'),
    config('shared'),
    config('purged', { metadata: { name: 'purged', finalizers } }),
    service({ type: 'NodePort' }),
    job('task'),
    job('over'),
    stateful('goes', { replicas: 1 }),
    stateful('less', { replicas: 2 }),
    stateful('anew', { replicas: 1 }),
  );
  await passes(set, 'deploy');
  const namespace = set.name;
  const filled = refOf(set, 'v1', 'ConfigMap', 'filled');
  await kube.patch(filled, 'merge', { data: { token: 'x' } });
  await kube.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace } });
  const addresses = async () => {
    const web = await kube.get(refOf(set, 'v1', 'Service', 'web'));
    return (web?.['spec'] ?? {}) as { clusterIP?: string; ports?: readonly { nodePort: number }[] };
  };
  const { clusterIP, ports } = await addresses();
  const shared = refOf(set, 'v1', 'ConfigMap', 'shared');
  const byHand = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared', namespace } };
  await kube.apply({ ...byHand, data: { a: '1' } }, { fieldManager: 'kubectl' });
  const before = [managersOf(await kube.get(filled)), managersOf(await kube.get(shared))];
  const second = [
    config('same'),
    config('changes', { data: { a: '2' } }),
    config('one-way', { immutable: true }),
    config('shared', { data: { b: '2' } }),
    config('mine'),
    config('new'),
    service({ type: 'ClusterIP' }),
    job('task', 'example/a:2'),
    stateful('less', { replicas: 1 }),
    stateful('anew', { replicas: 1, serviceName: 'other' }),
  ];
  await write(set, '2.0.0', ...second, crashing);
  const lines = await listed(set, 'plan');
  assert.deepEqual(lines.slice(0, 3).sort(), [
    'StatefulSet anew is deleted and created again: its claims go with it (whenDeleted: Delete)',
    'StatefulSet goes is deleted: its claims go with it (whenDeleted: Delete)',
    'StatefulSet less is scaled down: the claims of the replicas that go are deleted (whenScaled: Delete)',
  ]);
  assert.deepEqual(lines.slice(3).sort(), [
    'ConfigMap filled is deleted: what others wrote into it (token) comes back only where the deploy itself fails',
    'ConfigMap mine is taken over: a rollback of what is deployed then removes it',
    'ConfigMap one-way cannot be changed any more: a rollback deletes it and creates it again',
    'ConfigMap purged is deleted: what its finalizers clear away elsewhere (databases.example.com/purge) does not come back',
    'Job over is deleted: a rollback runs the former one once more',
    'Job task runs: what a Job did cannot be undone, and a rollback runs the former one once more',
    `Service web gives up its node port ${ports?.[0]?.nodePort}: it comes back only where the deploy itself fails, and nobody else has it by then`,
    'StatefulSet anew is deleted and created again: a rollback recreates it once more, under another uid',
  ]);
  const refused = await set.run(['deploy']);
  assert.deepEqual(
    refused.report.findings.map(({ ruleId, severity }) => [ruleId, severity]),
    lines.slice(0, 3).map(() => ['rollout/irreversible', 'high']),
  );
  const purge = () =>
    until(
      'its controller has purged it',
      async () => {
        if (!(await kube.get(purged))?.metadata.deletionTimestamp) return false;
        return kube.patch(purged, 'merge', { metadata: { finalizers: null } }).then(() => true);
      },
      60_000,
    );
  const purging = purge();
  const { report } = await set.run(['deploy', '--allow-irreversible']);
  await purging;
  assert.equal(
    report.verdict,
    'rolled-back',
    JSON.stringify([report.error, report.summary, report.findings]),
  );
  for (const { name, kind, apiVersion } of [
    purged,
    refOf(set, 'batch/v1', 'Job', 'task'),
    refOf(set, 'batch/v1', 'Job', 'over'),
    refOf(set, 'apps/v1', 'StatefulSet', 'goes'),
  ]) {
    const live = await kube.get(refOf(set, apiVersion, kind, name));
    assert.ok(live && !live.metadata.deletionTimestamp, `${kind} ${name} is there again`);
  }
  const restored = await kube.get(filled);
  assert.deepEqual(restored?.['data'], { a: '1', token: 'x' });
  assert.deepEqual([managersOf(restored), managersOf(await kube.get(shared))], before);
  const again = await addresses();
  assert.deepEqual([again.clusterIP, again.ports], [clusterIP, ports]);
  await passes(set, 'sync');
  await write(set, '2.0.0', ...second);
  await Promise.all([purge(), passes(set, 'deploy', '--allow-irreversible')]);
  await passes(set, 'rollback', '--allow-irreversible');
  assert.equal(await kube.get(refOf(set, 'v1', 'ConfigMap', 'mine')), undefined, 'it went with the release');
  assert.deepEqual((await kube.get(filled))?.['data'], { a: '1' });
  await passes(set, 'sync');
});

test('what a rollback makes anew is waited for, as it was ready before', async (t) => {
  const set = await makeHelmSet(t, sandbox);
  const web = (app: string): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { app } }, template: podOf(app), minReadySeconds: 2 },
  });
  await write(set, '1.0.0', web('one'));
  await passes(set, 'deploy');
  await write(set, '2.0.0', web('two'), crashing);
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', JSON.stringify([report.error, report.findings]));
  const after = await kube.get(refOf(set, 'apps/v1', 'Deployment', 'web'));
  const { spec, status } = after as unknown as Record<string, Record<string, unknown>>;
  assert.deepEqual(spec?.['selector'], { matchLabels: { app: 'one' } });
  assert.equal(status?.['availableReplicas'], 1);
});
