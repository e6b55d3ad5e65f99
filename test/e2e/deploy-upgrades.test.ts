import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { type HelmSet, makeHelmSet, readObjects } from './beside-helm-fixture.ts';
import { readWrites } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';
import { generatePairs } from './upgrade-generator.ts';
import { gears, hardPairs, type UpgradePair, upgradePairs } from './upgrade-pairs.ts';

const {
  sandbox,
  kube,
  programs: [helm3 = '', helm4 = ''],
} = await useCluster('helm3', 'helm');

/** Another one: `ZAKENAK_TEST_SEED=7`. What failed is told with its seed. */
const seed = Number(process.env['ZAKENAK_TEST_SEED'] ?? 1);
type Pairs = Readonly<Record<string, UpgradePair>>;
type Objects = ReadonlyMap<string, unknown>;
type Way = readonly string[];

/** A set whose chart goes through the versions, deployed by helm3, helm4 or ourselves; and what was there after each. */
async function go(
  t: TestContext,
  pairs: Pairs,
  way: Way,
): Promise<{ set: HelmSet; after: readonly Objects[] }> {
  const set = await makeHelmSet(t, sandbox, { 'gears.yaml': gears });
  for (const name of [set.name, otherOf(set)])
    await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const after: Objects[] = [];
  for (const step of way) {
    const [program, version] = step.split(' ');
    const side = version === '1' ? 'before' : 'after';
    const templates = Object.values(pairs).map((pair, index) => [`${index}.yaml`, pair[side] ?? '']);
    await set.setTemplates(`${version}.0.0`, Object.fromEntries(templates));
    if (program === 'zakenak') await deploy(set);
    else await set.helm(program === 'helm3' ? helm3 : helm4);
    after.push(await look(set));
  }
  return { set, after };
}

const otherOf = ({ name }: HelmSet): string => `${name}-other`;
const look = (set: HelmSet): Promise<Objects> => readObjects(kube, set.name, otherOf(set));

async function deploy(set: HelmSet): Promise<void> {
  const { report, exitCode } = await set.run(['deploy', '--allow-irreversible']);
  assert.equal(exitCode, 0, JSON.stringify([seed, report.error, report.findings]));
}

/** Where Helm leaves something else on purpose: see docs/deploy.md. */
const known = new Set([
  'v1 ConfigMap NS/object-hook-early',
  'apps/v1 Deployment NS/account',
  'v1 Secret NS/secret-key',
]);

/** Every object is as one of the Helms leaves it. */
function assertAsHelm(
  ours: Objects | undefined,
  helms: readonly (Objects | undefined)[],
  about: string,
): void {
  const keys = new Set([ours, ...helms].flatMap((objects) => [...(objects?.keys() ?? [])]));
  const others = [...keys]
    .filter((key) => !known.has(key))
    .flatMap((key) => {
      const mine = JSON.stringify(ours?.get(key));
      const theirs = helms.map((objects) => JSON.stringify(objects?.get(key)));
      return theirs.includes(mine) ? [] : [{ key, mine, theirs }];
    });
  assert.deepEqual(others, [], `${about} (seed ${seed})`);
}

/** Every object is the same. */
function assertSame(a: Objects | undefined, b: Objects | undefined, about: string): void {
  const [one, other] = [a, b].map((objects) => Object.fromEntries(objects ?? []));
  assert.deepEqual(one, other, `${about} (seed ${seed})`);
}

/** Nothing is left to do, nothing has drifted, and the first version comes back whole. Hooks and what they made are no part of a rollback. */
async function assertSettled(set: HelmSet, first: Objects | undefined, about: string): Promise<void> {
  const written = await readWrites(sandbox, set.name);
  await deploy(set);
  const more = (await readWrites(sandbox, set.name)).slice(written.length);
  assert.deepEqual(
    more.filter(({ resource }) => resource !== 'leases'),
    [],
    `${about}: a second deploy writes`,
  );
  for (const verb of ['status', 'sync']) {
    const { report, exitCode } = await set.run([verb]);
    const drift = report.outputs['drift'] as readonly { readonly state: string }[];
    assert.deepEqual(
      [exitCode, drift.filter(({ state }) => state !== 'in-sync'), report.findings],
      [0, [], []],
      `${about}: ${verb}`,
    );
  }
  const { report, exitCode } = await set.run(['rollback', '--allow-irreversible']);
  assert.equal(exitCode, 0, JSON.stringify([about, report.error, report.findings]));
  assertSame(withoutHooks(await look(set)), withoutHooks(first ?? new Map()), `${about}: rolled back`);
}

