import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type HelmSet, makeHelmSet, readObjects } from './beside-helm-fixture.ts';
import { makeFaultSet } from './deploy-faults-fixture.ts';
import { runKubectl } from './drift-fixture.ts';
import { dumpNamespace, readWrites } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [helm3 = '', helm4 = '', kubectl = ''],
} = await useCluster('helm3', 'helm', 'kubernetes');

/** An object in two versions of a chart, and what somebody does to it in between. */
interface Case {
  readonly before: object;
  readonly after: object;
  /** Arguments of kubectl; `FILE` is a file with `manifest`. */
  readonly hand: readonly string[];
  readonly manifest?: object;
}

const config = (name: string, data: object, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const workload = (name: string, spec: object, container: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    ...spec,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'web', image: 'example/web:1', ...container }] },
    },
  },
});
const none = { replicas: 0 };
const env = (value: string): object => ({ env: [{ name: 'A', value }] });
const patch = (ref: string, body: object): readonly string[] => ['patch', ref, '-p', JSON.stringify(body)];
const file = (name: string): object => config(name, { b: 'mine', mine: '1' });
const marked = { labels: { mark: 'x' }, annotations: { mark: 'x' } };

/** Every Helm ends with the same, or Helm 3 does and Helm 4 stops at a conflict, which `--force-conflicts` takes. */
const cases: readonly Case[] = [
  {
    before: workload('image', none),
    after: workload('image', none, { image: 'example/web:2' }),
    hand: ['set', 'image', 'deployment/image', 'web=example/web:9'],
  },
  {
    before: workload('scaled', none),
    after: workload('scaled', none),
    hand: ['scale', 'deployment/scaled', '--replicas=1'],
  },
  {
    before: workload('free-scaled', {}),
    after: workload('free-scaled', {}, { image: 'example/web:2' }),
    hand: ['scale', 'deployment/free-scaled', '--replicas=2'],
  },
  {
    before: config('labelled', { a: '1' }),
    after: config('labelled', { a: '2' }),
    hand: ['label', 'configmap/labelled', 'mine=1'],
  },
  {
    before: config('relabelled', { a: '1' }, marked),
    after: config('relabelled', { a: '1' }, marked),
    hand: ['label', 'configmap/relabelled', 'mark=mine', '--overwrite'],
  },
  {
    before: config('disowned', { a: '1' }, marked),
    after: config('disowned', { a: '2' }, marked),
    hand: ['annotate', 'configmap/disowned', 'mark-', 'meta.helm.sh/release-name-'],
  },
  {
    before: workload('env-added', none, env('a')),
    after: workload('env-added', none, env('b')),
    hand: ['set', 'env', 'deployment/env-added', 'MINE=1'],
  },
  {
    before: workload('restarted', none),
    after: workload('restarted', none, { image: 'example/web:2' }),
    hand: ['rollout', 'restart', 'deployment/restarted'],
  },
  {
    before: workload('sidecar', none),
    after: workload('sidecar', none, { image: 'example/web:2' }),
    hand: patch('deployment/sidecar', {
      spec: { template: { spec: { containers: [{ name: 'mine', image: 'example/mine:1' }] } } },
    }),
  },
  {
    before: config('applied', { a: '1', b: '1' }),
    after: config('applied', { a: '2', b: '1' }),
    hand: ['apply', '-f', 'FILE'],
    manifest: file('applied'),
  },
  {
    before: config('replaced', { a: '1', b: '1' }),
    after: config('replaced', { a: '2', b: '1' }),
    hand: ['replace', '-f', 'FILE'],
    manifest: file('replaced'),
  },
  {
    before: config('deleted', { a: '1' }),
    after: config('deleted', { a: '1' }),
    hand: ['delete', 'configmap/deleted'],
  },
];

