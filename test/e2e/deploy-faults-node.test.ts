import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { deployment, faultText, makeFaultSet } from './deploy-faults-fixture.ts';
import { until } from './sandbox-cli.ts';
import { startTestSandbox } from './sandbox-fixture.ts';
import { descendantsOf } from './sandbox-node-fixture.ts';

const isRootOnDebian = process.getuid?.() === 0 && existsSync('/etc/debian_version');
/** Where the node can run its packages are installed before the tests: one that is missing is a failure, no skip. */
const onNode = isRootOnDebian ? {} : { skip: 'a real node needs root on Debian' };

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  if (onNode.skip) return;
  sandbox = await startTestSandbox({ realNode: true });
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

const shell = (script: string) => `command: [sh, -c, ${JSON.stringify(script)}]`;
const spec = 'nodeSelector: { zakenak.dev/simulated: "false" }, terminationGracePeriodSeconds: 0';
/** Runs a line of shell in a container of the real node. */
const real = (script: string, more = '') =>
  deployment({ container: `${shell(script)}${more && `, ${more}`}`, spec }).replace(
    'example/web:1',
    'zakenak.local/busybox:1',
  );

const hook = `apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-failed } }
spec:
  backoffLimit: 0
  template:
    spec:
      ${spec.replaceAll(', ', '\n      ')}
      restartPolicy: Never
      containers: [{ name: migrate, image: "zakenak.local/busybox:1", ${shell('echo table is locked; exit 3')} }]
`;

/** Not ready for as long as it runs. */
const cold = 'readinessProbe: { periodSeconds: 1, exec: { command: [sh, -c, "echo cold; exit 1"] } }';

const faults = {
  'a crash loop shows what the former run wrote': {
    manifest: real(
      'echo started; echo the database is gone; exit 7',
      'readinessProbe: { initialDelaySeconds: 3, exec: { command: ["true"] } }',
    ),
    names: /^web: Deployment \S+\/web: pod web-\S+: container web: CrashLoopBackOff: Error \(exit code 7\)/,
    shows: /last lines of web-\S+\/web \(previous run\):\n {2}\| started\n {2}\| the database is gone/,
  },
  'a container that ends well again and again is no service': {
    manifest: real(
      'echo all work is done',
      'readinessProbe: { initialDelaySeconds: 3, exec: { command: ["true"] } }',
    ),
    names: /container web: CrashLoopBackOff: it ends by itself, again and again \(exit code 0\)/,
    shows: /\| all work is done/,
  },
  'memory that is too little is named, with the last lines before it ran out': {
    manifest: real(
      'echo loading the model; tail -c 512m /dev/zero',
      // Without a probe a container is ready from its first moment, and a slow machine takes longer than that to run out.
      'resources: { limits: { memory: 24Mi } }, readinessProbe: { initialDelaySeconds: 5, exec: { command: ["true"] } }',
    ),
    names:
      /^web: Deployment \S+\/web: pod web-\S+: container web: CrashLoopBackOff: OOMKilled \(exit code 137\)/,
    shows: /\| loading the model/,
  },
  'a readiness probe that fails is named when the time is over': {
    manifest: real(
      'echo waiting for the cache; sleep 600',
      'readinessProbe: { periodSeconds: 1, exec: { command: [sh, -c, "echo cache is cold; exit 1"] } }',
    ),
    names:
      /not ready after 8 s: Deployment \S+\/web: 0 of 1 pods available: pod web-\S+: .*Unhealthy: Readiness probe failed: cache is cold/,
    shows: /\| waiting for the cache/,
    timeout: '8s',
  },
  'a startup probe that has the container killed is named': {
    manifest: real(
      'echo serving; exec sleep 600',
      'startupProbe: { periodSeconds: 1, failureThreshold: 1, exec: { command: [sh, -c, "echo deadlock; exit 1"] } }',
    ),
    names:
      /container web: CrashLoopBackOff: Error \(exit code 137\); Unhealthy: Startup probe failed: deadlock/,
    shows: /\| serving/,
  },
  'a hook that fails is read before its policy deletes it': {
    manifest: hook,
    names:
      /^web: hook Job \S+\/migrate: Job has reached the specified backoff limit: pod migrate-\S+: container migrate: Error \(exit code 3\)/,
    shows: /last lines of migrate-\S+\/migrate:\n {2}\| table is locked/,
  },
  'a hook whose pod its Job deletes as it gives up is read before': {
    manifest: hook
      .replace('backoffLimit: 0', 'backoffLimit: 1')
      .replace('restartPolicy: Never', 'restartPolicy: OnFailure')
      .replace('GracePeriodSeconds: 0', 'GracePeriodSeconds: 30'),
    names:
      /^web: hook Job \S+\/migrate: Job has reached the specified backoff limit: pod migrate-\S+: container migrate: .*Error \(exit code 3\)/,
    shows: /last lines of migrate-\S+\/migrate.*:\n {2}\| table is locked/,
  },
  'what has crashed is named first when the time is over, and its lines are shown': {
    manifest: `${real('exec sleep 600', cold)}---
${real('echo the cause; exit 7', 'readinessProbe: { initialDelaySeconds: 3, exec: { command: ["true"] } }').replace('name: web }', 'name: crashing }').replaceAll('app: web', 'app: crashing')}`,
    names:
      /not ready after 25 s: Deployment \S+\/crashing: .*exit code 7.*; Deployment \S+\/web: .*Readiness probe failed: cold/,
    shows: /\| the cause/,
    timeout: '25s',
  },
  'an init container that does not end is named when the time is over': {
    manifest: real('exec sleep 600').replace(
      `], ${spec}`,
      `], ${spec}, initContainers: [{ name: wait, image: "zakenak.local/busybox:1", ${shell('echo no database; sleep 600')} }]`,
    ),
    names: /not ready after 8 s: .*containers with incomplete status: \[wait\]/,
    shows: /\| no database/,
    timeout: '8s',
  },
  'a readiness gate that nobody opens is named when the time is over': {
    manifest: real('exec sleep 600').replace(
      `], ${spec}`,
      `], ${spec}, readinessGates: [{ conditionType: example.com/lb }]`,
    ),
    names:
      /not ready after 8 s: Deployment \S+\/web: 0 of 1 pods available: pod web-\S+: .*readiness gate "example\.com\/lb"/,
    shows: /evidence of Deployment/,
    timeout: '8s',
  },
  'a ReplicationController whose pod crashes is told by its pod': {
    manifest: real(
      'echo no memory left; exit 7',
      // Without a probe it counts as ready from its first moment to its end.
      'readinessProbe: { initialDelaySeconds: 3, exec: { command: ["true"] } }',
    )
      .replace('apps/v1', 'v1')
      .replace('Deployment', 'ReplicationController')
      .replace('{ matchLabels: { app: web } }', '{ app: web }'),
    names:
      /^web: ReplicationController \S+\/web: pod web-\S+: container web: CrashLoopBackOff: Error \(exit code 7\)/,
    shows: /\| no memory left/,
  },
  'what was ready and crashes while others are waited for is told': {
    manifest: `${real('echo served for a while; sleep 3; exit 7')}---
${real('exec sleep 600', 'readinessProbe: { initialDelaySeconds: 20, exec: { command: ["true"] } }').replace('name: web }', 'name: slow }').replaceAll('app: web', 'app: slow')}`,
    names: /^web: Deployment \S+\/web: pod web-\S+: container web: CrashLoopBackOff: Error \(exit code 7\)/,
    shows: /\| served for a while/,
  },
  'an image that the registry does not have is named': {
    manifest: deployment({ spec }).replace('example/web:1', '127.0.0.1:1/nothing/here:1'),
    names: /container web: ImagePullBackOff: .*127\.0\.0\.1:1\/nothing\/here:1.*connection refused/,
    shows: /Warning Failed: Failed to pull image/,
  },
};

