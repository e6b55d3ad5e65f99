import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  exitCodeOf,
  type Files,
  type Http,
  KubeStatusError,
  type ProcessRunner,
  parseInputs,
  ZakenakError,
} from '@zakenak/core';
import { collectingLog, collectingProgress, type ExpectedRun, fakeProcess } from '@zakenak/core/testing';
import { readSmokeRequest, type SmokeRequest } from './request.ts';
import { type SmokePorts, smokeTestGpu } from './smoke-test.ts';
import { spec } from './spec.ts';
import { node, type Play, playKube, podOn } from './testing/played-kube.ts';

const query = [
  '--query-gpu=index,uuid,name,driver_version,memory.total,compute_cap',
  '--format=csv,noheader,nounits',
];
const uuid = 'GPU-0e9ac1fa-1d5f-4a6a-8a6c-2f1f5a5f2b11';
const list = `GPU 0: NVIDIA GeForce RTX 4090 (UUID: ${uuid})\n`;

function smi(options: { driver?: string; cuda?: string; exitCode?: number } = {}): readonly ExpectedRun[] {
  const { driver = '570.86.10', cuda = '12.8', exitCode = 0 } = options;
  const csv = `0, ${uuid}, NVIDIA GeForce RTX 4090, ${driver}, 24564, 8.9\n`;
  return [
    { program: 'nvidia-smi', args: ['-L'], answer: { stdout: list } },
    { program: 'nvidia-smi', args: query, answer: { stdout: csv, exitCode } },
    {
      program: 'nvidia-smi',
      args: [],
      answer: { stdout: `Driver Version: ${driver}   CUDA Version: ${cuda}` },
    },
  ];
}

const missing = (program: string): ExpectedRun => ({
  program,
  args: () => true,
  answer: async () => {
    throw new ZakenakError({ code: 'tool/missing', message: program, remedy: 'Install it.', exitCode: 3 });
  },
});
const noDriver = [missing('nvidia-smi')];
const noToolkit = [missing('nvidia-ctk')];
const docker: ExpectedRun = {
  program: 'docker',
  args: ['info', '--format', '{{json .}}'],
  answer: { stdout: JSON.stringify({ ServerVersion: '27.1.1', Runtimes: { nvidia: {} } }) },
};

function ask(given: Readonly<Record<string, string>>): SmokeRequest {
  return readSmokeRequest(parseInputs(spec, (name) => given[name]));
}

interface Stage {
  readonly runs: readonly ExpectedRun[];
  readonly play?: Play;
  readonly http?: Http['request'];
  /** How many of the waits end; the others last for ever. */
  readonly waitsEnd?: boolean;
  readonly existing?: readonly string[];
}

function stage({ runs, play, http, waitsEnd, existing = [] }: Stage) {
  const process: ProcessRunner & { assertAllUsed(): void } = fakeProcess(runs);
  const kube = play && playKube(play);
  let now = 0;
  const ports: SmokePorts = {
    process,
    files: {
      stat: async (path: string) =>
        existing.includes(path) ? { kind: 'other', size: 0, mode: 0 } : undefined,
    } as Files,
    clock: {
      now: () => new Date(now),
      monotonicMs: () => now++,
      sleep: (_, signal) =>
        waitsEnd
          ? new Promise((resolve) => setTimeout(resolve, 5))
          : new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('stopped')))),
    },
    log: collectingLog(),
    progress: collectingProgress(),
    http: { request: http ?? (async () => assert.fail('unexpected request')) },
    kube,
  };
  return { ports, kube, process };
}

async function run(given: Readonly<Record<string, string>>, setting: Stage, signal?: AbortSignal) {
  const { ports, kube, process } = stage(setting);
  const report = await smokeTestGpu(ask(given), ports, signal);
  process.assertAllUsed();
  return { report, kube, rules: report.findings.map(({ ruleId }) => ruleId) };
}

const simulated = { 'zakenak.dev/simulated': 'true' };
const completed = (name: string) => [
  podOn(name, 'Pending'),
  podOn(name, 'Succeeded', {
    containerStatuses: [{ state: { terminated: { exitCode: 0, reason: 'Completed' } } }],
  }),
];

test('a good driver passes level driver and is described', async () => {
  const { report } = await run({ level: 'driver' }, { runs: smi() });
  assert.equal(report.verdict, 'passed');
  assert.equal(report.outputs['gpu-count'], 1);
  assert.equal(report.outputs.driver, '570.86.10');
  assert.equal(report.outputs.cuda, '12.8');
  assert.equal(report.outputs['level-reached'], 'driver');
});

