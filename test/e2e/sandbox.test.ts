import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KubeApi, KubeObject } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import { lives, processesOf, runSandboxCli, spawnSandboxCli, until } from './sandbox-cli.ts';

let home: string;
let folder: string;
let kube: KubeApi;
let registry: string;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'zakenak-sandbox-'));
  folder = join(home, 'main');
  const { report, exitCode } = await runSandboxCli(
    'up',
    '--folder',
    folder,
    '--owner-pid',
    String(process.pid),
  );
  assert.equal(exitCode, 0, report.summary);
  assert.ok(report.caveats.some((text) => text.includes('simulated-gpu-1')));
  registry = String(report.outputs.registry);
  kube = await connectKube({ env: {}, kubeconfig: String(report.outputs.kubeconfig) });
});

after(async () => {
  await runSandboxCli('down', '--folder', folder);
  await rm(home, { recursive: true, force: true });
});

const supervisorOf = async (path: string) =>
  (JSON.parse(await readFile(join(path, 'sandbox.json'), 'utf8')) as { supervisor: { pid: number } })
    .supervisor.pid;

function deployment(
  name: string,
  pod: { annotations?: Record<string, string>; container?: object } = {},
): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations: pod.annotations ?? {} },
        spec: { containers: [{ name: 'main', image: 'example/app:1', ...pod.container }] },
      },
    },
  };
}

interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly containerStatuses?: readonly {
    readonly restartCount: number;
    readonly state: { readonly waiting?: { readonly reason: string }; readonly running?: object };
  }[];
}

/** The status of the one pod with that label, once `holds` says so. */
async function podOf(app: string, holds: (status: PodStatus) => boolean): Promise<KubeObject> {
  let found: KubeObject | undefined;
  await until(`the pod of ${app}`, async () => {
    const { items } = await kube.list({
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: 'default',
      labelSelector: `app=${app}`,
    });
    found = items.find((pod) => holds(pod.status as PodStatus));
    return found !== undefined;
  });
  return found as KubeObject;
}

const isReady = ({ conditions }: PodStatus) =>
  Boolean(conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'));
const waits = (status: PodStatus) => status.containerStatuses?.[0]?.state.waiting?.reason;

test('a deployment with a GPU becomes ready on the simulated node', async () => {
  await kube.create(deployment('gpu', { container: { resources: { limits: { 'nvidia.com/gpu': '2' } } } }));
  const pod = await podOf('gpu', isReady);
  assert.equal((pod.spec as { nodeName: string }).nodeName, 'simulated-gpu-1');
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'gpu' };
  await until('the deployment is available', async () => {
    const status = (await kube.get(ref))?.status as { availableReplicas?: number } | undefined;
    return status?.availableReplicas === 1;
  });
  await kube.create(
    deployment('third-gpu', { container: { resources: { limits: { 'nvidia.com/gpu': '1' } } } }),
  );
  const waiting = await podOf('third-gpu', ({ conditions }) =>
    Boolean(conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False')),
  );
  assert.match(JSON.stringify(waiting.status), /Insufficient nvidia\.com\/gpu/);
});

test('pods look as their templates ask for', async () => {
  const simulate = (behaviour: string) => ({ annotations: { 'zakenak.dev/simulate': behaviour } });
  await Promise.all([
    kube.create(deployment('crash', simulate('crash-loop'))),
    kube.create(deployment('unpulled', { container: { image: 'registry.invalid/app:1' } })),
    kube.create(deployment('never', simulate('never-ready'))),
    kube.create(job('done')),
    kube.create(job('bad', { 'zakenak.dev/simulate': 'fail' })),
  ]);
  const crashing = await podOf('crash', (status) => waits(status) === 'CrashLoopBackOff');
  assert.equal((crashing.status as PodStatus).containerStatuses?.[0]?.restartCount, 3);
  await podOf('unpulled', (status) => waits(status) === 'ImagePullBackOff');
  const never = await podOf('never', ({ phase }) => phase === 'Running');
  assert.equal(isReady(never.status as PodStatus), false);
  const condition = async (name: string, type: string) => {
    const found = await kube.get({ apiVersion: 'batch/v1', kind: 'Job', namespace: 'default', name });
    return Boolean(
      (found?.status as PodStatus | undefined)?.conditions?.some(
        (one) => one.type === type && one.status === 'True',
      ),
    );
  };
  await until('the job completes', () => condition('done', 'Complete'));
  await until('the other job fails', () => condition('bad', 'Failed'));
});

function job(name: string, annotations: Record<string, string> = {}): KubeObject {
  const template = {
    metadata: { annotations },
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example/job:1' }] },
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default' },
    spec: { backoffLimit: 0, template },
  };
}

test('the registry takes a blob and gives it back', async () => {
  const content = Buffer.from(`sandbox ${process.pid}`);
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const begun = await fetch(`http://${registry}/v2/test/blobs/uploads/`, { method: 'POST' });
  assert.equal(begun.status, 202);
  const target = new URL(begun.headers.get('location') ?? '', `http://${registry}`);
  target.searchParams.set('digest', digest);
  assert.equal((await fetch(target, { method: 'PUT', body: content })).status, 201);
  const answer = await fetch(`http://${registry}/v2/test/blobs/${digest}`);
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), content);
});

