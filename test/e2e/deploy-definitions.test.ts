import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { type HelmSet, makeHelmSet } from './beside-helm-fixture.ts';
import { readWrites } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();

/** A set with a kind of its own. */
interface GearSet extends HelmSet {
  readonly group: string;
}

async function makeGearSet(t: TestContext): Promise<GearSet> {
  const set = await makeHelmSet(t, sandbox);
  return { ...set, group: `${set.name}.example.com` };
}

const fieldsOf = (...names: readonly string[]): object => ({
  type: 'object',
  properties: {
    spec: { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) },
  },
});

/** A version of the definition, with the fields of its spec. */
const version = (name: string, fields: readonly string[], more: object = {}): object => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: fieldsOf(...fields) },
  ...more,
});

const definitions = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' } as const;

const definition = ({ group }: GearSet, ...versions: readonly object[]): object => ({
  ...definitions,
  metadata: { name: `gears.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind: 'Gear', plural: 'gears', singular: 'gear', listKind: 'GearList' },
    versions,
  },
});

const gear = ({ group }: GearSet, spec: object, served = 'v1'): object => ({
  apiVersion: `${group}/${served}`,
  kind: 'Gear',
  metadata: { name: 'gear' },
  spec,
});

const note = (text: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'note' },
  data: { text },
});

/** A pod that crashes: the deploy fails when everything else is applied. */
const crashing = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'crashing' },
  spec: {
    selector: { matchLabels: { app: 'crashing' } },
    template: {
      metadata: { labels: { app: 'crashing' }, annotations: { 'zakenak.dev/simulate': 'crash-loop' } },
      spec: { containers: [{ name: 'a', image: 'example/a:1' }] },
    },
  },
};

/** The chart's only template, with these objects. */
const write = (set: GearSet, chartVersion: string, ...objects: readonly object[]): Promise<void> =>
  set.setTemplates(chartVersion, {
    'all.yaml': objects.map((object) => JSON.stringify(object)).join('\n---\n'),
  });

async function run(set: GearSet, ...args: readonly string[]): Promise<void> {
  const { report, exitCode } = await set.run(args);
  assert.equal(exitCode, 0, JSON.stringify([args, report.error, report.findings]));
}

/** What lives of the resource; `served` where its version is another. */
function live({ name, group }: GearSet, served = 'v1'): Promise<KubeObject | undefined> {
  kube.refreshDiscovery();
  return kube.get({ apiVersion: `${group}/${served}`, kind: 'Gear', namespace: name, name: 'gear' });
}

async function assertSettled(set: GearSet): Promise<void> {
  const written = await readWrites(sandbox, set.name);
  await run(set, 'deploy');
  const later = (await readWrites(sandbox, set.name)).slice(written.length);
  assert.deepEqual(
    later.filter(({ resource }) => resource !== 'leases'),
    [],
  );
  await run(set, 'sync');
}

test('a definition and its resource change together, go back together, and are put back together', async (t) => {
  const set = await makeGearSet(t);
  const first = [definition(set, version('v1', ['a', 'gone'])), gear(set, { a: '1', gone: '1' })];
  const second = [definition(set, version('v1', ['a', 'b'])), gear(set, { a: '1', b: '1' })];
  await write(set, '1.0.0', ...first);
  await run(set, 'deploy');
  const before = await live(set);
  await write(set, '2.0.0', ...second, crashing);
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', JSON.stringify([report.error, report.findings]));
  assert.deepEqual((await live(set))?.['spec'], { a: '1', gone: '1' });
  await write(set, '2.0.0', ...second);
  const planned = await set.run(['plan']);
  assert.match(
    planned.report.sections.map(({ text }) => text).join('\n'),
    /~ Gear .*it is tried when the definition of its kind has changed\)\n.*\+ spec\.b/s,
  );
  await run(set, 'deploy');
  assert.deepEqual((await live(set))?.['spec'], { a: '1', b: '1' });
  await assertSettled(set);
  await run(set, 'rollback');
  assert.deepEqual((await live(set))?.['spec'], { a: '1', gone: '1' });
  assert.equal((await live(set))?.metadata.uid, before?.metadata.uid);
});

test('what is of a kind whose server does not answer is not taken for gone, and keeps nobody else from a deploy', async (t) => {
  const set = await makeGearSet(t);
  await kube.create(definition(set, version('v1', ['a'])) as KubeObject);
  await until(
    'its kind is served',
    () =>
      live(set).then(
        () => true,
        () => false,
      ),
    20_000,
  );
  await write(set, '1.0.0', gear(set, { a: '1' }), note('first'));
  await run(set, 'deploy');
  const api = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', name: `v1.${set.group}` };
  const service = { name: 'nobody', namespace: 'default', port: 443 };
  const handedOver = { metadata: { labels: null }, spec: { service, insecureSkipTLSVerify: true } };
  await kube.patch(api, 'merge', handedOver);
  const isSilent = async (): Promise<boolean> => {
    kube.refreshDiscovery();
    return (await kube.unavailableApis()).includes(`${set.group}/v1`);
  };
  await until('nobody answers for it', isSilent, 20_000);
  await write(set, '2.0.0', gear(set, { a: '1' }), note('second'));
  for (const verb of ['rollback', 'plan', 'deploy']) {
    const { report, exitCode } = await set.run([verb]);
    assert.equal(report.error?.code, 'kube/unavailable-api', `${verb}: ${report.summary}`);
    assert.ok(report.error?.message.includes(`a Gear of ${set.group}/v1`), report.error?.message);
    assert.equal(exitCode, 4, verb);
  }
  const { report } = await set.run(['status']);
  assert.match(
    JSON.stringify(report.findings),
    /Gear .*cannot be compared: the server behind \S+ .*does not answer/,
  );
  const other = await makeGearSet(t);
  await write(other, '1.0.0', note('first'));
  await run(other, 'deploy');
  // The server makes it anew for the definition.
  await kube.delete(api);
  await until('it is served again', async () => !(await isSilent()), 20_000);
  await run(set, 'rollback');
  assert.equal(await live(set), undefined);
});

test('a resource of another release of the set changes with the definition that it needs, also one from crds/', async (t) => {
  const set = await makeGearSet(t);
  await set.workspace.write({
    'charts/kinds/Chart.yaml': 'apiVersion: v2\nname: kinds\nversion: 1.0.0\n',
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases: [{ name: kinds, chart: charts/kinds }, { name: web, chart: charts/web, needs: [kinds], timeout: 30s }]
`,
  });
  const kinds = (...fields: readonly string[]): Promise<void> =>
    set.workspace.write({
      'charts/kinds/crds/gears.yaml': JSON.stringify(definition(set, version('v1', fields))),
    });
  await kinds('a');
  await write(set, '1.0.0', gear(set, { a: '1' }));
  await run(set, 'deploy');
  await kinds('a', 'b');
  await write(set, '2.0.0', gear(set, { b: '1' }));
  await run(set, 'deploy');
  assert.deepEqual((await live(set))?.['spec'], { b: '1' });
  await assertSettled(set);
});