const withoutHooks = (objects: Objects): Objects =>
  new Map(
    [...objects].filter(
      ([key, object]) => !/hook|kept/.test(key) && !/"helm.sh\/hook"/.test(JSON.stringify(object)),
    ),
  );

/** The objects of a revision's manifest. We open Lists before Helm's record is written. */
async function manifestOf(set: HelmSet, program: string, revision: string): Promise<readonly string[]> {
  const text = await set.helm(program, 'get', 'manifest', 'web', '--revision', revision);
  return parseAllDocuments(text)
    .flatMap((document): readonly unknown[] => {
      const object = document.toJS() as { readonly items?: readonly unknown[] } | null;
      return object ? (object.items ?? [object]) : [];
    })
    .map((object) => JSON.stringify(object).replaceAll(set.name, 'NS'))
    .sort();
}

test('an upgrade leaves what Helm’s upgrade leaves, over its own work, over Helm 3’s and Helm 4’s, and under theirs', async (t) => {
  const pairs = { ...upgradePairs, ...generatePairs(seed) };
  const [by4, by3, ours, over4, over3, under4, under3] = await Promise.all([
    go(t, pairs, ['helm4 1', 'helm4 2']),
    go(t, pairs, ['helm3 1', 'helm3 2']),
    go(t, pairs, ['zakenak 1', 'zakenak 2']),
    go(t, pairs, ['helm4 1', 'zakenak 2']),
    go(t, pairs, ['helm3 1', 'zakenak 2']),
    go(t, pairs, ['zakenak 1', 'helm4 2', 'zakenak 2']),
    go(t, pairs, ['zakenak 1', 'helm3 2', 'zakenak 2']),
  ]);
  const helms = [by4.after[1], by3.after[1]];
  assertSame(ours.after[0], by4.after[0], 'version 1');
  assertAsHelm(ours.after[1], helms, 'version 2');
  assertAsHelm(over4.after[1], helms, 'over Helm 4');
  assertAsHelm(over3.after[1], helms, 'over Helm 3');
  assertAsHelm(under4.after[2], [...helms, under4.after[1]], 'after Helm 4');
  assertAsHelm(under3.after[2], [...helms, under3.after[1]], 'after Helm 3');
  for (const program of [helm3, helm4])
    for (const revision of ['1', '2'])
      assert.deepEqual(
        await manifestOf(ours.set, program, revision),
        await manifestOf(by4.set, program, revision),
      );
  await Promise.all([
    assertSettled(ours.set, ours.after[0], 'ours'),
    assertSettled(over4.set, over4.after[0], 'over Helm 4'),
    assertSettled(over3.set, over3.after[0], 'over Helm 3'),
  ]);
  await ours.set.helm(helm4, 'rollback', 'web', '2');
  await over3.set.helm(helm3, 'rollback', 'web', '2');
  for (const { set, after } of [ours, over3]) {
    const second = [after[1], ...helms].map((objects) => withoutHooks(objects ?? new Map()));
    assertAsHelm(withoutHooks(await look(set)), second, 'helm rollback');
  }
});

test('what Helm 4 fails at is done, made anew where it cannot be changed in place, and comes back', async (t) => {
  await assert.rejects(
    go(t, hardPairs, ['helm4 1', 'helm4 2']),
    /immutable|may not change|forbidden|Forbidden/,
  );
  const [fresh, ours, over3] = await Promise.all([
    go(t, hardPairs, ['helm4 2']),
    go(t, hardPairs, ['zakenak 1', 'zakenak 2']),
    go(t, hardPairs, ['helm3 1', 'zakenak 2']),
  ]);
  for (const { set, after } of [ours, over3]) {
    assertSame(after[1], fresh.after[0], 'made anew');
    await assertSettled(set, after[0], 'made anew');
  }
});

