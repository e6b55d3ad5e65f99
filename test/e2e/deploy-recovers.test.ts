import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { deployment, type FaultSet, makeFaultSet } from './deploy-faults-fixture.ts';
import { makeTestSet, readWrites } from './rollout-fixture.ts';
import { until } from './sandbox-cli.ts';
import { useCluster } from './sandbox-fixture.ts';

const { sandbox, kube } = await useCluster();

const pods = async ({ name }: FaultSet) =>
  (await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: name })).items;
const behaviours = async (set: FaultSet) =>
  (await pods(set)).map(({ metadata }) => metadata.annotations?.['zakenak.dev/simulate']);
const statefulSet = (simulate: string, spec = '') =>
  deployment({ simulate })
    .replace('Deployment', 'StatefulSet')
    .replace('spec:\n', `spec:\n  serviceName: web\n  ${spec}\n`);
const job = (image: string) => `apiVersion: batch/v1
kind: Job
metadata: { name: migrate }
spec:
  ttlSecondsAfterFinished: 0
  template: { spec: { restartPolicy: Never, containers: [{ name: migrate, image: "example/migrate:${image}" }] } }
`;

const keep = ['deploy', '--on-failure', 'keep'] as const;
const deployed = async (
  t: TestContext,
  manifest: string,
  timeout = '60s',
  args: readonly string[] = keep,
) => {
  const set = await makeFaultSet(t, sandbox, manifest, timeout);
  return { set, first: await set.run(args) };
};