describe('faults that only a kubelet can show', { ...onNode, concurrency: true }, () => {
  for (const [name, fault] of Object.entries(faults))
    test(name, async (t) => {
      const set = await makeFaultSet(t, sandbox, fault.manifest, 'timeout' in fault ? fault.timeout : '120s');
      const started = performance.now();
      const { report, exitCode } = await set.run(['deploy']);
      assert.equal(exitCode, 1, report.summary);
      assert.match(report.findings[0]?.message ?? '', fault.names);
      assert.match(faultText(report), fault.shows);
      t.diagnostic(`told after ${((performance.now() - started) / 1_000).toFixed(1)} s`);
    });
});

const config = (text: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: config }
data: { ${text} }
---
`;
const keep = ['deploy', '--on-failure', 'keep'] as const;
const fromConfig = real(
  'test "$ok" || exit 3; exec sleep 600',
  'envFrom: [{ configMapRef: { name: config } }]',
);
const fromVolume = real(
  'test -f /config/ok || exit 3; exec sleep 600',
  'volumeMounts: [{ name: config, mountPath: /config }]',
).replace(`], ${spec}`, `], ${spec}, volumes: [{ name: config, configMap: { name: config } }]`);

describe('what the kubelet has not tried again yet is no failure', { ...onNode, concurrency: true }, () => {
  for (const [name, broken, mended, told] of [
    [
      'a ConfigMap that was missing',
      fromConfig,
      config('ok: "1"') + fromConfig,
      /CreateContainerConfigError/,
    ],
    [
      'a setting that made it crash',
      config('a: b') + fromVolume,
      config('ok: "1"') + fromVolume,
      /CrashLoopBackOff/,
    ],
  ] as const)
    test(`a deploy that mends ${name} waits for the next try of a pod that it does not change`, async (t) => {
      const set = await makeFaultSet(t, sandbox, broken, '180s');
      const first = await set.run(keep);
      assert.match(first.report.summary, told);
      const [pod] = (await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: set.name })).items;
      assert.ok(pod);
      const born = Date.parse(String(pod.metadata['creationTimestamp']));
      await until('a pod that is old', () => Date.now() - born > 12_000, 20_000);
      await set.setManifest(mended);
      const { exitCode, report } = await set.run(keep);
      assert.equal(exitCode, 0, report.summary);
    });

  test('an application that crashes until its database is there is waited for', async (t) => {
    const at = (seconds: number) => `test "$(date +%s)" -ge ${Math.floor(Date.now() / 1_000) + seconds}`;
    const database = real(
      'exec sleep 600',
      `readinessProbe: { periodSeconds: 1, exec: { command: [sh, -c, ${JSON.stringify(at(35))}] } }`,
    ).replaceAll(/(name|app): web/g, '$1: db');
    const set = await makeFaultSet(
      t,
      sandbox,
      `${real(`${at(35)} || exit 7; exec sleep 600`)}---\n${database}`,
      '180s',
    );
    const { exitCode, report } = await set.run(keep);
    assert.equal(exitCode, 0, report.summary);
    const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: set.name });
    const restarts = items.map(({ status }) => JSON.stringify(status).match(/"restartCount":(\d+)/)?.[1]);
    assert.ok(
      restarts.some((count) => Number(count) >= 2),
      `restarts: ${restarts}`,
    );
  });

  test('a Secret that a controller makes for a custom resource of the release is waited for', async (t) => {
    const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: vaults.secrets.example.com }
spec:
  group: secrets.example.com
  scope: Namespaced
  names: { kind: Vault, plural: vaults }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
---
apiVersion: secrets.example.com/v1
kind: Vault
metadata: { name: web }
---
`;
    const manifest = crd + real('exec sleep 600', 'envFrom: [{ secretRef: { name: made } }]');
    const set = await makeFaultSet(t, sandbox, manifest, '90s');
    const running = set.run(keep);
    const lacksIt = async () => {
      const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: set.name });
      return JSON.stringify(items).includes('CreateContainerConfigError');
    };
    await until('a pod that lacks the Secret', lacksIt, 60_000);
    await kube.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'made', namespace: set.name },
      stringData: { token: 'x' },
    });
    const { exitCode, report } = await running;
    assert.equal(exitCode, 0, report.summary);
  });
});

