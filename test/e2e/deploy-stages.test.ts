import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { makeTestSet, readWrites, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube, programs: helms } = await useCluster('helm3', 'helm');

async function makeOne(t: Parameters<typeof makeTestSet>[0], files: Readonly<Record<string, string>>) {
  const set = await makeTestSet(t, sandbox);
  const config = `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases:
    - { name: base, chart: charts/app, timeout: 40s }
`;
  await set.workspace.write({ 'zakenak.yaml': config, ...files });
  return set;
}

const webhook = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: {{ .Release.Namespace }} }
webhooks:
  - name: check.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    clientConfig: { service: { name: base, namespace: {{ .Release.Namespace }}, path: /check }, caBundle: "" }
    rules: [{ apiGroups: [example.com], apiVersions: [v1], resources: [widgets], operations: [CREATE] }]
`;

/** When the API server saw the webhook's configuration and the Deployment, and when the Deployment was ready. */
async function timesOf(set: TestSet) {
  const get = (apiVersion: string, kind: string, name: string, namespace?: string) =>
    kube.get({ apiVersion, kind, name, ...(namespace ? { namespace } : {}) });
  const configuration = await get(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    set.name,
  );
  const deployment = await get('apps/v1', 'Deployment', 'base', set.name);
  const status = (deployment?.status ?? {}) as { conditions?: readonly Record<string, string>[] };
  const conditions = status.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Available');
  return {
    made: Date.parse(String(configuration?.metadata['creationTimestamp'])),
    ready: Date.parse(ready?.['lastTransitionTime'] ?? ''),
  };
}

test('a webhook is registered when the workload that answers it is ready, not before', async (t) => {
  const set = await makeOne(t, { 'charts/app/templates/webhook.yaml': webhook });
  await set.setValues({ base: { readyAfter: '3s' } });
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'simulated', report.summary);
  const { made, ready } = await timesOf(set);
  assert.ok(made >= ready, `made ${made}, ready ${ready}`);
  await kube.delete({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    name: set.name,
  });
});

test('a webhook whose workload crashes is never registered', async (t) => {
  const set = await makeOne(t, { 'charts/app/templates/webhook.yaml': webhook });
  await set.setValues({ base: { simulate: 'crash-loop' } });
  const { report } = await set.run(['deploy']);
  assert.equal(report.verdict, 'rolled-back', report.summary);
  assert.match(report.findings[0]?.message ?? '', /^base: Deployment .*CrashLoopBackOff/);
  const log = await readFile(sandbox.auditLog, 'utf8');
  assert.ok(log.includes(`"${set.name}"`), 'the audit log tells of the set');
  const written = log
    .split('\n')
    .filter((line) => line.includes(`validatingwebhookconfigurations/${set.name}`))
    .filter((line) => /"verb":"(create|patch|update)"/.test(line) && !line.includes('dryRun='));
  assert.deepEqual(written, []);
});

const chartTest = `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations:
    helm.sh/hook: test
    zakenak.dev/simulate: {{ .Values.verdict | default "" | quote }}
spec: { restartPolicy: Never, containers: [{ name: test, image: "example/test:1" }] }
`;
const podsOf = async (set: TestSet) =>
  (await readWrites(sandbox, set.name)).filter(
    ({ resource, verb }) => resource === 'pods' && verb === 'create',
  );

test('a chart’s tests run when they are asked for, and one that fails puts the set back', async (t) => {
  const set = await makeOne(t, { 'charts/app/templates/test.yaml': chartTest });
  assert.equal((await set.run(['deploy'])).report.verdict, 'simulated');
  assert.deepEqual(await podsOf(set), [], 'nobody asked');
  await set.setValues({ base: { text: 'second' } });
  const plan = await set.run(['deploy', '--test', '--dry-run']);
  assert.match(plan.report.sections.at(-1)?.text ?? '', /hook test: Pod base-test/);
  assert.equal((await set.run(['deploy', '--test'])).report.verdict, 'simulated');
  assert.equal((await podsOf(set)).length, 1);
  await set.setValues({ base: { text: 'third', verdict: 'fail' } });
  const { report } = await set.run(['deploy', '--test']);
  assert.equal(report.verdict, 'rolled-back', report.summary);
  assert.match(report.findings[0]?.message ?? '', /^base: hook Pod \S+\/base-test: /);
  const map = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: set.name, name: 'base' });
  assert.deepEqual(map?.data, { text: 'second' });
});

test('both Helms test what we deployed', async (t) => {
  const set = await makeOne(t, { 'charts/app/templates/test.yaml': chartTest });
  await set.run(['deploy']);
  for (const helm of helms) {
    const args = ['--kubeconfig', sandbox.kubeconfig, '--namespace', set.name, 'test', 'base'];
    assert.match(execFileSync(helm, args, { encoding: 'utf8' }), /TEST SUITE: +base-test[\s\S]*Succeeded/);
  }
});