/** What leaves the chart after somebody changed it: Helm 3 takes it away, Helm 4 leaves it there. */
const leaving: readonly Case[] = [
  {
    before: config('key', { a: '1', b: '1' }),
    after: config('key', { a: '1' }),
    hand: patch('configmap/key', { data: { b: 'mine', mine: '1' } }),
  },
  {
    before: config('server-side', { a: '1', b: '1' }),
    after: config('server-side', { a: '2' }),
    hand: ['apply', '--server-side', '--force-conflicts', '-f', 'FILE'],
    manifest: file('server-side'),
  },
  {
    before: config('marks', { a: '1' }, marked),
    after: config('marks', { a: '1' }),
    hand: ['label', 'configmap/marks', 'mark=mine', '--overwrite'],
  },
  {
    before: workload('args', none, { args: ['a'] }),
    after: workload('args', none),
    hand: patch('deployment/args', {
      spec: { template: { spec: { containers: [{ name: 'web', args: ['a', 'mine'] }] } } },
    }),
  },
  // The value that somebody wrote makes the new source impossible: Helm 4 fails.
  {
    before: workload('source', none, env('a')),
    after: workload('source', none, {
      env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
    }),
    hand: ['set', 'env', 'deployment/source', 'A=mine'],
  },
];

const write = (
  set: HelmSet,
  version: 1 | 2,
  all: readonly Case[],
  ...more: readonly object[]
): Promise<void> =>
  set.setTemplates(
    `${version}.0.0`,
    Object.fromEntries(
      [...all.map(({ before, after }) => (version === 1 ? before : after)), ...more].map((object, index) => [
        `${index}.yaml`,
        JSON.stringify(object),
      ]),
    ),
  );

async function change(set: HelmSet, all: readonly Case[]): Promise<void> {
  const at = join(set.workspace.root, 'by-hand.json');
  for (const { hand, manifest } of all) {
    if (manifest) await set.workspace.write({ 'by-hand.json': JSON.stringify(manifest) });
    runKubectl(
      sandbox,
      kubectl,
      set,
      hand.map((argument) => (argument === 'FILE' ? at : argument)),
    );
  }
}

const forced = (set: HelmSet): Promise<string> =>
  set.helm(helm4, 'upgrade', 'web', join(set.workspace.root, 'charts/web'), '--force-conflicts');

async function deploy(set: HelmSet): ReturnType<HelmSet['run']> {
  const run = await set.run(['deploy']);
  assert.equal(run.exitCode, 0, JSON.stringify([run.report.error, run.report.findings]));
  return run;
}

/** A set at the first version, by the program or by ourselves, changed by hand since. */
async function begin(t: TestContext, all: readonly Case[], program?: string): Promise<HelmSet> {
  const set = await makeHelmSet(t, sandbox);
  await write(set, 1, all);
  if (program) await set.helm(program);
  else await deploy(set);
  await change(set, all);
  return set;
}

/** Everything that is there, without the moment of a restart. */
const textsOf = async (set: HelmSet): Promise<Readonly<Record<string, unknown>>> =>
  JSON.parse(
    JSON.stringify(Object.fromEntries(await readObjects(kube, set.name))).replace(
      /("kubectl.kubernetes.io\/restartedAt":)"[^"]*"/g,
      '$1""',
    ),
  );

test('what somebody changed by hand ends as with both Helms: the chart’s fields are the chart’s, what was added stays and is told', async (t) => {
  const [by3, by4, ours, over3] = await Promise.all([
    begin(t, cases, helm3),
    begin(t, cases, helm4),
    begin(t, cases),
    begin(t, cases, helm3),
  ]);
  for (const set of [by3, by4, ours, over3]) await write(set, 2, cases);
  await assert.rejects(by4.helm(helm4), /conflict/);
  await Promise.all([by3.helm(helm3), forced(by4), deploy(over3)]);
  const { report } = await deploy(ours);
  const taken = report.findings.filter(({ ruleId }) => ruleId === 'rollout/takes-over-fields');
  assert.match(JSON.stringify(taken), /\.data\.b \(from kubectl-client-side-apply\)/);
  const [three, four, own, over] = await Promise.all([by3, by4, ours, over3].map(textsOf));
  assert.deepEqual(four, three, 'the Helms agree');
  assert.deepEqual(own, three);
  assert.deepEqual(over, three);
  const written = await readWrites(sandbox, ours.name);
  await deploy(ours);
  const later = (await readWrites(sandbox, ours.name)).slice(written.length);
  assert.deepEqual(
    later.filter(({ resource }) => resource !== 'leases'),
    [],
  );
  const drift = (await ours.run(['sync'])).report.outputs['drift'] as readonly {
    readonly object: { readonly name: string };
    readonly fields: readonly { readonly pointer: string }[];
  }[];
  const drifted = drift.flatMap(({ object, fields }) =>
    fields.map(({ pointer }) => `${object.name} ${pointer}`),
  );
  assert.deepEqual(drifted.sort(), [
    'applied /data/mine',
    'env-added /spec/template/spec/containers/web/env/MINE',
    'replaced /data/mine',
    'sidecar /spec/template/spec/containers/mine',
  ]);
});