test('a resource that does not fit the new definition either fails the deploy, and all of it is put back', async (t) => {
  const set = await makeGearSet(t);
  await write(set, '1.0.0', definition(set, version('v1', ['a'])), gear(set, { a: '1' }));
  await run(set, 'deploy');
  await write(set, '2.0.0', definition(set, version('v1', ['a', 'b'])), gear(set, { c: '1' }));
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back');
  assert.match(JSON.stringify(report.findings), /Gear .*\.spec\.c: field not declared in schema/);
  assert.deepEqual((await live(set))?.['spec'], { a: '1' });
  await write(set, '2.0.0', definition(set, version('v1', ['a'])), gear(set, { c: '1' }));
  const refused = await set.run(['deploy']);
  assert.deepEqual([refused.exitCode, refused.report.verdict], [1, 'failed'], 'by the plan');
});

test('a resource moves to a version that its definition gains, and is the same object when that is put back', async (t) => {
  const set = await makeGearSet(t);
  const old = version('v1alpha1', ['a', 'b']);
  await write(set, '1.0.0', definition(set, old), gear(set, { a: '1', b: '1' }, 'v1alpha1'));
  await run(set, 'deploy');
  const before = await live(set, 'v1alpha1');
  const both = definition(set, { ...old, storage: false }, version('v1', ['a', 'b']));
  await write(set, '2.0.0', both, gear(set, { a: '2', b: '1' }), crashing);
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', JSON.stringify([report.error, report.findings]));
  assert.match(
    report.caveats.join(),
    /gears\.\S+ keeps its spec\.versions: a version in which objects have been stored stays/,
  );
  const restored = await live(set, 'v1alpha1');
  assert.deepEqual([restored?.metadata.uid, restored?.['spec']], [before?.metadata.uid, { a: '1', b: '1' }]);
  await write(set, '2.0.0', both, gear(set, { a: '2', b: '1' }));
  await run(set, 'deploy');
  const moved = await live(set);
  assert.deepEqual([moved?.metadata.uid, moved?.['spec']], [before?.metadata.uid, { a: '2', b: '1' }]);
  await assertSettled(set);
});

