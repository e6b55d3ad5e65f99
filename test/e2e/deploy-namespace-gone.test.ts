import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Report } from '@zakenak/core';
import { startApiProxy } from './api-proxy.ts';
import { killAfterWrite } from './deploy-crash-fixture.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();

/** A set whose first release has a cluster-wide object and one in another namespace. */
async function makeWideSet(t: TestContext): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    'charts/app/templates/wide.yaml': `{{- if eq .Release.Name "base" }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${set.name} }
rules: [{ apiGroups: [""], resources: [configmaps], verbs: [{{ if eq .Values.text "first" }}get{{ else }}list{{ end }}] }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${set.name}, namespace: default }
data: { text: {{ .Values.text | quote }} }
{{- end }}
`,
  });
  return set;
}

/** What there is outside of the set's namespace. */
async function elsewhere({ name }: TestSet): Promise<unknown> {
  const role = await kube.get({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name });
  const config = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name });
  return [role?.['rules'], config?.['data']];
}

async function textOf({ name: namespace }: TestSet): Promise<unknown> {
  const found = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'api' });
  return (found?.['data'] as { readonly text?: string } | undefined)?.text;
}

const gone = ({ name }: TestSet): Promise<void> =>
  until(
    'the namespace is gone',
    async () => !(await kube.get({ apiVersion: 'v1', kind: 'Namespace', name })),
    30_000,
  );

const change = (set: TestSet): Promise<void> =>
  set.setValues({ base: { text: 'second' }, api: { text: 'second', readyAfter: '12s' } });

/** Somebody deletes the namespace while the second of three releases gets ready. */
async function deployIntoNothing(set: TestSet): Promise<Report> {
  await change(set);
  const ended = set.run(['deploy']);
  await until('it is under way', async () => (await textOf(set)) === 'second', 20_000);
  await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: set.name });
  const { report, exitCode } = await ended;
  assert.notEqual(exitCode, 0);
  return report;
}

test('a namespace that somebody deletes while it is first deployed into is what is told, and nothing of the set is left elsewhere', async (t) => {
  const set = await makeWideSet(t);
  const report = await deployIntoNothing(set);
  assert.equal(report.verdict, 'rolled-back', report.error?.message ?? report.summary);
  assert.ok(report.findings.some(({ ruleId }) => ruleId === 'rollout/namespace-ending'));
  assert.deepEqual(await elsewhere(set), [undefined, undefined]);
  await gone(set);
});

test('one that was there before does not come back, which is told, and what the set has elsewhere goes back', async (t) => {
  const set = await makeWideSet(t);
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  const before = await elsewhere(set);
  const report = await deployIntoNothing(set);
  assert.equal(report.verdict, 'failed', report.error?.message ?? report.summary);
  assert.ok(report.summary.includes(`went with the namespace ${set.name}`), report.summary);
  assert.ok(report.findings.some(({ ruleId }) => ruleId === 'rollout/namespace-ending'));
  assert.deepEqual(await elsewhere(set), before);
  await gone(set);
  await set.setValues({});
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated', 'a deploy makes it anew');
});

/** A deploy that was killed midway, after which somebody deleted its namespace; and what the set had elsewhere before it. */
async function killThenDelete(t: TestContext): Promise<{ readonly set: TestSet; readonly before: unknown }> {
  const set = await makeWideSet(t);
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  const before = await elsewhere(set);
  await change(set);
  await using proxy = await startApiProxy(sandbox);
  assert.ok(await killAfterWrite(set, proxy, 14));
  assert.notDeepEqual(await elsewhere(set), before, 'it was under way');
  await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: set.name });
  await gone(set);
  return { set, before };
}

test('a rollout that was interrupted, and whose namespace went then, is undone where something of it is left', async (t) => {
  const { set, before } = await killThenDelete(t);
  const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
  assert.deepEqual([exitCode, report.verdict], [1, 'failed'], report.error?.message);
  assert.match(report.summary, /is undone: base\. What was in it went with the namespace/);
  assert.deepEqual(await elsewhere(set), before);
});

test('a deploy that goes on after that, and fails, leaves nothing in the namespace that it made anew', async (t) => {
  const { set, before } = await killThenDelete(t);
  await set.setValues({ base: { text: 'second' }, web: { simulate: 'crash-loop' } });
  const { report } = await set.run(['deploy', '--lock-timeout', '1m']);
  assert.equal(report.verdict, 'rolled-back', report.error?.message ?? report.summary);
  assert.deepEqual(await elsewhere(set), before);
  await gone(set);
});

/** Its first release has a definition in crds/ and a resource of it. */
function withGadget(group: string): Readonly<Record<string, string>> {
  const schema =
    '{ openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { text: { type: string } } } } } }';
  return {
    'charts/app/crds/gadget.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: gadgets, singular: gadget, kind: Gadget }
  versions: [{ name: v1, served: true, storage: true, schema: ${schema} }]
`,
    'charts/app/templates/gadget.yaml': `{{- if eq .Release.Name "base" }}
apiVersion: ${group}/v1
kind: Gadget
metadata: { name: one }
spec: { text: {{ .Values.text | quote }} }
{{- end }}
`,
  };
}

test('a rollout that was interrupted, and one of whose definitions went then, is undone but for what went with it, and a deploy makes that anew', async (t) => {
  const set = await makeWideSet(t);
  const group = `${set.name}.example.com`;
  await set.workspace.write(withGadget(group));
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  const before = await elsewhere(set);
  await change(set);
  await using proxy = await startApiProxy(sandbox);
  assert.ok(await killAfterWrite(set, proxy, 14));
  assert.notDeepEqual(await elsewhere(set), before, 'it was under way');
  const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };
  await kube.delete({ ...definition, name: `gadgets.${group}` });
  const isServed = async (): Promise<boolean> => {
    kube.refreshDiscovery();
    return (await kube.resources()).some(({ apiVersion }) => apiVersion === `${group}/v1`);
  };
  await until('its kind is gone', async () => !(await isServed()), 30_000);
  const { report, exitCode } = await set.run(['rollback', '--lock-timeout', '1m']);
  assert.deepEqual([exitCode, report.verdict], [1, 'failed'], report.error?.message);
  assert.match(
    report.summary,
    /is undone: (api, )?base\. Gadget \S+\/one does not come back: somebody deleted/,
  );
  assert.deepEqual(await elsewhere(set), before);
  await set.setValues({});
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated', 'a deploy makes it anew');
  await until('it is served again', isServed, 30_000);
  const gadget = await kube.get({
    apiVersion: `${group}/v1`,
    kind: 'Gadget',
    namespace: set.name,
    name: 'one',
  });
  assert.deepEqual(gadget?.['spec'], { text: 'first' });
});