test('the plan over Helm 3’s work shows what goes, also where nothing else changes', async (t) => {
  const config = (data: string) =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: ${data}\n`;
  const pairs = { settings: { before: config('{ a: "1", b: "2" }'), after: config('{ a: "1" }') } };
  const { set } = await go(t, pairs, ['helm3 1']);
  await set.setTemplates('2.0.0', { '0.yaml': pairs.settings.after });
  const { report } = await set.run(['plan']);
  const shown = report.sections.map(({ text }) => text).join('\n');
  assert.match(shown, /data\.b/);
  await deploy(set);
  const live = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'settings' });
  assert.deepEqual(live?.['data'], { a: '1' });
});

test('an object that moves to another release of the set stays the same one, deployed, put back and rolled back', async (t) => {
  for (const needs of ['{ name: a, chart: charts/a, needs: [b] }', '{ name: a, chart: charts/a }']) {
    const set = await makeHelmSet(t, sandbox);
    const other = needs.includes('needs') ? '' : ', needs: [a]';
    const holds = (chart: string, ...templates: readonly string[]) =>
      set.workspace.write({
        [`charts/${chart}/Chart.yaml`]: `apiVersion: v2\nname: ${chart}\nversion: 1.0.0\n`,
        [`charts/${chart}/templates/all.yaml`]: templates.join('\n---\n'),
      });
    const config = (name: string, text = '1') =>
      `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} }, data: { a: "${text}" } }`;
    const failing = `{ apiVersion: v1, kind: Pod, metadata: { name: failing, annotations: { zakenak.dev/simulate: crash-loop } }, spec: { containers: [{ name: a, image: "example/a:1" }] } }`;
    await set.workspace.write({
      'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy:
  namespace: ${set.name}
  releases: [${needs}, { name: b, chart: charts/b, timeout: 30s${other} }]
`,
    });
    const moving = async () => {
      const found = await kube.get({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        namespace: set.name,
        name: 'moving',
      });
      return [
        found?.metadata.uid,
        found?.metadata.annotations?.['meta.helm.sh/release-name'],
        found?.['data'],
      ];
    };
    await Promise.all([holds('a', config('a'), config('moving')), holds('b', config('b'))]);
    await deploy(set);
    const [uid, ...before] = await moving();
    assert.deepEqual(before, ['a', { a: '1' }]);
    await holds('a', config('a'));
    await holds('b', config('b'), config('moving', '2'), failing);
    assert.equal((await set.run(['deploy'])).report.verdict, 'rolled-back');
    assert.deepEqual(await moving(), [uid, ...before]);
    await holds('b', config('b'), config('moving', '2'));
    const { report } = await set.run(['plan']);
    assert.match(JSON.stringify(report.sections), /it moves here from the release a/);
    await deploy(set);
    assert.deepEqual(await moving(), [uid, 'b', { a: '2' }]);
    const written = await readWrites(sandbox, set.name);
    await deploy(set);
    assert.deepEqual(
      (await readWrites(sandbox, set.name))
        .slice(written.length)
        .filter(({ resource }) => resource !== 'leases'),
      [],
    );
    const back = await set.run(['rollback']);
    assert.equal(back.exitCode, 0, JSON.stringify([back.report.error, back.report.findings]));
    assert.deepEqual(await moving(), [uid, ...before]);
  }
});

test('both Helms tell of a release that was deployed here what they tell of one that Helm deployed', async (t) => {
  const pairs = {
    note: {
      before: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: note }\ndata: { a: "1" }\n',
      after: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: note }\ndata: { a: "2" }\n',
    },
  };
  const [ours, theirs] = await Promise.all([
    go(t, pairs, ['zakenak 1', 'zakenak 2']),
    go(t, pairs, ['helm4 1', 'helm4 2']),
  ]);
  const tell = async (set: HelmSet, program: string, args: readonly string[]): Promise<string> =>
    (await set.helm(program, ...args))
      .replaceAll(set.name, 'NS')
      .replace(/\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z| \+0000 UTC)/g, 'then')
      .replace(/LAST DEPLOYED: .*/g, 'then')
      // What nobody gave, and the lines between documents.
      .replace(/null\n/g, '{}\n')
      .replace(/\n+/g, '\n');
  for (const program of [helm3, helm4])
    for (const args of [
      ['list', '-o', 'json'],
      ['history', 'web', '-o', 'json'],
      ['get', 'all', 'web'],
      ['get', 'hooks', 'web'],
      ['get', 'values', 'web', '--all', '-o', 'json'],
    ])
      assert.equal(
        await tell(ours.set, program, args),
        await tell(theirs.set, program, args),
        args.join(' '),
      );
});
