import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { KubeApi, Report } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { deployment, faultText, makeFaultSet } from './deploy-faults-fixture.ts';
import { readWrites } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox({ admissionWebhooks: true });
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

interface Fault {
  readonly manifest: string;
  /** What the finding has to say. */
  readonly names: RegExp;
  /** What the evidence has to show. */
  readonly shows?: RegExp;
  readonly timeout?: string;
  readonly ruleId?: string;
  /** It cannot heal by itself: told long before the timeout. */
  readonly isFast?: true;
}

const claim = (storageClass: string) => `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ReadWriteOnce], storageClassName: ${storageClass}, resources: { requests: { storage: 1Gi } } }
`;
const quota = `apiVersion: v1
kind: ResourceQuota
metadata: { name: compute }
spec: { hard: { requests.memory: 64Mi } }
`;
const greedy = 'resources: { requests: { memory: 1Gi }, limits: { memory: 1Gi } }';
const job = (annotations: string, pod: string, spec = '') => `apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { ${annotations} } }
spec:
  backoffLimit: 0
  template:
    metadata: { annotations: { ${pod} } }
    spec: { ${spec} restartPolicy: Never, containers: [{ name: migrate, image: "example/migrate:1" }] }
`;
const hook = job('helm.sh/hook: pre-install', 'zakenak.dev/simulate: fail');

const faults: Readonly<Record<string, Fault>> = {
  'an image that cannot be pulled': {
    manifest: deployment({ simulate: 'image-pull-error' }),
    names: /^web: Deployment \S+\/web: pod web-\S+: container web: ImagePullBackOff: Back-off pulling image/,
    shows: /Warning Failed: Failed to pull image/,
    isFast: true,
  },
  'a container that crashes again and again': {
    manifest: deployment({ simulate: 'crash-loop' }),
    names: /^web: Deployment \S+\/web: pod web-\S+: container web: CrashLoopBackOff: Error \(exit code 1\)/,
    shows: /Warning BackOff: Back-off restarting failed container/,
    isFast: true,
  },
  'a GPU that no node has': {
    manifest: deployment({ container: 'resources: { limits: { nvidia.com/gpu: 64 } }' }),
    names:
      /not ready after 4 s: Deployment \S+\/web: 0 of 1 pods available: pod web-\S+: not scheduled: 0\/1 nodes are available: 1 Insufficient nvidia\.com\/gpu/,
    shows: /Warning FailedScheduling: 0\/1 nodes are available: 1 Insufficient nvidia\.com\/gpu/,
    timeout: '4s',
  },
  'a claim whose storage class does not exist': {
    manifest: `${claim('missing')}---\n${deployment({
      container: 'volumeMounts: [{ name: data, mountPath: /data }]',
      spec: 'volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]',
    })}`,
    names:
      /pod web-\S+: not scheduled: .*PersistentVolumeClaim.*; PersistentVolumeClaim \S+\/data: ProvisioningFailed: storageclass\.storage\.k8s\.io "missing" not found/,
    shows: /PersistentVolumeClaim data: Warning ProvisioningFailed: storageclass/,
    timeout: '4s',
  },
  'pods that a quota does not let in': {
    manifest: `${quota}---\n${deployment({ container: greedy })}`,
    names:
      /^web: Deployment \S+\/web: pods "web-\S+" is forbidden: exceeded quota: compute, requested: requests\.memory=1Gi/,
    shows: /Warning FailedCreate: Error creating: pods .* exceeded quota: compute/,
    isFast: true,
  },
  'pods of a StatefulSet that a quota does not let in': {
    manifest: `${quota}---\n${deployment({ container: greedy }).replace('Deployment', 'StatefulSet')}`,
    names: /^web: StatefulSet \S+\/web: .*exceeded quota: compute, requested: requests\.memory=1Gi/,
    shows: /StatefulSet web: Warning FailedCreate/,
    isFast: true,
  },
  'a service account that does not exist': {
    manifest: deployment({ spec: 'serviceAccountName: missing' }),
    names: /^web: Deployment \S+\/web: pods "web-\S+" is forbidden: .*serviceaccount "missing" not found/,
    shows: /Warning FailedCreate: .*serviceaccount "missing" not found/,
    isFast: true,
  },
  'a service account of a Job that does not exist': {
    manifest: job('a: b', 'a: b', 'serviceAccountName: missing,'),
    names: /^web: Job \S+\/migrate: .*serviceaccount "missing" not found/,
    isFast: true,
  },
  'a hook that fails': {
    manifest: hook,
    names:
      /^web: hook Job \S+\/migrate: Job has reached the specified backoff limit: pod migrate-\S+: container migrate: Error \(exit code 1\)/,
    ruleId: 'rollout/hook-failed',
    shows: /Warning BackoffLimitExceeded/,
    isFast: true,
  },
  'a probe that does not succeed': {
    manifest: deployment({ simulate: 'never-ready' }),
    names:
      /not ready after 3 s: .*\/web: 0 of 1 pods available: pod web-\S+: .*Unhealthy: Readiness probe failed: simulated/,
    shows: /Warning Unhealthy: Readiness probe failed/,
    timeout: '3s',
  },
};

