import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeTestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();

/** A set of one release of a chart with one template. */
async function makeOne(t: TestContext, template: string) {
  const set = await makeTestSet(t, sandbox);
  const config = `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox } } }
deploy: { namespace: ${set.name}, releases: [{ name: one, chart: charts/one }] }
`;
  await set.workspace.write({
    'zakenak.yaml': config,
    'charts/one/Chart.yaml': 'apiVersion: v2\nname: one\nversion: 1.0.0\n',
    'charts/one/templates/all.yaml': template,
  });
  return set;
}

test('what the API server warns of is told, by plan and deploy, each text once', async (t) => {
  const deployment = (name: string) => `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: web, image: "example/web:1" }] }
`;
  const set = await makeOne(t, deployment('b') + deployment('a'));
  const labels = { 'pod-security.kubernetes.io/warn': 'restricted' };
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: set.name, labels } });
  const warned = new RegExp(
    `^The API server warns of Deployment ${set.name}/a and 1 more: would violate PodSecurity "restricted:latest": .*container "web" must set`,
  );
  for (const verb of ['plan', 'deploy']) {
    const { report, stdout } = await set.run([verb]);
    const told = report.caveats.filter((text) => text.includes('PodSecurity'));
    assert.equal(told.length, 1, `${verb}: ${told.join('\n')}`);
    assert.match(told[0] ?? '', warned);
    assert.ok(stdout.includes('would violate PodSecurity'), stdout);
  }
  const { report } = await set.run(['deploy']);
  assert.deepEqual(
    report.caveats.filter((text) => text.includes('PodSecurity')),
    [],
    'nothing was written',
  );
});

test('a field that the kind does not have is refused at once, in an object and in a hook, as by Helm 4', async (t) => {
  const map = (name: string, more = '') => `---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, annotations: { ${more} } }
dat: { a: b }
`;
  for (const [template, message] of [
    [map('object'), /ConfigMap \S+\/object: .*\.dat: field not declared in schema/],
    [map('hook', 'helm.sh/hook: pre-install'), /hook ConfigMap \S+\/hook: .*unknown field "dat"/],
  ] as const) {
    const set = await makeOne(t, template);
    const { report, exitCode } = await set.run(['deploy']);
    assert.equal(report.verdict, 'rolled-back', report.summary);
    assert.equal(exitCode, 1);
    assert.match(report.findings[0]?.message ?? '', message);
    assert.notEqual(report.findings[0]?.remedy ?? '', '');
  }
});