test('an old driver fails, and one of the same CUDA major version is only mentioned', async () => {
  const old = await run({ level: 'driver' }, { runs: smi({ driver: '525.60.13', cuda: '12.0' }) });
  assert.equal(old.report.verdict, 'failed');
  assert.deepEqual(old.rules, ['gpu/driver-too-old', 'gpu/cuda-minor-behind']);
  assert.ok(String(old.report.outputs.cause).includes('535.104.05'));
  const least = await run({ level: 'driver' }, { runs: smi({ driver: '535.104.05', cuda: '12.2' }) });
  assert.equal(least.report.verdict, 'passed');
  assert.deepEqual(least.rules, ['gpu/cuda-minor-behind']);
  const behind = await run(
    { level: 'driver', cuda: '13.0' },
    { runs: smi({ driver: '535.104.05', cuda: '12.2' }) },
  );
  assert.deepEqual(behind.rules, ['gpu/cuda-too-old']);
});

test('number, memory and compute capability are demanded of the GPUs', async () => {
  assert.deepEqual((await run({ level: 'driver', 'expected-count': '2' }, { runs: smi() })).rules, [
    'gpu/too-few',
  ]);
  assert.deepEqual((await run({ level: 'driver', 'min-memory': '24Gi' }, { runs: smi() })).rules, [
    'gpu/too-little-memory',
  ]);
  const able = await run({ level: 'driver', 'min-compute-capability': '9.0' }, { runs: smi() });
  assert.deepEqual(able.rules, ['gpu/compute-capability-too-low']);
});

test('exit code 14 of nvidia-smi is a warning, others are causes', async () => {
  const warned = await run({ level: 'driver' }, { runs: smi({ exitCode: 14 }) });
  assert.equal(warned.report.verdict, 'passed');
  assert.deepEqual(warned.rules, ['gpu/inforom-corrupted']);
  const [first] = smi();
  const failing = {
    program: 'nvidia-smi',
    args: query,
    answer: {
      exitCode: 9,
      stdout: "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    },
  };
  const { rules } = await run({ level: 'driver' }, { runs: [first as ExpectedRun, failing] });
  assert.deepEqual(rules, ['gpu/driver-not-loaded']);
});

test('in WSL2 the driver is found beside the PATH', async () => {
  const [, ask, head] = smi();
  const program = '/usr/lib/wsl/lib/nvidia-smi';
  const runs = [
    missing('nvidia-smi'),
    { ...(ask as ExpectedRun), program },
    { ...(head as ExpectedRun), program },
  ];
  const { report } = await run({ level: 'driver' }, { runs, existing: ['/dev/dxg', program] });
  assert.equal(report.verdict, 'passed');
});

test('no GPU fails, or is skipped when that is asked for', async () => {
  const failed = await run({ level: 'driver' }, { runs: noDriver });
  assert.equal(failed.report.verdict, 'failed');
  assert.deepEqual(failed.rules, ['gpu/driver-missing']);
  const skipped = await run({ level: 'driver', 'on-missing': 'skip' }, { runs: noDriver });
  assert.equal(skipped.report.verdict, 'skipped');
  assert.equal(exitCodeOf(skipped.report), 0);
  assert.equal(skipped.report.caveats.length, 1);
});

test('a driver without toolkit stops at level toolkit', async () => {
  const runs = [...smi(), ...noToolkit, { ...docker, answer: { exitCode: 1, stdout: '' } }];
  const { report, rules } = await run({ level: 'container' }, { runs });
  assert.deepEqual(rules, ['gpu/toolkit-missing']);
  assert.equal(report.outputs['level-reached'], 'driver');
});

test('a container that lists the GPU passes level container', async () => {
  const isRun = (args: readonly string[]) =>
    args[0] === 'run' && args.includes('--rm') && args.at(-2) === 'nvidia-smi';
  const runs = [...smi(), ...noToolkit, docker, { program: 'docker', args: isRun, answer: { stdout: list } }];
  const { report } = await run({ level: 'container', image: 'registry.invalid/cuda@sha256:00' }, { runs });
  assert.equal(report.verdict, 'passed');
  assert.equal(report.outputs['level-reached'], 'container');
});

test('a container that fails is removed and names its cause', async () => {
  const stderr =
    'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].';
  const runs = [
    ...smi(),
    ...noToolkit,
    docker,
    {
      program: 'docker',
      args: (args: readonly string[]) => args[0] === 'run',
      answer: { exitCode: 125, stderr },
    },
    { program: 'docker', args: (args: readonly string[]) => args[0] === 'rm' && args[1] === '--force' },
  ];
  assert.deepEqual((await run({ level: 'container' }, { runs })).rules, ['gpu/runtime-missing']);
});

test('a pod that computes on a real node passes, and is deleted', async () => {
  const play = {
    nodes: [node('real', 1)],
    course: completed('real'),
    log: 'Vector addition\nTest PASSED\nDone\n',
  };
  const { report, kube } = await run({}, { runs: noDriver, play });
  assert.equal(report.verdict, 'passed');
  assert.equal(report.outputs['level-reached'], 'compute');
  assert.deepEqual(
    kube?.deleted,
    kube?.created.map(({ metadata }) => metadata.name),
  );
  assert.equal(kube?.created.length, 1);
});

test('a pod that ends well without proof does not pass', async () => {
  const play = { nodes: [node('real', 1)], course: completed('real'), log: 'hello\n' };
  const { report, rules } = await run({}, { runs: noDriver, play });
  assert.deepEqual(rules, ['gpu/no-proof']);
  assert.equal(report.outputs['level-reached'], 'kubernetes');
});

test('on a simulated node nothing is claimed but the scheduling', async () => {
  const play = { nodes: [node('fake', 2, simulated)], course: completed('fake') };
  const { report, kube } = await run({}, { runs: noDriver, play });
  assert.equal(report.verdict, 'simulated');
  assert.equal(report.outputs['level-reached'], 'kubernetes');
  assert.ok(report.caveats.some((text) => text.includes('CUDA computation')));
  assert.equal(kube?.deleted.length, 1);
  const real = await run({ 'require-real': 'true' }, { runs: noDriver, play });
  assert.equal(real.report.verdict, 'failed');
  assert.deepEqual(real.rules, ['gpu/simulated']);
});

test('where real nodes are, simulated ones do not count', async () => {
  const play = { nodes: [node('fake', 8, simulated), node('real', 1)], course: completed('real'), log: list };
  const { report, kube } = await run({ level: 'kubernetes' }, { runs: noDriver, play });
  assert.equal(report.verdict, 'passed');
  assert.equal(report.outputs['gpu-count'], 1);
  assert.ok(JSON.stringify(kube?.created[0]?.spec).includes('NotIn'));
});

test('a cluster without GPUs tells whether the device plugin is missing, idle or sick', async () => {
  const plain = { nodes: [node('plain', 0)] };
  assert.deepEqual((await run({}, { runs: noDriver, play: { ...plain, daemonSets: [] } })).rules, [
    'gpu/device-plugin-missing',
  ]);
  const plugin = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'nvidia-device-plugin', namespace: 'gpu' },
    status: { desiredNumberScheduled: 1, numberReady: 0 },
  };
  const idle = await run(
    { 'on-missing': 'skip' },
    { runs: noDriver, play: { ...plain, daemonSets: [plugin] } },
  );
  assert.equal(idle.report.verdict, 'skipped');
  const sick = {
    ...node('sick', 1),
    status: { capacity: { 'nvidia.com/gpu': '1' }, allocatable: { 'nvidia.com/gpu': '0' } },
  };
  assert.deepEqual((await run({}, { runs: noDriver, play: { nodes: [sick] } })).rules, [
    'gpu/device-unhealthy',
  ]);
});