test('what leaves the chart goes, as with Helm 3, also where somebody changed it since; it is shown before, and put back with the rest', async (t) => {
  const [by3, ours] = await Promise.all([begin(t, leaving, helm3), begin(t, leaving)]);
  const before = await dumpNamespace(kube, ours.name);
  const failing = workload('failing', { progressDeadlineSeconds: 2, replicas: 1 });
  const pod = (failing as { spec: { template: { metadata: Record<string, unknown> } } }).spec.template;
  pod.metadata['annotations'] = { 'zakenak.dev/simulate': 'never-ready' };
  await write(ours, 2, leaving, failing);
  assert.equal((await ours.run(['deploy'])).report.verdict, 'rolled-back');
  assert.equal(await dumpNamespace(kube, ours.name), before);
  await write(ours, 2, leaving, config('failing', {}));
  await write(by3, 2, leaving, config('failing', {}));
  const shown = (await ours.run(['plan'])).report.sections.map(({ text }) => text).join('\n');
  assert.match(shown, /- data\.b: mine/);
  await Promise.all([by3.helm(helm3), deploy(ours)]);
  assert.deepEqual(await textsOf(ours), await textsOf(by3));
  assert.equal((await deploy(ours)).report.outputs['has-changes'], false);
});

test('what leaves the chart stays where a rule leaves it to its writer, and replicas that somebody scaled stay too', async (t) => {
  const [key] = leaving;
  assert.ok(key);
  const scaled: Case = {
    before: workload('scaled', { replicas: 1 }),
    after: workload('scaled', {}),
    hand: ['scale', 'deployment/scaled', '--replicas=2'],
  };
  const set = await begin(t, [key, scaled]);
  await write(set, 2, [key, scaled]);
  const rules = `  conflicts: [{ managers: [kubectl-patch], decision: refuse }]\n`;
  const text = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  await set.workspace.write({ 'zakenak.yaml': `${text}${rules}` });
  await deploy(set);
  const objects = await textsOf(set);
  assert.match(JSON.stringify(objects['v1 ConfigMap NS/key']), /"b":"mine"/);
  assert.match(JSON.stringify(objects['apps/v1 Deployment NS/scaled']), /"replicas":2/);
});

test('what somebody set that cannot be there beside what is wanted goes, where the API server would refuse both', async (t) => {
  const side = { name: 'side', image: 'example/side:1' };
  const chart = (image: string, ...more: readonly object[]): string => {
    const source = { fieldRef: { fieldPath: 'metadata.name' } };
    const web = { name: 'web', image, env: [{ name: 'A', valueFrom: source }] };
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [web, ...more] } };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'web' } }, template };
    return JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec });
  };
  const set = await makeFaultSet(t, sandbox, chart('example/web:1', side));
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  runKubectl(sandbox, kubectl, set, ['set', 'env', 'deployment/web', 'A=hand', 'MINE=1']);
  const { report: drifted } = await set.run(['sync']);
  assert.match(JSON.stringify(drifted.outputs), /env\/A\/valueFrom/);
  assert.doesNotMatch(JSON.stringify(drifted.outputs), /"state":"unknown"/);
  await set.setManifest(chart('example/web:2'));
  const { exitCode, report } = await set.run(['deploy']);
  assert.equal(exitCode, 0, `${report.summary} ${report.findings.map(({ message }) => message).join()}`);
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: set.name, name: 'web' };
  const { spec } = (await kube.get(ref)) as unknown as {
    spec: { template: { spec: { containers: readonly { name: string; env: readonly object[] }[] } } };
  };
  assert.deepEqual(
    spec.template.spec.containers.map(({ name, env }) => [name, env]),
    [
      [
        'web',
        [
          { name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'MINE', value: '1' },
        ],
      ],
    ],
  );
});
