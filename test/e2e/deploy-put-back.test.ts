import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { configOf, dumpNamespace, makeTestSet, type TestSet } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox({ admissionWebhooks: true });
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const admission = 'admissionregistration.k8s.io/v1';

/** What keeps every ConfigMap of the namespace from being written as soon as it is there. */
const lockouts: Readonly<Record<string, string>> = {
  'a webhook that nobody answers': `apiVersion: ${admission}
kind: ValidatingWebhookConfiguration
metadata: { name: {{ .Release.Namespace }} }
webhooks:
  - name: judge.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Release.Namespace }} } }
    clientConfig: { service: { name: nobody, namespace: {{ .Release.Namespace }} } }
    rules: [{ apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE, DELETE] }]
`,
  'a policy that refuses everything': `apiVersion: ${admission}
kind: ValidatingAdmissionPolicy
metadata: { name: {{ .Release.Namespace }} }
spec:
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Release.Namespace }} } }
    resourceRules: [{ apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE, DELETE] }]
  validations: [{ expression: "false" }]
---
apiVersion: ${admission}
kind: ValidatingAdmissionPolicyBinding
metadata: { name: {{ .Release.Namespace }} }
spec: { policyName: {{ .Release.Namespace }}, validationActions: [Deny] }
`,
};

/** Written by `web` alone, when everything before it has gone out. */
const onlyByWeb = (manifest: string) =>
  `{{- if and (eq .Release.Name "web") (eq .Values.text "second") }}\n${manifest}{{- end }}\n`;

for (const [what, manifest] of Object.entries(lockouts))
  test(`${what}, brought by the rollout itself, does not keep the set from going back`, async (t) => {
    const set = await makeTestSet(t, sandbox);
    await set.workspace.write({ 'charts/app/templates/lockout.yaml': onlyByWeb(manifest) });
    assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
    const found = await dumpNamespace(kube, set.name);
    const changed = { text: 'second' };
    await set.setValues({ base: changed, api: changed, web: { ...changed, simulate: 'never-ready' } });
    await set.workspace.write({ 'zakenak.yaml': quickly(set) });
    const { report } = await set.run(['deploy']);
    assert.equal(report.verdict, 'rolled-back', report.summary);
    assert.equal(await dumpNamespace(kube, set.name), found);
  });

function quickly({ name }: TestSet, namespace = name): string {
  return configOf(name.replace(/-test$/, ''), namespace, { base: '15s', api: '15s', web: '6s' });
}

const config = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace,
  name,
});

/** A set of one release that fails in a new namespace; `meanwhile` happens when it is under way there. */
async function failInNewNamespace(
  t: Parameters<typeof makeTestSet>[0],
  meanwhile: (namespace: string) => Promise<void>,
) {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ base: { simulate: 'never-ready' } });
  const one = quickly(set).replace(/ {4}- \{ name: (?:api|web).*\n/g, '');
  await set.workspace.write({ 'zakenak.yaml': one.replace('15s', '8s') });
  const ended = set.run(['deploy']);
  await until('it is under way', async () => Boolean(await kube.get(config(set.name, 'base'))), 20_000);
  await meanwhile(set.name);
  const { report } = await ended;
  assert.equal(report.verdict, 'rolled-back', report.summary);
  assert.equal(await kube.get(config(set.name, 'base')), undefined);
  return { name: set.name, report };
}

test('a namespace that the rollout made, and another set has deployed into since, stays with that one’s release', async (t) => {
  const other = await makeTestSet(t, sandbox);
  const { name, report } = await failInNewNamespace(t, async (namespace) => {
    const one = `    - { name: shared, chart: charts/app, timeout: 30s }\n`;
    const yaml = quickly(other, namespace).replace(/( {4}- .*\n)+/, one);
    await other.workspace.write({ 'zakenak.yaml': yaml });
    assert.equal((await other.run(['deploy'])).report.verdict, 'simulated');
  });
  const { report: later } = await other.run(['status']);
  assert.deepEqual(later.findings, []);
  assert.match(report.caveats.join('\n'), new RegExp(`Namespace ${name} stays: .*of others.*shared`));
});

async function leave(namespace: string, name: string, fieldManager: string): Promise<void> {
  const metadata = { namespace, name };
  await kube.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } }, { fieldManager });
}

test('what somebody made by hand in such a namespace stays', async (t) => {
  const { name, report } = await failInNewNamespace(t, (namespace) =>
    leave(namespace, 'notes', 'kubectl-create'),
  );
  assert.ok(await kube.get(config(name, 'notes')));
  assert.match(report.caveats.join('\n'), new RegExp(`Namespace ${name} stays: .*ConfigMap ${name}/notes`));
});