/** The set with these charts' templates and crds/ folders, each a release in this order. */
const writeCharts = (set: GearSet, charts: Readonly<Record<string, Readonly<Record<string, object>>>>) =>
  set.workspace.write({
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases: [${Object.keys(charts).map((name) => `{ name: ${name}, chart: charts/${name}, timeout: 30s }`)}]
`,
    ...Object.fromEntries(
      Object.entries(charts).flatMap(([name, files]) => [
        [`charts/${name}/Chart.yaml`, `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`],
        ...Object.entries(files).map(([path, object]) => [`charts/${name}/${path}`, JSON.stringify(object)]),
      ]),
    ),
  });

test('a definition of crds/ that templates hold too, or another release, is changed by one of them alone', async (t) => {
  const set = await makeGearSet(t);
  const [old, held] = [['a'], ['a', 'b']].map((fields) => definition(set, version('v1', fields)));
  const folder = { 'crds/gear.json': old ?? {}, 'templates/note.yaml': note('folder') };
  const templates = { 'crds/gear.json': old ?? {}, 'templates/gear.yaml': held ?? {} };
  await writeCharts(set, { folder, templates });
  await run(set, 'deploy');
  await assertSettled(set);
  const ref = { ...definitions, name: `gears.${set.group}` };
  const owner = 'meta.helm.sh/release-name';
  assert.equal((await kube.get(ref))?.metadata.annotations?.[owner], 'templates');
  // Of a release that is none of the set's, as of a chart that holds nothing but definitions.
  await writeCharts(set, { folder });
  await kube.patch(ref, 'merge', { metadata: { annotations: { [owner]: 'other' } } });
  await run(set, 'deploy');
  await assertSettled(set);
  assert.equal((await kube.get(ref))?.metadata.annotations?.[owner], 'other');
});

test('a definition that comes as a hook is served when the objects after it are applied', async (t) => {
  const set = await makeGearSet(t);
  const hook = { 'helm.sh/hook': 'pre-install' };
  const kind = definition(set, version('v1', ['a']));
  const early = { ...kind, metadata: { name: `gears.${set.group}`, annotations: hook } };
  const extra = `${set.name}-extra`;
  const inside = { ...note('inside'), metadata: { name: 'note', namespace: extra } };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: extra, annotations: hook } };
  await write(set, '1.0.0', early, gear(set, { a: '1' }), namespace, inside);
  await run(set, 'deploy');
  assert.deepEqual((await live(set))?.['spec'], { a: '1' });
  await assertSettled(set);
});

test('defaults that a definition begins to give are in its resources after the same deploy, in one that does not change too', async (t) => {
  const set = await makeGearSet(t);
  const kind = (weight: number) => {
    const items = {
      type: 'object',
      properties: { a: { type: 'string' }, weight: { type: 'integer', default: weight } },
    };
    const spec = { type: 'object', properties: { list: { type: 'array', items } } };
    return definition(
      set,
      version('v1', [], { schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }),
    );
  };
  await write(set, '1.0.0', kind(1), gear(set, { list: [{ a: 'x' }] }));
  await run(set, 'deploy');
  await write(set, '2.0.0', kind(2), gear(set, { list: [{ a: 'x' }] }));
  const { report } = await set.run(['plan']);
  assert.match(
    report.sections.map(({ text }) => text).join('\n'),
    /Gear .*its definition gives other defaults/,
  );
  await run(set, 'deploy');
  assert.deepEqual((await live(set))?.['spec'], { list: [{ a: 'x', weight: 2 }] });
  await assertSettled(set);
  await write(set, '3.0.0', kind(3), gear(set, { list: [{ a: 'y' }] }), crashing);
  const failed = await set.run(['deploy']);
  assert.equal(failed.report.verdict, 'rolled-back', failed.report.summary);
  assert.deepEqual((await live(set))?.['spec'], { list: [{ a: 'x', weight: 2 }] });
});

test('an empty list that leaves a custom resource goes, also where the server merges its elements', async (t) => {
  const set = await makeGearSet(t);
  const list = { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } };
  const inner = { type: 'object', properties: { list, text: { type: 'string' } } };
  const properties = { spec: { type: 'object', properties: { list, inner } } };
  const schema = { openAPIV3Schema: { type: 'object', properties } };
  const kind = definition(set, version('v1', [], { schema }));
  const full = gear(set, { list: [], inner: { list: [], text: 'x' } });
  await write(set, '1.0.0', kind, full);
  await run(set, 'deploy');
  await write(set, '2.0.0', kind, gear(set, { inner: { text: 'x' } }));
  const { report } = await set.run(['plan']);
  assert.match(report.sections.map(({ text }) => text).join('\n'), /- spec\.list: \[\]/);
  await run(set, 'deploy');
  assert.deepEqual((await live(set))?.['spec'], { inner: { text: 'x' } });
  await assertSettled(set);
  await run(set, 'rollback');
  assert.deepEqual((await live(set))?.['spec'], { list: [], inner: { list: [], text: 'x' } });
  await write(set, '2.0.0', kind, gear(set, {}), crashing);
  const failed = await set.run(['deploy']);
  assert.equal(failed.report.verdict, 'rolled-back', failed.report.summary);
  assert.deepEqual((await live(set))?.['spec'], { list: [], inner: { list: [], text: 'x' } });
});

test('a definition and its resources that left come back with a rollback', async (t) => {
  const set = await makeGearSet(t);
  await write(set, '1.0.0', note('first'), definition(set, version('v1', ['a'])), gear(set, { a: '1' }));
  await run(set, 'deploy');
  await write(set, '2.0.0', note('second'));
  await run(set, 'deploy', '--allow-irreversible');
  const name = `gears.${set.group}`;
  const kind = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name };
  await until('the definition is gone', async () => (await kube.get(kind)) === undefined);
  await run(set, 'rollback');
  assert.deepEqual((await live(set))?.['spec'], { a: '1' });
  await run(set, 'sync');
});