describe('what failed before gets another chance', { concurrency: 4 }, () => {
  for (const broken of ['crash-loop', 'never-ready'])
    test(`a StatefulSet whose new pods are ${broken} comes back with the set`, async (t) => {
      const { set, first } = await deployed(t, statefulSet(''), '8s');
      assert.equal(first.exitCode, 0, first.report.summary);
      await set.setManifest(statefulSet(broken));
      const { report } = await set.run(['deploy']);
      assert.equal(report.verdict, 'rolled-back', report.summary);
      assert.deepEqual(await behaviours(set), ['']);
      assert.match(report.caveats.join('\n'), /Pod \S+\/web-0 was deleted to make room/);
    });

  test('a StatefulSet whose new pod never gets ready comes back by hand', async (t) => {
    const { set } = await deployed(t, statefulSet(''), '5s');
    await set.setManifest(statefulSet('never-ready'));
    assert.equal((await set.run(keep)).exitCode, 1);
    const { exitCode, report } = await set.run(['rollback']);
    assert.equal(exitCode, 0, report.summary);
    assert.deepEqual(await behaviours(set), ['']);
  });

  test('a StatefulSet whose pod crashes is mended by the next deploy', async (t) => {
    const { set, first } = await deployed(t, statefulSet('crash-loop'));
    assert.equal(first.exitCode, 1, first.report.summary);
    await set.setManifest(statefulSet(''));
    const { exitCode, report } = await set.run(keep);
    assert.equal(exitCode, 0, report.summary);
    assert.deepEqual(await behaviours(set), ['']);
  });

  test('a pod of a former template that only is not ready is left to people, who are told what to do', async (t) => {
    const { set } = await deployed(t, statefulSet('never-ready'), '4s');
    await set.setManifest(statefulSet(''));
    const { exitCode, report } = await set.run(keep);
    assert.equal(exitCode, 1, report.summary);
    assert.match(
      report.summary,
      /pod web-0 of a former template: .*kubectl delete pod --namespace \S+ web-0/,
    );
  });

  test('pods of a StatefulSet that is updated on delete are waited for', async (t) => {
    const { first } = await deployed(t, statefulSet('crash-loop', 'updateStrategy: { type: OnDelete }'));
    assert.equal(first.exitCode, 1, first.report.summary);
    assert.match(first.report.summary, /StatefulSet \S+\/web: pod web-0: container web: CrashLoopBackOff/);
  });

  test('a ReplicaSet whose pods get another label is ready with those that it has, and tells it', async (t) => {
    const set = (labels: string) =>
      deployment({})
        .replace('Deployment', 'ReplicaSet')
        .replace('metadata: { labels: { app: web }', `metadata: { labels: { app: web${labels} }`);
    const { set: made, first } = await deployed(t, set(''), '8s');
    assert.equal(first.exitCode, 0, first.report.summary);
    await made.setManifest(set(', tier: front'));
    const { exitCode, report } = await made.run(keep);
    assert.equal(exitCode, 0, report.summary);
    assert.match(report.caveats.join('\n'), /ReplicaSet \S+\/web: 1 of its pods lack the labels/);
  });

  test('a deadline that the former template missed is not the new one’s, whatever is scaled with it', async (t) => {
    const late = deployment({ simulate: 'never-ready' }).replace(
      'spec:\n',
      'spec:\n  progressDeadlineSeconds: 3\n',
    );
    const { set, first } = await deployed(t, late);
    assert.match(first.report.summary, /timed out progressing: pod/);
    await set.setManifest(deployment({}).replace('spec:\n', 'spec:\n  replicas: 2\n'));
    const { exitCode, report } = await set.run(keep);
    assert.equal(exitCode, 0, report.summary);
  });

  test('a pod that was evicted is not the fault of the deploy that comes after', async (t) => {
    const { set } = await deployed(t, deployment({}));
    const [pod] = await pods(set);
    assert.ok(pod);
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    await kube.patch(
      { apiVersion: 'v1', kind: 'Pod', namespace: set.name, name: pod.metadata.name },
      'merge',
      { status },
      { subresource: 'status' },
    );
    await until('another pod', async () => (await pods(set)).length === 2);
    await set.setManifest(deployment({}).replace('spec:\n', 'spec:\n  replicas: 2\n  minReadySeconds: 2\n'));
    const { exitCode, report } = await set.run(keep);
    assert.equal(exitCode, 0, report.summary);
  });

  test('a Job that removed itself when it had ended is neither drift nor run again, but with another image it is', async (t) => {
    const { set, first } = await deployed(t, job('1'));
    assert.equal(first.exitCode, 0, first.report.summary);
    const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace: set.name, name: 'migrate' };
    await until('the end of the Job', async () => (await kube.get(ref)) === undefined);
    const runs = async () =>
      (await readWrites(sandbox, set.name)).filter(
        ({ resource, verb }) => resource === 'jobs' && verb !== 'get',
      ).length;
    const before = await runs();
    assert.ok(before > 0);
    assert.equal((await set.run(keep)).report.outputs['has-changes'] ?? false, false);
    const status = await set.run(['status']);
    assert.deepEqual(status.report.findings, []);
    assert.equal((await set.run(['sync', '--mode', 'correct'])).exitCode, 0);
    await delay(500);
    assert.equal(await runs(), before);
    await set.setManifest(job('2'));
    assert.equal((await set.run(keep)).exitCode, 0);
    await delay(500);
    assert.ok((await runs()) > before);
  });

  /** A webhook, which is registered when the workload behind it is ready: by then the Job has gone. */
  const webhook = (name: string) => `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 443 }] }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: ${name}-{{ .Release.Namespace }} }
webhooks:
  - name: widgets.example.com
    sideEffects: None
    failurePolicy: Ignore
    admissionReviewVersions: [v1]
    rules: [{ apiGroups: [widgets.example.com], apiVersions: [v1], resources: [widgets], operations: [CREATE] }]
    clientConfig: { service: { name: web, namespace: {{ .Release.Namespace }} } }
---
`;
  const slow = deployment({}).replace('zakenak.dev/simulate: ""', 'zakenak.dev/simulate-ready-after: 4s');

  test('a Job that removed itself before it was looked at has ended well or badly, as its controller said', async (t) => {
    const manifest = `${webhook('ended')}${slow}---\n`;
    const well = await deployed(t, `${manifest}${job('1')}`, '14s');
    assert.equal(well.first.exitCode, 0, well.first.report.summary);
    const bad = job('1').replace(
      'template: {',
      'backoffLimit: 0\n  template: { metadata: { annotations: { zakenak.dev/simulate: fail } },',
    );
    const { first } = await deployed(t, `${manifest}${bad}`, '60s');
    assert.match(
      first.report.summary,
      /^web: Job \S+\/migrate: BackoffLimitExceeded: Job has reached the specified backoff limit/,
    );
  });
});

/** Shifts the clock of the program that loads it by so many milliseconds. */
const shifted = (ms: number) => `const real = Date;
globalThis.Date = class extends real {
  constructor(...at) { super(...(at.length === 0 ? [real.now() + ${ms}] : at)); }
  static now() { return real.now() + ${ms}; }
};
`;

test('which rollout is the last is told by the cluster’s clock, whatever the machines’ are', async (t) => {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({ 'ahead.mjs': shifted(600_000) });
  await set.run(['deploy']);
  await set.setValues({ base: { text: 'second' } });
  const env = { NODE_OPTIONS: `--import ${set.workspace.root}/ahead.mjs` };
  assert.equal((await set.run(['deploy'], { env })).exitCode, 0);
  await set.setValues({ base: { text: 'second' }, web: { text: 'third' } });
  await set.run(['deploy']);
  const { report } = await set.run(['rollback']);
  assert.deepEqual(Object.keys(report.outputs['revisions'] as object), ['web']);
});