describe('each fault is named by the report of the deploy', { concurrency: 3 }, () => {
  for (const [name, fault] of Object.entries(faults))
    test(name, async (t) => {
      const set = await makeFaultSet(t, sandbox, fault.manifest, fault.timeout ?? '60s');
      const started = performance.now();
      const { report, exitCode } = await set.run(['deploy', '--on-failure', 'keep']);
      const seconds = (performance.now() - started) / 1_000;
      assert.equal(exitCode, 1, report.summary);
      assert.equal(report.findings[0]?.ruleId, fault.ruleId ?? 'rollout/not-ready');
      assert.match(report.findings[0]?.message ?? '', fault.names);
      if (fault.shows) assert.match(faultText(report), fault.shows);
      if (fault.isFast) assert.ok(seconds < 30, `told after ${seconds.toFixed(1)} s`);
      t.diagnostic(`told after ${seconds.toFixed(1)} s`);
    });

  test('a kind that nobody serves is named by the plan, and nothing is written', async (t) => {
    const widget = 'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: one }\n';
    const set = await makeFaultSet(t, sandbox, widget);
    const { report, exitCode } = await set.run(['deploy']);
    assert.equal(exitCode, 2);
    assert.equal(report.error?.code, 'rollout/unknown-kind');
    assert.match(
      report.error?.message ?? '',
      /^The cluster serves no example\.com\/v1 Widget \(web: Widget one\), and nothing of the set defines it\.$/,
    );
    assert.deepEqual(await readWrites(sandbox, set.name), []);
  });

  test('an immutable field is a recreation that the plan shows, or a refusal where data would be lost', async (t) => {
    const set = await makeFaultSet(t, sandbox, `${claim('standard')}---\n${deployment({})}`);
    assert.equal((await set.run(['deploy'])).exitCode, 0);
    const written = await readWrites(sandbox, set.name);
    await set.setManifest(`${claim('standard')}---\n${deployment({ app: 'other' })}`);
    const { report } = await set.run(['plan']);
    assert.match(
      report.sections[0]?.text ?? '',
      /-\/\+ Deployment \S+\/web \(recreate: a field of it cannot be changed in place: .*spec\.selector/,
    );
    await set.setManifest(`${claim('other')}---\n${deployment({})}`);
    const refused = await set.run(['deploy']);
    assert.equal(refused.exitCode, 1);
    assert.match(
      refused.report.findings[0]?.message ?? '',
      /^web: PersistentVolumeClaim \S+\/data: .*spec is immutable after creation/,
    );
    assert.deepEqual(await readWrites(sandbox, set.name), written);
  });

  test('a webhook that nobody answers is named, and nothing is written', async (t) => {
    const set = await makeFaultSet(t, sandbox, deployment({}));
    assert.equal((await set.run(['deploy'])).exitCode, 0);
    await installWebhook(t, set.name);
    const written = await readWrites(sandbox, set.name);
    await set.setManifest(deployment({ app: 'web', simulate: 'never-complete' }));
    const { report } = await untilRefused(() => set.run(['deploy']));
    assert.match(
      report.findings[0]?.message ?? '',
      /^web: Deployment \S+\/web: .*failed calling webhook "judge\.example\.com": .*service "nobody" not found/,
    );
    assert.deepEqual(await readWrites(sandbox, set.name), written);
  });
});

/** Has the API server ask a service that is not there about the namespace's Deployments. */
async function installWebhook(t: TestContext, namespace: string): Promise<void> {
  const metadata = { name: namespace };
  const clientConfig = { service: { name: 'nobody', namespace, path: '/' } };
  const operations = ['CREATE', 'UPDATE'];
  const webhook = {
    name: 'judge.example.com',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations, resources: ['deployments'] }],
  };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const kind = 'ValidatingWebhookConfiguration';
  await kube.create({ apiVersion, kind, metadata, webhooks: [webhook] });
  t.after(() => kube.delete({ apiVersion, kind, name: namespace }));
}

/** The API server hears of a new webhook a moment later. */
async function untilRefused<T extends { readonly report: Report; readonly exitCode: number | null }>(
  run: () => Promise<T>,
): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const outcome = await run();
  assert.equal(outcome.exitCode, 1, outcome.report.summary);
  return outcome;
}
