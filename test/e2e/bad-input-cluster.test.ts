import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { auditOf, lines } from './audit-log.ts';
import { assertCoded, type Coded } from './cli-fixture.ts';
import { expiredCertificate, kubeconfigAs, serviceAccountToken } from './credential-fixture.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let other: Sandbox;
let kube: KubeApi;

before(async () => {
  [sandbox, other] = await Promise.all([startTestSandbox(), startTestSandbox()]);
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => Promise.all([sandbox?.stop(), other?.stop()]));

/** Everything below runs one test at a time: the audit log is the whole cluster's. */
describe('what a deploy refuses before it writes', { concurrency: false }, () => {
  /** Plans and deploys are refused alike, and the API server saw no write at all. */
  async function assertRefused(set: TestSet, wanted: Coded, args: readonly string[] = []): Promise<void> {
    const verbs = args.includes('--plan') ? ['deploy'] : ['plan', 'deploy'];
    for (const verb of verbs) {
      const { outcome, writes } = await auditOf(sandbox, () => set.run([verb, ...args]));
      assertCoded(outcome, wanted);
      assert.deepEqual(lines(writes), []);
    }
  }

  const config = async ({ workspace }: TestSet): Promise<string> =>
    readFile(join(workspace.root, 'zakenak.yaml'), 'utf8');

  async function deployed(t: TestContext): Promise<TestSet> {
    const set = await makeTestSet(t, sandbox);
    assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
    return set;
  }

  test('releases that need each other in a circle', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const text = (await config(set)).replace('name: base, chart: charts/app', '$&, needs: [web]');
    await set.workspace.write({ 'zakenak.yaml': text });
    await assertRefused(set, { code: 'config/invalid', exitCode: 2, message: /base.*api.*web|web.*base/s });
  });

  test('a release that is needed and not there', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const text = (await config(set)).replace('needs: [base]', 'needs: [bass]');
    await set.workspace.write({ 'zakenak.yaml': text });
    await assertRefused(set, { code: 'config/invalid', exitCode: 2, message: /bass/ });
  });

  test('an object that two releases of the set render', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const shared = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shared }\n';
    await set.workspace.write({ 'charts/app/templates/shared.yaml': shared });
    await assertRefused(set, {
      code: 'rollout/two-owners',
      exitCode: 2,
      message: /ConfigMap \S+\/shared .*: base, api\./,
    });
  });

  test('an object that one release renders twice', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const twice = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-twice" }\n';
    await set.workspace.write({ 'charts/app/templates/twice.yaml': `${twice}---\n${twice}` });
    const message = /ConfigMap \S+\/base-twice is rendered twice by the release 'base'\./;
    await assertRefused(set, { code: 'rollout/two-owners', exitCode: 2, message, remedy: /from the chart/ });
  });

  test('objects in which Helm and Zakenak keep what they know of the set', async (t) => {
    const set = await makeTestSet(t, sandbox);
    for (const [kind, name, group] of [
      ['Secret', 'sh.helm.release.v1.base.v1', 'v1'],
      ['Secret', `zakenak.journal.${set.name}`, 'v1'],
      ['ConfigMap', `zakenak.audit.${set.name}`, 'v1'],
      ['Lease', `zakenak.${set.name}`, 'coordination.k8s.io/v1'],
    ]) {
      const object = `apiVersion: ${group}\nkind: ${kind}\nmetadata: { name: "${name}", namespace: default }\n`;
      await set.workspace.write({ 'charts/app/templates/books.yaml': object });
      const message = new RegExp(`'\\w+' renders ${kind} default/${name}, in which`);
      await assertRefused(set, { code: 'rollout/own-books', exitCode: 2, message });
    }
    const hook = 'annotations: { helm.sh/hook: pre-install }';
    await set.workspace.write({
      'charts/app/templates/books.yaml': `apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: zakenak.${set.name}, ${hook} }\n`,
    });
    const message = new RegExp(`renders the hook Lease zakenak.${set.name}, in which`);
    await assertRefused(set, { code: 'rollout/own-books', exitCode: 2, message });
  });

  test('an object that a release of another set owns', async (t) => {
    const first = await deployed(t);
    const second = await makeTestSet(t, sandbox);
    await second.workspace.write({
      'charts/app/templates/config.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: base, namespace: ${first.name} }\n`,
      'zakenak.yaml': (await config(second)).replace(/ {4}- \{ name: (api|web).*\n/g, ''),
    });
    for (const verb of ['plan', 'deploy']) {
      const { outcome, writes } = await auditOf(sandbox, () => second.run([verb]));
      assert.equal(outcome.exitCode, 1);
      const [finding] = outcome.report.findings;
      assert.equal(finding?.ruleId, 'rollout/owned-elsewhere');
      assert.match(finding?.message ?? '', new RegExp(`ConfigMap ${first.name}/base: .*${first.name}/base`));
      assert.deepEqual(lines(writes), []);
    }
  });

  test('a chart that is made for a newer Kubernetes, also when it is deployed already', async (t) => {
    const set = await deployed(t);
    const chart = 'apiVersion: v2\nname: app\nversion: 1.2.4\nkubeVersion: ">=1.99.0-0"\n';
    await set.workspace.write({ 'charts/app/Chart.yaml': chart });
    await assertRefused(set, {
      code: 'rollout/incompatible-kubernetes',
      exitCode: 3,
      message: /the release '\w+' asks for Kubernetes >=1\.99\.0-0, and the cluster runs v1\.\d+\.\d+/,
    });
  });

  test('kinds that the cluster lacks, of objects and of hooks, all in one error', async (t) => {
    const set = await makeTestSet(t, sandbox);
    await set.workspace.write({
      'charts/app/templates/missing.yaml': [
        'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: "{{ .Release.Name }}" }',
        'apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\nmetadata: { name: "{{ .Release.Name }}" }',
        'apiVersion: example.com/v1\nkind: Gadget\nmetadata: { name: "{{ .Release.Name }}", annotations: { helm.sh/hook: post-install } }\n',
      ].join('\n---\n'),
    });
    await assertRefused(set, {
      code: 'rollout/unknown-kind',
      exitCode: 2,
      message:
        /no autoscaling\/v2beta2 HorizontalPodAutoscaler, but in autoscaling\/v2.*; no example\.com\/v1 Widget \(base: Widget base; .*web: Widget web\); no example\.com\/v1 Gadget \(base: /,
    });
  });

  test('a kind that a hook defines is none that the cluster lacks', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const [group, plural] = [`${set.name}.example.com`, 'widgets'];
    const names = `{ kind: Widget, plural: ${plural}, singular: widget }`;
    const schema = '{ openAPIV3Schema: { type: object } }';
    await set.workspace.write({
      'zakenak.yaml': (await config(set)).replace(/ {4}- \{ name: (api|web).*\n/g, ''),
      'charts/app/templates/widget.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.${group}, annotations: { helm.sh/hook: pre-install } }
spec:
  { group: ${group}, scope: Namespaced, names: ${names}, versions: [{ name: v1, served: true, storage: true, schema: ${schema} }] }
---
apiVersion: ${group}/v1
kind: Widget
metadata: { name: one }
`,
    });
    const { report } = await set.run(['plan']);
    assert.equal(report.verdict, 'passed', report.error?.message);
    assert.match(report.sections.at(-1)?.text ?? '', /Widget \S+\/one \(create/);
  });

  test('a namespace that is being deleted, of a release, of a single object, and of the set’s own state', async (t) => {
    const set = await deployed(t);
    const stuck = { apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'stuck' };
    const { apiVersion, kind, namespace, name } = stuck;
    await kube.create({ apiVersion, kind, metadata: { name, namespace, finalizers: ['example.com/wait'] } });
    await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    t.after(() => kube.patch(stuck, 'merge', { metadata: { finalizers: null } }));
    const wanted = {
      code: 'rollout/namespace-ending',
      exitCode: 4,
      message: new RegExp(`The namespace ${namespace} is being deleted`),
      remedy: new RegExp(`kubectl get namespace ${namespace}`),
    };
    await assertRefused(set, wanted);
    const { findings } = (await set.run(['status'])).report;
    assert.deepEqual([...new Set(findings.map(({ ruleId }) => ruleId))], ['rollout/namespace-ending']);
    assert.match(findings[0]?.message ?? '', new RegExp(`its namespace ${namespace} is being deleted`));
    const elsewhere = await makeTestSet(t, sandbox);
    await elsewhere.workspace.write({
      'charts/app/templates/shared.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-new", namespace: ${namespace} }\n`,
    });
    await assertRefused(elsewhere, wanted);
    const state = await makeTestSet(t, sandbox);
    const { outcome, writes } = await auditOf(sandbox, () =>
      state.run(['deploy', '--state-namespace', namespace]),
    );
    assertCoded(outcome, wanted);
    assert.deepEqual(
      writes.filter(({ status }) => status < 400),
      [],
    );
  });

  test('a client certificate that has run out', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const path = await kubeconfigAs(sandbox, 'old-certificate', await expiredCertificate(sandbox));
    await assertRefused(
      set,
      {
        code: 'kube/unauthorized',
        exitCode: 4,
        message: /'zakenak-sandbox' at https:.*: the client certificate expired \d{4}-\d\d-\d\dT/,
        remedy: /Renew/,
      },
      ['--kubeconfig', path],
    );
  });

  test('a token that has run out, and one that the cluster does not know', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const user = await serviceAccountToken(sandbox, { name: 'default' }, 60);
    const wanted = { code: 'kube/unauthorized', exitCode: 4, remedy: /Renew/ };
    const old = await kubeconfigAs(sandbox, 'old-token', user);
    await assertRefused(set, { ...wanted, message: /: the token expired \d{4}-\d\d-\d\dT/ }, [
      '--kubeconfig',
      old,
    ]);
    const unknown = await kubeconfigAs(sandbox, 'unknown-token', { token: 'none-of-this-cluster' });
    await assertRefused(set, { ...wanted, message: /: Unauthorized\./ }, ['--kubeconfig', unknown]);
  });

  test('credentials that have run out, for every verb that asks the cluster', async (t) => {
    const set = await deployed(t);
    const user = await serviceAccountToken(sandbox, { name: 'default' }, 60);
    const old = await kubeconfigAs(sandbox, 'old-for-all', user);
    for (const args of [
      ['rollback'],
      ['status'],
      ['history'],
      ['audit'],
      ['unlock', '--force'],
      ['sync', '--mode', 'correct'],
      ['sync', '--mode', 'hold'],
    ]) {
      const { outcome, writes } = await auditOf(sandbox, () => set.run([...args, '--kubeconfig', old]));
      const wanted = { code: 'kube/unauthorized', exitCode: 4, remedy: /Renew/ };
      assertCoded(outcome, { ...wanted, message: /: the token expired \d{4}-\d\d-\d\dT/ });
      assert.deepEqual(lines(writes), [], args.join(' '));
    }
  });

  test('a plan that was made for another cluster', async (t) => {
    const set = await makeTestSet(t, sandbox);
    const there = ['--kubeconfig', other.kubeconfig, '--plan-file', 'plan.json'];
    const { report } = await set.run(['plan', ...there]);
    assert.equal(report.verdict, 'passed', report.error?.message);
    const uid = async (api: KubeApi): Promise<string> =>
      (await api.get({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' }))?.metadata.uid ?? '?';
    const [made, found] = await Promise.all([
      connectKube({ env: {}, kubeconfig: other.kubeconfig }).then(uid),
      uid(kube),
    ]);
    await assertRefused(
      set,
      {
        code: 'rollout/other-cluster',
        exitCode: 5,
        message: new RegExp(`the cluster ${made}, .*'zakenak-sandbox' leads to the cluster ${found}`),
      },
      ['--plan', 'plan.json'],
    );
  });
});
