import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '@zakenak/core';
import { startApiProxy } from './api-proxy.ts';
import { type FaultSet, makeFaultSet } from './deploy-faults-fixture.ts';
import {
  deploy,
  deployManifest,
  driftOf,
  fieldsOf,
  hpa,
  readLive,
  runKubectl,
  settings,
  web,
} from './drift-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [program = ''],
} = await useCluster('kubernetes');

const kubectl = (set: FaultSet, ...args: readonly string[]): string =>
  runKubectl(sandbox, program, set, args);
const deployed = (t: TestContext, manifest: string, drift = ''): Promise<FaultSet> =>
  deployManifest(t, sandbox, manifest, drift);
const liveOf = (set: FaultSet, kind: string, name: string): Promise<KubeObject> =>
  readLive(kube, set, kind, name);
const replicasOf = async (set: FaultSet): Promise<unknown> =>
  ((await liveOf(set, 'Deployment', 'web')).spec as { readonly replicas?: number }).replicas;

test('what people change is told: field, before, after, tool and time', async (t) => {
  const set = await deployed(t, `${web('replicas: 1')}${settings}`);
  kubectl(set, 'scale', 'deployment/web', '--replicas=2');
  kubectl(set, 'annotate', 'deployment/web', 'note=by-hand', '--overwrite');
  kubectl(set, 'patch', 'configmap', 'settings', '--type=json', '-p', '[{"op":"remove","path":"/data/b"}]');
  kubectl(set, 'patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"c":"3"}}');
  const { report } = await set.run(['status']);
  assert.deepEqual(fieldsOf(driftOf(report, 'Deployment'))?.sort(), [
    '/metadata/annotations/note kubectl-annotate',
    '/spec/replicas kubectl',
  ]);
  assert.deepEqual(fieldsOf(driftOf(report, 'ConfigMap')), [
    '/data/b kubectl-patch',
    '/data/c kubectl-patch',
  ]);
  const [finding] = report.findings.filter(({ ruleId }) => ruleId === 'rollout/drifted');
  assert.match(
    finding?.message ?? '',
    /kubectl-annotate changed metadata\.annotations\.note from deployed to by-hand/,
  );
  assert.match(finding?.message ?? '', /kubectl \(scale\) changed spec\.replicas from 1 to 2/);
  assert.match(finding?.message ?? '', /data\.b \(2\) was removed \(probably by kubectl-patch/);
  assert.match(finding?.message ?? '', /kubectl-patch added data\.c \(3\) (?:just now|\d+ seconds? ago)/);
});

test('what was added beside the chart, in a list or in a map that is owned whole, is drift; a restart and a controller’s field are not', async (t) => {
  const set = await deployed(t, web('replicas: 1'));
  kubectl(set, 'rollout', 'restart', 'deployment/web');
  await kube.apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: set.name, annotations: { 'operator.example.com/seen': 'yes' } },
    },
    { fieldManager: 'some-operator' },
  );
  const calm = driftOf((await set.run(['status'])).report, 'Deployment');
  assert.equal(calm?.state, 'in-sync');
  assert.match(calm?.ignored[0]?.rule ?? '', /restart/);
  kubectl(set, 'set', 'env', 'deployment/web', 'B=b');
  kubectl(
    set,
    'patch',
    'deployment',
    'web',
    '-p',
    '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}',
  );
  const drift = driftOf((await set.run(['status'])).report, 'Deployment');
  assert.equal(drift?.state, 'drifted');
  assert.deepEqual(fieldsOf(drift)?.sort(), [
    '/spec/template/spec/containers/web/env/B kubectl-set',
    '/spec/template/spec/nodeSelector/disk kubectl-patch',
  ]);
});

test('what is gone, and what was deleted and made again by hand, is drift', async (t) => {
  const set = await deployed(t, `${web('replicas: 1')}${settings}`);
  kubectl(set, 'delete', 'deployment', 'web', '--wait');
  const live = await liveOf(set, 'ConfigMap', 'settings');
  kubectl(set, 'delete', 'configmap', 'settings');
  const { labels = {}, annotations = {} } = live.metadata;
  await kube.create(
    { ...live, metadata: { name: 'settings', namespace: set.name, labels, annotations } },
    { fieldManager: 'kubectl-create' },
  );
  const { report } = await set.run(['status']);
  assert.deepEqual(
    [driftOf(report, 'Deployment')?.reason, driftOf(report, 'ConfigMap')?.reason],
    ['it is gone', 'it was replaced by another object'],
  );
});

test('a dry run that fails is unknown, never in sync', async (t) => {
  const set = await deployed(t, settings);
  kubectl(set, 'patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"a":"2"}}');
  await using proxy = await startApiProxy(sandbox);
  proxy.intercept(({ url = '' }) => (url.includes('dryRun=') ? { status: 500 } : undefined));
  const { report } = await set.run(['status', '--kubeconfig', proxy.kubeconfig]);
  assert.equal(driftOf(report, 'ConfigMap')?.state, 'unknown');
  assert.equal(report.findings[0]?.ruleId, 'rollout/unknown-drift');
});

