import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { startApiProxy } from './api-proxy.ts';
import type { FaultSet } from './deploy-faults-fixture.ts';
import { deploy, deployManifest, driftOf, readLive, runKubectl, settings, web } from './drift-fixture.ts';
import { readWrites } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const {
  sandbox,
  kube,
  programs: [program = ''],
} = await useCluster('kubernetes');

const kubectl = (set: FaultSet, ...args: readonly string[]): string =>
  runKubectl(sandbox, program, set, args);
const deployed = (t: TestContext, manifest: string): Promise<FaultSet> =>
  deployManifest(t, sandbox, manifest);
const liveOf = (set: FaultSet, kind: string, name: string): Promise<KubeObject> =>
  readLive(kube, set, kind, name);
const dataOf = async (set: FaultSet): Promise<unknown> => (await liveOf(set, 'ConfigMap', 'settings')).data;
const change = (set: FaultSet, data: object): string =>
  kubectl(set, 'patch', 'configmap', 'settings', '--type=merge', '-p', JSON.stringify({ data }));

test('report tells what drifted and fails; it writes nothing', async (t) => {
  const set = await deployed(t, settings);
  const calm = await set.run(['sync']);
  assert.equal(calm.exitCode, 0, calm.report.summary);
  assert.match(calm.report.summary, /^All 1 objects of .* are as they were deployed/);
  change(set, { a: 'by hand' });
  const before = await readWrites(sandbox, set.name);
  const { report, exitCode } = await set.run(['sync']);
  assert.equal(exitCode, 1);
  assert.match(report.findings[0]?.message ?? '', /kubectl-patch changed data\.a from 1 to by hand/);
  assert.deepEqual(await readWrites(sandbox, set.name), before);
});

test('correct puts back what was changed, removed, added, deleted and replaced, without a new revision', async (t) => {
  const more = settings.replace('name: settings', 'name: other').replace('a: "1"', 'a: "o"');
  const gone = settings.replace('name: settings', 'name: gone');
  const set = await deployed(t, `${web('replicas: 1')}${settings}${more}${gone}`);
  change(set, { a: 'by hand', b: null, c: 'added' });
  kubectl(set, 'set', 'env', 'deployment/web', 'B=b', 'C=c');
  kubectl(set, 'scale', 'deployment/web', '--replicas=3');
  kubectl(set, 'delete', 'configmap', 'gone');
  const other = await liveOf(set, 'ConfigMap', 'other');
  kubectl(set, 'delete', 'configmap', 'other');
  const { labels = {}, annotations = {} } = other.metadata;
  await kube.create(
    { ...other, metadata: { name: 'other', namespace: set.name, labels, annotations } },
    { fieldManager: 'kubectl-create' },
  );
  const { report, exitCode } = await set.run(['sync', '--mode', 'correct']);
  assert.equal(exitCode, 0, JSON.stringify([report.error, report.findings]));
  assert.match(report.summary, /^4 objects were put back, and everything is ready/);
  assert.deepEqual(await dataOf(set), { a: '1', b: '2' });
  const live = (await liveOf(set, 'Deployment', 'web')).spec as {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly env: object }[] } };
  };
  assert.equal(live.replicas, 1);
  assert.deepEqual(live.template.spec.containers[0]?.env, [{ name: 'A', value: 'a' }]);
  assert.ok(await liveOf(set, 'ConfigMap', 'gone'));
  const again = await set.run(['sync', '--mode', 'correct']);
  assert.deepEqual([again.exitCode, again.report.outputs.drift], [0, []]);
  const releases = (await set.run(['status'])).report.outputs.releases as readonly {
    readonly revision: number;
  }[];
  assert.equal(releases[0]?.revision, 1);
  assert.equal((await deploy(set)).outputs['has-changes'], false);
});