test('a namespace that nobody else uses goes again, with what controllers left in it', async (t) => {
  const { name, report } = await failInNewNamespace(t, (namespace) => leave(namespace, 'leader', 'manager'));
  assert.equal(await kube.get({ apiVersion: 'v1', kind: 'Namespace', name }), undefined);
  assert.doesNotMatch(report.caveats.join('\n'), /stays/);
});

test('a namespace of the chart that was still to be made when the deploy failed is not told as lost', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const extra = `${set.name}-extra`;
  await set.setValues({ base: { hook: 'fail' } });
  await set.workspace.write({
    'zakenak.yaml': quickly(set).replace(/ {4}- \{ name: (?:api|web).*\n/g, ''),
    'charts/app/templates/extra.yaml': `apiVersion: v1
kind: Namespace
metadata: { name: ${extra} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: inside, namespace: ${extra} }
`,
  });
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', report.summary);
  assert.doesNotMatch(JSON.stringify(report), /somebody deleted/);
});

test('what somebody made in the place of an object before the rollout came to it is not the rollout’s to delete', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: set.name } });
  await set.setValues({ base: { hook: 'never-complete' } });
  await set.workspace.write({
    'zakenak.yaml': quickly(set).replace(/ {4}- \{ name: (?:api|web).*\n/g, ''),
  });
  const hook = { apiVersion: 'batch/v1', kind: 'Job', namespace: set.name, name: 'base-hook' };
  /** A deploy whose hook, which runs before its objects are written, fails when somebody has made this one. */
  const failAfter = async (kind: string, ...args: readonly string[]) => {
    const former = (await kube.get(hook))?.metadata.uid;
    const ended = set.run(['deploy', ...args]);
    const isBegun = async () => ![undefined, former].includes((await kube.get(hook))?.metadata.uid);
    await until('the hook has begun', isBegun, 20_000);
    const metadata = { namespace: set.name, name: 'base' };
    const fieldManager = 'kubectl-create';
    await kube.create({ apiVersion: 'v1', kind, metadata, data: { mine: 'eA==' } }, { fieldManager });
    await kube.patch(hook, 'merge', { spec: { activeDeadlineSeconds: 1 } });
    return (await ended).report;
  };
  const dataOf = async (kind: string) =>
    (await kube.get({ ...config(set.name, 'base'), kind }))?.['data'] as unknown;

  const kept = await failAfter('Secret', '--on-failure', 'keep');
  assert.equal(kept.verdict, 'failed', kept.summary);
  const back = await set.run(['rollback']);
  assert.equal(back.exitCode, 0, back.report.summary);
  assert.deepEqual(await dataOf('Secret'), { mine: 'eA==' });

  const failed = await failAfter('ConfigMap');
  assert.equal(failed.verdict, 'rolled-back', failed.summary);
  assert.deepEqual(await dataOf('ConfigMap'), { mine: 'eA==' });
  assert.match(failed.caveats.join('\n'), new RegExp(`ConfigMap ${set.name}/base stays: somebody made it`));
});

test('a release that fails alone in a namespace that the set made takes no other release with it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.setValues({ web: { simulate: 'never-ready' } });
  const last = `    - { name: last, chart: charts/app, needs: [web] }\n`;
  await set.workspace.write({ 'zakenak.yaml': `${quickly(set)}${last}` });
  const { report } = await set.run(['deploy', '--on-failure', 'release']);
  assert.equal(report.verdict, 'failed', report.summary);
  assert.deepEqual(report.outputs.revisions, { base: 1, api: 1, web: 0, last: 0 });
  assert.equal(await kube.get(config(set.name, 'web')), undefined);
  const standing = (await set.run(['status'])).report.findings.map(({ message }) => message);
  assert.deepEqual(standing, ['last: it is not deployed.', 'web: it is not deployed.']);
  const [told] = (await set.run(['audit'])).report.outputs.entries as readonly {
    readonly releases: readonly object[];
  }[];
  const to = (told?.releases ?? []) as readonly { readonly name: string; readonly to: number }[];
  assert.deepEqual(Object.fromEntries(to.map((one) => [one.name, one.to])), report.outputs.revisions);
});

