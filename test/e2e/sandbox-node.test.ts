import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { KubeApi, KubeObject } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import { lives, runSandboxCli, runSandboxCliAs, until } from './sandbox-cli.ts';
import { descendantsOf, pushArchivedImage } from './sandbox-node-fixture.ts';

const isRootOnDebian = process.getuid?.() === 0 && existsSync('/etc/debian_version');
/** Where the node can run its packages are installed before the tests: one that is missing is a failure, no skip. */
const onNode = isRootOnDebian ? {} : { skip: 'a real node needs root on Debian' };

const image = 'zakenak.local/busybox:1';
let home: string;
let folder: string;
let kube: KubeApi;
let registry: string;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'zakenak-node-'));
  folder = join(home, 'main');
  if (onNode.skip) return;
  const up = await runSandboxCli(
    'up',
    '--node',
    '--admission-webhooks',
    '--folder',
    folder,
    '--owner-pid',
    String(process.pid),
  );
  assert.equal(up.exitCode, 0, up.report.summary);
  assert.deepEqual(up.report.outputs['real-nodes'], ['real-1']);
  assert.deepEqual(up.report.outputs.images, [image]);
  registry = String(up.report.outputs.registry);
  kube = await connectKube({ env: {}, kubeconfig: String(up.report.outputs.kubeconfig) });
});

after(async () => {
  if (!onNode.skip) await runSandboxCli('down', '--folder', folder);
  await rm(home, { recursive: true, force: true });
});

const onReal = { 'zakenak.dev/simulated': 'false' };

/** A pod on the real node that runs a line of shell. */
function pod(name: string, script: string, change: { container?: object; spec?: object } = {}): KubeObject {
  const container = { name: 'main', image, command: ['sh', '-c', script], ...change.container };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      nodeSelector: onReal,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [container],
      ...change.spec,
    },
  };
}

/** Has the API server ask a service of the namespace `default` about labelled ConfigMaps. */
function webhookTo(service: string): KubeObject {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] };
  const webhook = {
    name: 'judge.example.com',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: { service: { name: service, namespace: 'default', path: '/', port: 80 } },
    objectSelector: { matchLabels: { judged: 'yes' } },
    rules: [rule],
  };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'judge' },
    webhooks: [webhook],
  };
}

interface ContainerState {
  readonly waiting?: { readonly reason: string };
  readonly terminated?: { readonly reason: string; readonly exitCode: number };
}
interface PodStatus {
  readonly phase?: string;
  readonly containerStatuses?: readonly {
    readonly restartCount: number;
    readonly state: ContainerState;
    readonly lastState: ContainerState;
  }[];
}