/** A definition, one object of it, and a Service. */
const gear = (group: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gears.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { kind: Gear, plural: gears, singular: gear, listKind: GearList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                mode: { type: string }
                words: { type: object, additionalProperties: { type: string } }
                set: { type: array, items: { type: string }, x-kubernetes-list-type: set }
---
apiVersion: ${group}/v1
kind: Gear
metadata: { name: one }
spec: { mode: a }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
`;

test('what people put where nothing was goes without a rest, and defaults that their tools wrote down are no drift', async (t) => {
  const group = `gears-${process.pid}.example.com`;
  const set = await deployed(t, gear(group));
  const added = JSON.stringify({ spec: { words: { hand: 'x' }, set: ['hand'] } });
  kubectl(set, 'patch', `gears.${group}`, 'one', '--type=merge', '-p', added);
  const { managedFields: _, ...metadata } = (await liveOf(set, 'Service', 'web')).metadata;
  const service = { ...(await liveOf(set, 'Service', 'web')), metadata };
  await kube.apply(service, { fieldManager: 'kubectl', force: true });
  const { report } = await set.run(['sync']);
  assert.match(report.summary, /^1 of \d+ objects of .* drifted/, report.summary);
  const corrected = await set.run(['sync', '--mode', 'correct']);
  assert.equal(corrected.exitCode, 0, JSON.stringify(corrected.report.findings));
  const ref = { apiVersion: `${group}/v1`, kind: 'Gear', namespace: set.name, name: 'one' };
  assert.deepEqual((await kube.get(ref))?.spec, { mode: 'a' });
  assert.equal((await set.run(['sync'])).exitCode, 0);
});

test('a correction that does not become ready goes back to what was found', async (t) => {
  const broken = web('replicas: 1').replace(
    'labels: { app: web } }\n    spec',
    'labels: { app: web }, annotations: { zakenak.dev/simulate: "" } }\n    spec',
  );
  const set = await deployed(t, `${broken}${settings}`);
  // What was deployed has stopped working since: an image that is gone from its registry, say.
  kubectl(
    set,
    'patch',
    'deployment',
    'web',
    '-p',
    '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"example/hotfix:1"}]}}}}',
  );
  kubectl(set, 'rollout', 'status', 'deployment/web', '--timeout=30s');
  change(set, { a: 'by hand' });
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'none', namespace: set.name },
    spec: { hard: { pods: '0' } },
  };
  await kube.create(quota);
  const { report, exitCode } = await set.run(['sync', '--mode', 'correct', '--wait-timeout', '3s']);
  assert.equal(exitCode, 1);
  assert.equal(report.verdict, 'rolled-back', JSON.stringify([report.error, report.findings]));
  assert.deepEqual(await dataOf(set), { a: 'by hand', b: '2' });
  assert.match(JSON.stringify((await liveOf(set, 'Deployment', 'web')).spec), /example\/hotfix:1/);
  await kube.delete({ ...quota, ...quota.metadata });
  kubectl(set, 'rollout', 'status', 'deployment/web', '--timeout=30s');
  const better = await set.run(['sync', '--mode', 'correct']);
  assert.equal(better.exitCode, 0, JSON.stringify(better.report.findings));
  assert.doesNotMatch(JSON.stringify((await liveOf(set, 'Deployment', 'web')).spec), /hotfix/);
});

test('a field that a controller took is told and not fought for; everything else is put back', async (t) => {
  const set = await deployed(t, `${web('replicas: 1')}${settings}`);
  await kube.apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: set.name },
      spec: { replicas: 2 },
    },
    { fieldManager: 'some-operator', force: true },
  );
  change(set, { a: 'by hand' });
  const { report, exitCode } = await set.run(['sync', '--mode', 'correct']);
  assert.equal(exitCode, 1);
  assert.deepEqual(
    report.findings.filter(({ severity }) => severity === 'high').map(({ ruleId }) => ruleId),
    ['rollout/not-correctable'],
  );
  assert.match(
    report.findings.map(({ message }) => message).join(),
    /\.spec\.replicas is owned by some-operator/,
  );
  assert.deepEqual(await dataOf(set), { a: '1', b: '2' });
});

test('hold keeps what drifted over deploys and corrections until it is released', async (t) => {
  const set = await deployed(t, `${settings}${settings.replace('name: settings', 'name: gone')}`);
  change(set, { a: 'hotfix' });
  kubectl(set, 'delete', 'configmap', 'gone');
  const held = await set.run(['sync', '--mode', 'hold']);
  assert.equal(held.exitCode, 0, JSON.stringify([held.report.error, held.report.findings]));
  const { report } = await set.run(['status']);
  assert.equal(report.findings.length, 0, JSON.stringify(report.findings));
  assert.match(driftOf(report, 'ConfigMap')?.ignored[0]?.rule ?? '', /^held: .*since 20/);
  const [namespace, name] = ['default', `zakenak.held.${set.name}`];
  const rules = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name };
  const data = (await kube.get(rules))?.data;
  await kube.patch(rules, 'merge', { data: { rules: 'nonsense' } });
  const damaged = (await set.run(['status'])).report;
  assert.deepEqual(
    damaged.findings.map(({ ruleId }) => ruleId).sort(),
    ['rollout/damaged-state', 'rollout/drifted'],
    damaged.error?.message,
  );
  await kube.patch(rules, 'merge', { data });
  await set.setManifest(
    `${settings.replace('b: "2"', 'b: "3"')}${settings.replace('name: settings', 'name: gone')}`,
  );
  const changed = await deploy(set);
  assert.match(changed.caveats.join('\n'), /data\.a \(held: /);
  assert.deepEqual(await dataOf(set), { a: 'hotfix', b: '3' });
  change(set, { b: 'drift' });
  assert.equal((await set.run(['sync', '--mode', 'correct'])).exitCode, 0);
  assert.deepEqual(await dataOf(set), { a: 'hotfix', b: '3' });
  assert.equal(
    await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'gone' }),
    undefined,
  );
  const released = await set.run(['sync', '--mode', 'correct', '--unhold']);
  assert.equal(released.exitCode, 0, JSON.stringify(released.report.findings));
  assert.deepEqual(await dataOf(set), { a: '1', b: '3' });
  assert.ok(await liveOf(set, 'ConfigMap', 'gone'));
  change(set, { a: 'hotfix' });
  const elsewhere = await set.run(['sync', '--mode', 'hold', '--state-namespace', `${set.name}-books`]);
  assert.equal(elsewhere.exitCode, 0, JSON.stringify(elsewhere.report.error));
  kubectl(set, 'get', 'configmap', '--namespace', `${set.name}-books`, `zakenak.held.${set.name}`);
});

test('no correction while a deploy is unfinished', async (t) => {
  const set = await deployed(t, settings);
  await set.setManifest(settings.replace('b: "2"', 'b: "3"'));
  await using proxy = await startApiProxy(sandbox);
  const killed = await set.run(['deploy', '--kubeconfig', proxy.kubeconfig], {
    // The journal and its head are written by then, and Helm's record.
    onStart: (child) => proxy.afterWrite(3, () => child.kill('SIGKILL')),
  });
  assert.equal(killed.signal, 'SIGKILL');
  change(set, { a: 'by hand' });
  const { report, exitCode } = await set.run(['sync', '--mode', 'correct', '--lock-timeout', '30s']);
  assert.equal(report.error?.code, 'rollout/unfinished', report.summary);
  assert.equal(exitCode, 5);
  await deploy(set);
  assert.deepEqual(await dataOf(set), { a: '1', b: '3' });
});