test('a GPU that others hold is told with their names', async () => {
  const holder = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'ollama-0', namespace: 'ollama' },
    spec: { nodeName: 'real', containers: [{ resources: { limits: { 'nvidia.com/gpu': '1' } } }] },
    status: { phase: 'Running' },
  };
  const waiting = {
    status: {
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.',
        },
      ],
    },
  };
  const play = { nodes: [node('real', 1)], pods: [holder], course: [waiting] };
  const { report, rules, kube } = await run({}, { runs: noDriver, play, waitsEnd: true });
  assert.deepEqual(rules, ['gpu/all-in-use']);
  assert.ok(String(report.outputs.cause).includes('ollama/ollama-0'));
  assert.equal(kube?.deleted.length, 1);
});

test('a taint, a missing image and a missing runtime are told apart', async () => {
  const nodes = [node('real', 1)];
  const tainted = {
    status: {
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '1 node(s) had untolerated taint {a: b}',
        },
      ],
    },
  };
  const waiting = (reason: string) =>
    podOn('real', 'Pending', { containerStatuses: [{ state: { waiting: { reason, message: 'because' } } }] });
  assert.deepEqual(
    (await run({}, { runs: noDriver, play: { nodes, course: [tainted] }, waitsEnd: true })).rules,
    ['gpu/unschedulable'],
  );
  assert.deepEqual(
    (await run({}, { runs: noDriver, play: { nodes, course: [waiting('ImagePullBackOff')] } })).rules,
    ['gpu/image-not-pulled'],
  );
  assert.deepEqual(
    (await run({}, { runs: noDriver, play: { nodes, course: [waiting('CreateContainerError')] } })).rules,
    ['gpu/runtime-missing'],
  );
});

