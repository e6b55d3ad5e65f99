import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { useCluster } from './sandbox-fixture.ts';

// One simulated node, which offers two GPUs.
const { sandbox } = await useCluster();

/** A set of one Deployment that takes both GPUs. */
async function makeGpuSet(t: TestContext, gpu = '{ count: 2 }'): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    'charts/gpu/Chart.yaml': 'apiVersion: v2\nname: gpu\nversion: 1.0.0\n',
    'charts/gpu/templates/all.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: model }
spec:
  {{- with .Values.strategy }}
  strategy: {{ toJson . }}
  {{- end }}
  selector: { matchLabels: { app: model } }
  template:
    metadata: { labels: { app: model }, annotations: { text: "{{ .Values.text }}" } }
    spec:
      containers: [{ name: model, image: "example/model:1", resources: { limits: { nvidia.com/gpu: 2 } } }]
`,
    'zakenak.yaml': `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases: [{ name: model, chart: charts/gpu, timeout: 4s, gpu: ${gpu} }]
`,
  });
  await write(set, { text: 'first' });
  return set;
}

const write = (set: TestSet, values: object) =>
  set.workspace.write({ 'values.yaml': JSON.stringify({ model: values }) });

const rulesOf = ({ report }: Awaited<ReturnType<TestSet['run']>>): readonly string[] =>
  report.findings.map(({ ruleId }) => ruleId);

test('GPUs that others hold are not free: who holds them is told, and the release begins when they are', async (t) => {
  const [holder, other] = [await makeGpuSet(t), await makeGpuSet(t, '{ count: 1 }')];
  assert.equal((await holder.run(['deploy'])).exitCode, 0);
  const late = await other.run(['deploy']);
  assert.equal(late.report.verdict, 'rolled-back', late.report.summary);
  assert.match(
    late.report.summary,
    new RegExp(
      `no node has 1 nvidia.com/gpu free: simulated-gpu-1 offers 2, ${holder.name}/model-\\S+ holds 2`,
    ),
  );
  const [deployed, removed] = await Promise.all([
    write(other, { text: 'second' }).then(() => other.run(['deploy', '--wait-timeout', '30s'])),
    holder.run(['rollback']),
  ]);
  assert.deepEqual([removed.exitCode, deployed.exitCode], [0, 0], deployed.report.summary);
  assert.equal(
    (await other.run(['deploy'])).report.outputs['has-changes'],
    false,
    'its own hold counts as its own',
  );
  await other.run(['rollback']);
});

test('a rolling update that waits for the GPU that its own old pod holds is told before anything is written', async (t) => {
  const set = await makeGpuSet(t);
  assert.equal((await set.run(['deploy'])).exitCode, 0);
  assert.deepEqual(rulesOf(await set.run(['plan'])), [], 'nothing is replaced');
  await write(set, { text: 'second' });
  const shown = await set.run(['plan']);
  assert.deepEqual(rulesOf(shown), ['rollout/gpu-deadlock']);
  assert.match(shown.report.findings[0]?.message ?? '', /needs 2 nvidia.com\/gpu.*\/model-\S+ holds 2/);
  assert.match(shown.report.findings[0]?.remedy ?? '', /type: Recreate/);
  const stuck = await set.run(['deploy']);
  assert.equal(stuck.report.verdict, 'rolled-back', 'it is as was told');
  for (const strategy of [
    { type: 'Recreate' },
    { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  ]) {
    await write(set, { text: strategy.type, strategy });
    const done = await set.run(['deploy', '--wait-timeout', '30s']);
    assert.deepEqual([done.exitCode, rulesOf(done)], [0, []], done.report.summary);
  }
  await set.run(['rollback']);
});