/** The sandbox knows the program that enters the node; the kubelet is its child. */
const kubelet = () => {
  const entered = sandbox.processes.find(({ name }) => name === 'kubelet');
  const [found] = descendantsOf(entered?.pid ?? 0);
  assert.ok(found);
  return found.pid;
};

describe('a node that takes no pods', onNode, () => {
  const node = { apiVersion: 'v1', kind: 'Node', name: 'real-1' };
  const recreate = (script: string) =>
    real(script)
      .replace('spec:\n', 'spec:\n  strategy: { type: Recreate }\n')
      .replace('GracePeriodSeconds: 0', 'GracePeriodSeconds: 30');

  test('a node that is cordoned is told with what opens it', async (t) => {
    await kube.patch(node, 'merge', { spec: { unschedulable: true } });
    t.after(() => kube.patch(node, 'merge', { spec: { unschedulable: null } }));
    const set = await makeFaultSet(t, sandbox, real('exec sleep 600'), '5s');
    const { exitCode, report } = await set.run(keep);
    assert.equal(exitCode, 1, report.summary);
    assert.match(report.summary, /not scheduled: .*; node real-1 is cordoned: .*kubectl uncordon real-1/);
  });

  test('a kubelet that stands still is told by its node and the pod that it does not end, and goes on with the deploy', async (t) => {
    const set = await makeFaultSet(t, sandbox, recreate('trap "exit 0" TERM; sleep 600 & wait'), '8s');
    assert.equal((await set.run(keep)).exitCode, 0);
    const fresh = await makeFaultSet(t, sandbox, real('exec sleep 600'), '8s');
    await set.setManifest(recreate('trap "exit 0" TERM; sleep 601 & wait'));
    process.kill(kubelet(), 'SIGSTOP');
    t.after(() => process.kill(kubelet(), 'SIGCONT'));
    const [upgraded, installed] = await Promise.all([set.run(keep), fresh.run(keep)]);
    assert.match(
      upgraded.report.summary,
      /pod web-\S+ on node real-1 is being deleted and has not gone yet: it has 30 s to end/,
    );
    assert.match(installed.report.summary, /pod web-\S+: node real-1 has not begun with it yet/);
    process.kill(kubelet(), 'SIGCONT');
    for (const { run } of [set, fresh]) {
      const { exitCode, report } = await run(keep);
      assert.equal(exitCode, 0, report.summary);
    }
  });
});