test('a run that is stopped deletes its pod', async () => {
  const stop = new AbortController();
  const { ports, kube } = stage({
    runs: noDriver,
    play: { nodes: [node('real', 1)], course: [podOn('real', 'Running')] },
  });
  setTimeout(() => stop.abort(), 10);
  await assert.rejects(
    smokeTestGpu(ask({}), ports, stop.signal),
    (error) => error instanceof ZakenakError && error.code === 'run/cancelled',
  );
  assert.equal(kube?.deleted.length, 1);
});

test('a pod whose creation got no answer is deleted in case it is there', async () => {
  const lost = new ZakenakError({ code: 'kube/unreachable', message: 'cut', remedy: 'Check.', exitCode: 4 });
  const { ports, kube } = stage({ runs: noDriver, play: { nodes: [node('real', 1)], createFails: lost } });
  await assert.rejects(smokeTestGpu(ask({}), ports), lost);
  assert.equal(kube?.deleted.length, 1);
});

test('a quota is a finding, a missing right an error', async () => {
  const refused = (status: number, message: string) =>
    new KubeStatusError({ status, reason: 'Forbidden', message });
  const nodes = [node('real', 1)];
  const quota = await run(
    {},
    {
      runs: noDriver,
      play: { nodes, createFails: refused(403, 'pods "x" is forbidden: exceeded quota: gpus') },
    },
  );
  assert.deepEqual(quota.rules, ['gpu/pod-refused']);
  const right = run(
    {},
    { runs: noDriver, play: { nodes, createFails: refused(403, 'User "x" cannot create resource "pods"') } },
  );
  await assert.rejects(
    right,
    (error) => error instanceof ZakenakError && error.code === 'gpu/forbidden' && error.exitCode === 4,
  );
});

test('an old driver of this host fails a cluster on this host, and is only mentioned for one elsewhere', async () => {
  const play = { nodes: [node('real', 1)], course: completed('real'), log: 'Test PASSED' };
  const runs = smi({ driver: '470.42.01', cuda: '12.8' });
  const here = await run({}, { runs, play: { ...play, server: 'https://127.0.0.1:6443' } });
  assert.equal(here.report.verdict, 'failed');
  assert.deepEqual(here.rules, ['gpu/driver-too-old']);
  const there = await run({}, { runs: smi({ driver: '470.42.01' }), play });
  assert.equal(there.report.verdict, 'passed');
});

const json = (body: unknown, status = 200) => ({
  status,
  headers: {},
  body: Buffer.from(JSON.stringify(body)),
});
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'ollama', namespace: 'ollama' },
  spec: { clusterIP: '10.96.0.9', ports: [{ port: 11434 }] },
};
const inferencePlay = {
  nodes: [node('real', 1)],
  pods: [],
  services: [service],
  course: completed('real'),
  log: 'Test PASSED',
};

test('a model that answers from GPU memory passes level inference', async () => {
  const asked: string[] = [];
  const http: Http['request'] = async ({ url }) => {
    asked.push(url);
    return url.endsWith('/api/ps')
      ? json({ models: [{ name: 'tiny:latest', size: 10, size_vram: 10 }] })
      : json({ eval_count: 16, eval_duration: 4e8 });
  };
  const { report } = await run(
    { level: 'inference', model: 'tiny' },
    { runs: noDriver, play: inferencePlay, http },
  );
  assert.equal(report.verdict, 'passed');
  assert.equal(report.outputs['tokens-per-second'], 40);
  assert.deepEqual(asked, ['http://10.96.0.9:11434/api/generate', 'http://10.96.0.9:11434/api/ps']);
});

test('a model on the CPU, a missing one and a server out of reach fail', async () => {
  const onCpu: Http['request'] = async ({ url }) =>
    url.endsWith('/api/ps')
      ? json({ models: [{ name: 'tiny', size: 10, size_vram: 0 }] })
      : json({ eval_count: 16, eval_duration: 4e8 });
  const unreachable: Http['request'] = async () => {
    throw new ZakenakError({ code: 'http/unreachable', message: 'no route', remedy: 'Check.', exitCode: 4 });
  };
  const given = { level: 'inference', model: 'tiny' };
  for (const [http, rule] of [
    [onCpu, 'gpu/inference-on-cpu'],
    [async () => json({ error: "model 'tiny' not found" }, 404), 'gpu/model-missing'],
    [async () => json({ response: '' }), 'gpu/inference-failed'],
    [unreachable, 'gpu/inference-unreachable'],
  ] as const) {
    const { report, rules } = await run(given, { runs: noDriver, play: inferencePlay, http });
    assert.deepEqual(rules, [rule]);
    assert.equal(report.outputs['level-reached'], 'compute');
  }
});

test('a cluster level without a cluster is an error', async () => {
  const { ports } = stage({ runs: [] });
  await assert.rejects(
    smokeTestGpu(ask({}), ports),
    (error) => error instanceof ZakenakError && error.code === 'gpu/no-cluster',
  );
});