test('an autoscaler and a deploy do not fight: replicas within its bounds stay, outside of them the chart’s count', async (t) => {
  const set = await deployed(t, `${web('replicas: 1')}${hpa(1, 6)}`);
  // The autoscaler itself has no metrics here: what it does is written the way it does it.
  await scaleAs(set, 'kube-controller-manager', 4);
  const { report } = await set.run(['status']);
  const drift = driftOf(report, 'Deployment');
  assert.equal(drift?.state, 'in-sync');
  assert.match(drift?.ignored[0]?.rule ?? '', /^steered by HorizontalPodAutoscaler .*\/web$/);
  assert.equal((await deploy(set)).outputs['has-changes'], false);
  await set.setManifest(`${web('replicas: 2', 'args: [changed]')}${hpa(1, 6)}`);
  const changed = await deploy(set);
  assert.equal(await replicasOf(set), 4);
  assert.match(changed.caveats.join('\n'), /spec\.replicas \(steered by HorizontalPodAutoscaler/);
  // A rollback goes back to the chart, not to a count of that time.
  await scaleAs(set, 'kube-controller-manager', 5);
  const back = await set.run(['rollback']);
  assert.equal(back.exitCode, 0, back.report.summary);
  assert.equal(await replicasOf(set), 5);
  kubectl(set, 'scale', 'deployment/web', '--replicas=9');
  assert.deepEqual(fieldsOf(driftOf((await set.run(['status'])).report, 'Deployment')), [
    '/spec/replicas kubectl',
  ]);
});

async function scaleAs(set: FaultSet, manager: string, replicas: number): Promise<void> {
  execFileSync(
    program,
    [
      'kubectl',
      '--kubeconfig',
      sandbox.kubeconfig,
      '--namespace',
      set.name,
      'patch',
      'deployment',
      'web',
      '--subresource=scale',
      '--type=merge',
      `--field-manager=${manager}`,
      '-p',
      JSON.stringify({ spec: { replicas } }),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

test('a deploy that fails leaves the autoscaler its count, that of meanwhile too', async (t) => {
  const set = await deployed(t, `${web('replicas: 1')}${hpa(1, 6)}`);
  await scaleAs(set, 'kube-controller-manager', 3);
  const text = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  await set.workspace.write({ 'zakenak.yaml': text.replace('timeout: 60s', 'timeout: 4s') });
  const stuck = 'labels: { app: web }, annotations: { zakenak.dev/simulate: never-ready }';
  await set.setManifest(
    `${web('replicas: 1').replace('metadata: { labels: { app: web }', `metadata: { ${stuck}`)}${hpa(1, 6)}`,
  );
  const running = set.run(['deploy']);
  const isApplied = async () =>
    JSON.stringify((await liveOf(set, 'Deployment', 'web')).spec).includes('never-ready');
  while (!(await isApplied())) await delay(50);
  await scaleAs(set, 'kube-controller-manager', 4);
  const { report } = await running;
  assert.equal(report.verdict, 'rolled-back', report.summary);
  assert.equal(await isApplied(), false);
  assert.equal(await replicasOf(set), 4);
  assert.equal(driftOf((await set.run(['status'])).report, 'Deployment')?.state, 'in-sync');
});

test('ignore rules hold for status, plan and deploy: the field stays as it is, and is shown with its rule', async (t) => {
  const rules = `drift:
  ignore:
    - { kind: ConfigMap, pointers: [/data/a], reason: tuned by hand }
    - { managers: [some-*] }
`;
  const set = await deployed(t, `${web('replicas: 1')}${settings}`, rules);
  kubectl(set, 'patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"a":"tuned"}}');
  await kube.apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: set.name, annotations: { note: 'operated' } },
    },
    { fieldManager: 'some-operator', force: true },
  );
  const { report } = await set.run(['status']);
  assert.deepEqual(
    driftOf(report, 'ConfigMap')?.ignored.map(({ pointer, rule }) => `${pointer} ${rule}`),
    ['/data/a drift.ignore: /data/a (tuned by hand)'],
  );
  assert.equal(driftOf(report, 'Deployment')?.state, 'in-sync');
  const section = report.sections.find(({ title }) => title.startsWith('Drift of'));
  assert.match(section?.text ?? '', /ignored: .*data\.a .*tuned by hand/);
  await set.setManifest(`${web('replicas: 1', 'args: [new]')}${settings.replace('b: "2"', 'b: "3"')}`);
  await deploy(set);
  assert.deepEqual((await liveOf(set, 'ConfigMap', 'settings')).data, { a: 'tuned', b: '3' });
  assert.equal((await liveOf(set, 'Deployment', 'web')).metadata.annotations?.note, 'operated');
  assert.equal((await deploy(set)).outputs['has-changes'], false);
});

test('a rule that names nothing, and a pointer that is none, are told with their line', async (t) => {
  const set = await makeFaultSet(t, sandbox, settings);
  const text = await readFile(join(set.workspace.root, 'zakenak.yaml'), 'utf8');
  for (const [rule, message] of [
    ['{ kind: Deployment }', /neither pointers nor managers/],
    ['{ pointers: [spec/replicas] }', /drift\.ignore\.0\.pointers/],
    ['{ pointer: [/spec] }', /did you mean 'pointers'/],
  ] as const) {
    await set.workspace.write({ 'zakenak.yaml': `${text}drift: { ignore: [${rule}] }\n` });
    const { report, exitCode } = await set.run(['status']);
    assert.equal(exitCode, 2);
    assert.match(report.findings.map(({ message }) => message).join('\n'), message);
  }
});