test('a namespace whose removal is refused stays, and the set is put back all the same', async (t) => {
  const { name, report } = await failInNewNamespace(t, async (namespace) => {
    const metadata = { name: namespace };
    const resource = {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['DELETE'],
      resources: ['namespaces'],
    };
    const matchConstraints = { resourceRules: [{ ...resource, resourceNames: [namespace] }] };
    const validations = [{ expression: 'false', message: 'namespaces stay' }];
    const spec = { matchConstraints, validations };
    await kube.create({ apiVersion: admission, kind: 'ValidatingAdmissionPolicy', metadata, spec });
    const binding = { policyName: namespace, validationActions: ['Deny'] };
    await kube.create({
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: binding,
    });
  });
  assert.ok(await kube.get({ apiVersion: 'v1', kind: 'Namespace', name }));
  assert.match(report.caveats.join('\n'), new RegExp(`Namespace ${name}.* stays: .*namespaces stay`));
});

test('a definition that the rollout brought, and of whose kind somebody has made an object since, stays with it', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const group = `${set.name}.example.com`;
  const crd = (plural: string, kind: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.${group} }
spec:
  group: ${group}
  names: { kind: ${kind}, plural: ${plural} }
  scope: Namespaced
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
`;
  const definitions = `${crd('widgets', 'Widget')}---\n${crd('gadgets', 'Gadget')}`;
  const own = `apiVersion: ${group}/v1\nkind: Gadget\nmetadata: { name: own }\n`;
  await set.run(['deploy']);
  const only = (manifest: string) => `{{- if eq .Values.text "second" }}\n${manifest}{{- end }}\n`;
  await set.workspace.write({
    'zakenak.yaml': quickly(set),
    'charts/app/templates/kinds.yaml': only(
      `{{- if eq .Release.Name "web" }}\n${definitions}---\n${own}{{- end }}\n`,
    ),
  });
  await set.setValues({ web: { text: 'second', simulate: 'never-ready' } });
  const ended = set.run(['deploy']);
  const other = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
  const metadata = { name: 'theirs', namespace: 'default' };
  const make = async (): Promise<boolean> => {
    other.refreshDiscovery();
    const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata, spec: { a: 'b' } };
    return other.create(widget, { fieldManager: 'kubectl-create' }).then(
      () => true,
      () => false,
    );
  };
  await until('somebody has made one', make, 20_000);
  const { report } = await ended;
  assert.equal(report.verdict, 'rolled-back', report.summary);
  const get = (name: string) =>
    kube.get({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name });
  assert.ok(await other.get({ apiVersion: `${group}/v1`, kind: 'Widget', ...metadata }));
  assert.ok(await get(`widgets.${group}`));
  assert.equal(await get(`gadgets.${group}`), undefined);
  assert.match(
    report.caveats.join('\n'),
    /CustomResourceDefinition widgets\S+ stays: .*Widget default\/theirs/,
  );
});

test('a definition that converts by a webhook that nobody answers, since this rollout, converts as before and the set goes back', async (t) => {
  const set = await makeTestSet(t, sandbox);
  const group = `${set.name}.example.com`;
  const schema = '{ openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }';
  const version = (name: string, isStored: boolean) =>
    `{ name: ${name}, served: true, storage: ${isStored}, schema: ${schema} }`;
  const crd = (isSecond: boolean) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.${group} }
spec:
  group: ${group}
  names: { kind: Thing, plural: things }
  scope: Namespaced
  versions: [${version('v1beta1', !isSecond)}, ${version('v1', isSecond)}]
${isSecond ? `  conversion: { strategy: Webhook, webhook: { conversionReviewVersions: [v1], clientConfig: { service: { name: nobody, namespace: ${set.name} } } } }\n` : ''}`;
  const thing = (name: string) =>
    `apiVersion: ${group}/${name}\nkind: Thing\nmetadata: { name: own }\nspec: { text: {{ .Values.text | quote }} }\n`;
  const write = (isSecond: boolean) =>
    set.workspace.write({
      'charts/app/templates/kinds.yaml': `{{- if eq .Release.Name "base" }}\n${crd(isSecond)}{{- end }}\n{{- if eq .Release.Name "api" }}\n${thing(isSecond ? 'v1' : 'v1beta1')}{{- end }}\n`,
    });
  await write(false);
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  const before = await dumpNamespace(kube, set.name);
  await write(true);
  await set.setValues({ base: { text: 'second' }, api: { text: 'second' } });
  const { report, exitCode } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', report.summary);
  assert.equal(exitCode, 1);
  assert.match(report.findings[0]?.message ?? '', /^api: Thing \S+\/own: conversion webhook .* failed/);
  assert.equal(await dumpNamespace(kube, set.name), before);
  const made = await kube.get({
    apiVersion: `${group}/v1beta1`,
    kind: 'Thing',
    namespace: set.name,
    name: 'own',
  });
  assert.deepEqual(made?.spec, { text: 'first' });
});