/** The pod's status, once `holds` says so. */
async function statusOf(
  api: KubeApi,
  name: string,
  holds: (status: PodStatus) => boolean,
): Promise<PodStatus> {
  let status: PodStatus = {};
  const ref = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name };
  const look = async () => {
    status = ((await api.get(ref))?.status ?? {}) as PodStatus;
    return holds(status);
  };
  await until(`the state of pod ${name}`, look, 30_000).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(status)}`);
  });
  return status;
}

const isOver = ({ phase }: PodStatus) => phase === 'Succeeded' || phase === 'Failed';
const logsOf = (name: string, previous = false) => kube.logs({ namespace: 'default', pod: name, previous });

describe('pods on the real node', { concurrency: true }, () => {
  test(
    'a deployment is ready when its probe is answered, and pods and the API server reach its service',
    onNode,
    async () => {
      const script = 'mkdir /www; httpd -p 8080 -h /www; sleep 2; echo hello > /www/index.html; sleep 600';
      const container = {
        name: 'main',
        image,
        command: ['sh', '-c', script],
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
      };
      const app = { app: 'web' };
      await kube.create({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'default' },
        spec: {
          replicas: 1,
          selector: { matchLabels: app },
          template: {
            metadata: { labels: app },
            spec: { nodeSelector: onReal, terminationGracePeriodSeconds: 0, containers: [container] },
          },
        },
      });
      await kube.create({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace: 'default' },
        spec: { selector: app, ports: [{ port: 80, targetPort: 8080 }] },
      });
      const pods = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', labelSelector: 'app=web' };
      const phases = new Set<string>();
      await until(
        'the pod runs',
        async () =>
          (await kube.list(pods)).items.some(({ status }) => (status as PodStatus).phase === 'Running'),
        30_000,
      );
      const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web' };
      await until(
        'the deployment is available',
        async () => {
          const status = (await kube.get(ref))?.status as { availableReplicas?: number };
          phases.add(status.availableReplicas === 1 ? 'ready' : 'waiting');
          return status.availableReplicas === 1;
        },
        30_000,
      );
      assert.deepEqual([...phases], ['waiting', 'ready'], 'it ran before it was ready');
      await kube.create(
        pod(
          'client',
          'wget -q -O - http://$WEB_SERVICE_HOST; nc -w 2 $KUBERNETES_SERVICE_HOST 443 < /dev/null',
        ),
      );
      assert.equal((await statusOf(kube, 'client', isOver)).phase, 'Succeeded');
      assert.equal(await logsOf('client'), 'hello\n');
      // The pod speaks no TLS: that it says so shows that the API server's call came through to it.
      await kube.create(webhookTo('web'));
      await until('the webhook is called', async () => {
        const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'judged' };
        const made = kube.create({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'judged', namespace: 'default', labels: { judged: 'yes' } },
        });
        return made.then(
          async () => !(await kube.delete(ref)),
          (error: Error) => /gave HTTP response to HTTPS client/.test(error.message),
        );
      });
    },
  );

  test('a crash loop shows the logs of the run before', onNode, async () => {
    const script = 'echo x >> /runs/all; echo "run $(wc -l < /runs/all)"; exit 3';
    const volume = { name: 'runs', emptyDir: {} };
    await kube.create(
      pod('crash', script, {
        container: { volumeMounts: [{ name: 'runs', mountPath: '/runs' }] },
        spec: { restartPolicy: 'Always', volumes: [volume] },
      }),
    );
    const status = await statusOf(
      kube,
      'crash',
      ({ containerStatuses }) => containerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff',
    );
    const [container] = status.containerStatuses ?? [];
    assert.equal(container?.lastState.terminated?.exitCode, 3);
    assert.match(await logsOf('crash', true), /^run [12]\n$/);
  });

  test('memory that is not there ends the container as OOMKilled', onNode, async () => {
    const container = { resources: { limits: { memory: '32Mi' } } };
    await kube.create(pod('hungry', 'x=a; while :; do x=$x$x; done', { container }));
    const status = await statusOf(kube, 'hungry', isOver);
    assert.equal(status.containerStatuses?.[0]?.state.terminated?.reason, 'OOMKilled');
  });

  test('an image of the sandbox’s registry is pulled under the name it was pushed by', onNode, async () => {
    const pushed = await pushArchivedImage(
      join(folder, 'node/images.tar'),
      image,
      `${registry}/test/busybox:9`,
    );
    await kube.create(pod('pulled', 'echo pulled', { container: { image: pushed } }));
    assert.equal((await statusOf(kube, 'pulled', isOver)).phase, 'Succeeded');
    assert.equal(await logsOf('pulled'), 'pulled\n');
  });

  test('the simulated node beside it keeps its pods and their log', onNode, async () => {
    const simulated = { 'zakenak.dev/simulated': 'true' };
    await kube.create(
      pod('pretended', 'exit 1', { spec: { nodeSelector: simulated, restartPolicy: 'Always' } }),
    );
    await statusOf(kube, 'pretended', ({ phase }) => phase === 'Running');
    assert.match(await logsOf('pretended'), /this pod is simulated/);
  });
});

const cgroups = () => globSync('/sys/fs/cgroup/{,*/}zakenak-*').toSorted();
const mountsOf = async (path: string) =>
  (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(path));
const nodeAddresses = () =>
  Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ address }) => address.startsWith('10.245.')),
  );

test(
  'a killed supervisor takes containers, shims and daemons along; the machine is as before',
  onNode,
  async () => {
    const path = join(home, 'killed');
    const groups = cgroups();
    const up = await runSandboxCli('up', '--node', '--nodes', '0', '--folder', path);
    assert.equal(up.exitCode, 0, up.report.summary);
    assert.deepEqual(up.report.outputs['simulated-nodes'], []);
    const other = await connectKube({ env: {}, kubeconfig: String(up.report.outputs.kubeconfig) });
    await other.create(pod('sleeper', 'sleep 7777'));
    await statusOf(other, 'sleeper', ({ phase }) => phase === 'Running');
    const state = JSON.parse(await readFile(join(path, 'sandbox.json'), 'utf8')) as {
      readonly supervisor: { readonly pid: number };
    };
    const family = descendantsOf(state.supervisor.pid);
    const commands = new Set(family.map(({ command }) => command));
    for (const command of ['containerd', 'containerd-shim', 'sleep', 'sandbox-node', 'kubernetes'])
      assert.ok(commands.has(command), `${command} is not among ${[...commands]}`);
    assert.deepEqual([await mountsOf(path), nodeAddresses()], [[], []], 'while it runs');
    process.kill(state.supervisor.pid, 'SIGKILL');
    await until('every process is gone', () => !family.some(({ pid }) => lives(pid)));
    assert.deepEqual([await mountsOf(path), nodeAddresses()], [[], []]);
    assert.equal((await runSandboxCli('status', '--folder', path)).report.outputs.state, 'stale');
    assert.equal((await runSandboxCli('down', '--folder', path)).exitCode, 0);
    assert.deepEqual(cgroups(), groups);
    assert.equal(existsSync(path), false);
  },
);

test('a kubelet that ends is told by name', onNode, async () => {
  const before = await runSandboxCli('status', '--folder', folder);
  assert.equal(before.exitCode, 0, before.report.summary);
  const state = JSON.parse(await readFile(join(folder, 'sandbox.json'), 'utf8')) as {
    readonly processes: readonly { readonly name: string; readonly pid: number }[];
  };
  const entered = state.processes.find(({ name }) => name === 'kubelet')?.pid ?? 0;
  const [kubelet] = descendantsOf(entered);
  process.kill(entered, 'SIGKILL');
  await until('the kubelet ends with it', () => !lives(kubelet?.pid ?? 0));
  const { report, exitCode } = await runSandboxCli('status', '--folder', folder);
  assert.equal(exitCode, 4);
  assert.match(report.summary, /do not serve: kubelet/);
});

test('who is not root is told so, and nothing is written', onNode, async () => {
  const open = await mkdtemp(join(tmpdir(), 'zakenak-open-'));
  try {
    await chmod(open, 0o777);
    const nobody = { uid: 65_534, gid: 65_534, env: { PATH: process.env.PATH, HOME: open } };
    const path = join(open, 'sandbox');
    const { report, exitCode } = await runSandboxCliAs(nobody, 'up', '--node', '--folder', path);
    assert.equal(report.error?.code, 'sandbox/unsupported');
    assert.match(report.error?.message ?? '', /root/);
    assert.equal(exitCode, 3);
    assert.equal(existsSync(path), false);
  } finally {
    await rm(open, { recursive: true });
  }
});

test('missing programs are all named, with the packages that bring them', onNode, async () => {
  const bare = join(home, 'bare');
  await mkdir(bare);
  await symlink(process.execPath, join(bare, 'node'));
  const env = { PATH: bare, HOME: process.env.HOME ?? '' };
  const { report, exitCode } = await runSandboxCliAs({ env }, 'up', '--node', '--folder', join(home, 'none'));
  assert.equal(report.error?.code, 'sandbox/unsupported');
  assert.match(report.error?.message ?? '', /containerd, busybox, runc/);
  assert.match(report.error?.remedy ?? '', /apt-get install containerd runc/);
  assert.equal(exitCode, 3);
  assert.equal(existsSync(join(home, 'none')), false);
});

test('a path too long for a socket is refused', onNode, async () => {
  const long = join(home, 'x'.repeat(100));
  const { report } = await runSandboxCli('up', '--node', '--folder', long);
  assert.equal(report.error?.code, 'sandbox/unsupported');
  assert.equal(execFileSync('ls', [home], { encoding: 'utf8' }).includes('xxx'), false);
});