test('keys are readable by their owner only', async () => {
  for (const name of ['kubeconfig', 'secrets/ca.key', 'secrets/admin.key', 'audit.log']) {
    assert.equal((await stat(join(folder, name))).mode & 0o077, 0, name);
  }
});

test('a second up returns the one that runs, and none that is unlike it', async () => {
  const [first, again] = [
    await runSandboxCli('status', '--folder', folder),
    await runSandboxCli('up', '--folder', folder),
  ];
  assert.equal(first.exitCode, 0);
  assert.ok(processesOf(first).every(({ state }) => state === 'serving'));
  assert.deepEqual(
    processesOf(again).map(({ pid }) => pid),
    processesOf(first).map(({ pid }) => pid),
  );
  const other = await runSandboxCli('up', '--folder', folder, '--nodes', '3');
  assert.equal(other.report.error?.code, 'sandbox/differs');
  assert.equal(other.exitCode, 5);
});

test('two sandboxes run side by side; a broken one is told, down removes it, and again is no error', async () => {
  const second = join(home, 'second');
  const up = await runSandboxCli('up', '--folder', second, '--nodes', '2', '--gpus', '1');
  assert.deepEqual(up.report.outputs['simulated-nodes'], ['simulated-gpu-1', 'simulated-gpu-2']);
  const other = await connectKube({ env: {}, kubeconfig: String(up.report.outputs.kubeconfig) });
  assert.notEqual(other.target.server, kube.target.server);
  const { items } = await other.list({ apiVersion: 'v1', kind: 'Node' });
  assert.deepEqual(
    items.map(({ status }) => (status as { capacity: Record<string, string> }).capacity['nvidia.com/gpu']),
    ['1', '1'],
  );
  const processes = processesOf(up);
  const scheduler = processes.find(({ name }) => name === 'kube-scheduler');
  process.kill(scheduler?.pid ?? 0, 'SIGKILL');
  await until('status tells', async () => {
    const { exitCode, report } = await runSandboxCli('status', '--folder', second);
    return (
      exitCode === 4 && report.error?.code === 'sandbox/broken' && report.summary.includes('kube-scheduler')
    );
  });
  const supervisor = await supervisorOf(second);
  assert.equal((await runSandboxCli('down', '--folder', second)).exitCode, 0);
  assert.deepEqual([supervisor, ...processes.map(({ pid }) => pid)].filter(lives), []);
  assert.equal(existsSync(second), false);
  assert.equal((await runSandboxCli('status', '--folder', second)).exitCode, 3);
  assert.equal((await runSandboxCli('down', '--folder', second)).exitCode, 0);
});

test('a supervisor that is killed takes every process along, and the next up recovers its folder', async () => {
  const path = join(home, 'killed');
  const up = await runSandboxCli('up', '--folder', path);
  const pids = processesOf(up).map(({ pid }) => pid);
  assert.equal(pids.length, 6);
  assert.ok(pids.every(lives));
  process.kill(await supervisorOf(path), 'SIGKILL');
  await until('all processes are gone', () => !pids.some(lives));
  const stale = await runSandboxCli('status', '--folder', path);
  assert.equal(stale.report.outputs.state, 'stale');
  assert.equal(stale.exitCode, 4);
  const owner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const again = await runSandboxCli('up', '--folder', path, '--owner-pid', String(owner.pid));
  assert.equal(again.exitCode, 0, again.report.summary);
  const { items } = await (
    await connectKube({ env: {}, kubeconfig: String(again.report.outputs.kubeconfig) })
  ).list({ apiVersion: 'v1', kind: 'Node' });
  assert.equal(items.length, 1);
  const [supervisor, processes] = [await supervisorOf(path), processesOf(again).map(({ pid }) => pid)];
  owner.kill('SIGKILL');
  await until('the sandbox ends with its owner', () => ![supervisor, ...processes].some(lives));
  await until('its folder is gone', () => !existsSync(path));
});

test('an up that is killed half-way leaves nothing running', async () => {
  const path = join(home, 'half');
  const child = spawnSandboxCli(['up', '--folder', path]);
  await until('some processes run', async () => {
    const text = await readFile(join(path, 'sandbox.json'), 'utf8').catch(() => '{}');
    return (JSON.parse(text) as { processes?: unknown[] }).processes?.length === 3;
  });
  const state = JSON.parse(await readFile(join(path, 'sandbox.json'), 'utf8')) as {
    readonly supervisor: { readonly pid: number };
    readonly processes: readonly { readonly pid: number }[];
  };
  child.kill('SIGKILL');
  await until('all are gone', () => ![state.supervisor, ...state.processes].some(({ pid }) => lives(pid)));
  assert.equal((await runSandboxCli('down', '--folder', path)).exitCode, 0);
});

test('a folder with somebody’s files is refused and left as it is', async () => {
  const path = join(home, 'foreign');
  await mkdir(path);
  await writeFile(join(path, 'thesis.txt'), 'mine');
  const { exitCode, report } = await runSandboxCli('up', '--folder', path);
  assert.equal(report.error?.code, 'sandbox/folder-not-ours');
  assert.equal(exitCode, 5);
  assert.equal(await readFile(join(path, 'thesis.txt'), 'utf8'), 'mine');
});
