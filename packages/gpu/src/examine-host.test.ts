import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Files, parseInputs, ZakenakError } from '@zakenak/core';
import { type ExpectedRun, fakeClock, fakeProcess } from '@zakenak/core/testing';
import { doctorSpec } from './doctor-spec.ts';
import { type ExaminationPorts, examineHost, readExamination } from './examine-host.ts';
import { playKube } from './testing/played-kube.ts';

const request = readExamination(parseInputs(doctorSpec, () => undefined));
const uuid = 'GPU-0e9ac1fa-1d5f-4a6a-8a6c-2f1f5a5f2b11';

function ports(options: {
  readonly runs: readonly ExpectedRun[];
  readonly texts?: Readonly<Record<string, string>>;
  readonly kube?: ExaminationPorts['kube'];
  readonly date?: string;
}): ExaminationPorts {
  const { texts = {}, runs, kube, date } = options;
  const files = {
    stat: async (path: string) => (path in texts ? { kind: 'file', size: 1, mode: 0 } : undefined),
    readText: async (path: string) => texts[path] ?? '',
  } as Files;
  const http = {
    request: async () => ({ status: 200, headers: date ? { date } : {}, body: new Uint8Array() }),
  };
  return { process: fakeProcess(runs), files, clock: fakeClock(), http, kube };
}

const ubuntu = {
  '/etc/os-release': 'ID=ubuntu\nVERSION_ID="22.04"\n',
  '/proc/version': 'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@b)',
};
const disk = (kib: number): ExpectedRun => ({
  program: 'df',
  args: ['-Pk', '/'],
  answer: { stdout: `head\n/dev/sdc 1 1 ${kib} 5% /\n` },
});
const time = (said: string): ExpectedRun => ({
  program: 'timedatectl',
  args: () => true,
  answer: { stdout: `${said}\n` },
});
const missing = (program: string): ExpectedRun => ({
  program,
  args: () => true,
  answer: async () => {
    throw new ZakenakError({ code: 'tool/missing', message: program, remedy: 'Install it.', exitCode: 3 });
  },
});
const good: readonly ExpectedRun[] = [
  { program: 'nvidia-smi', args: ['-L'] },
  {
    program: 'nvidia-smi',
    args: (args) => args[0]?.startsWith('--query') === true,
    answer: { stdout: `0, ${uuid}, NVIDIA GeForce RTX 4090, 572.16, 24564, 8.9` },
  },
  { program: 'nvidia-smi', args: [], answer: { stdout: 'CUDA Version: 12.8' } },
  {
    program: 'nvidia-ctk',
    args: ['--version'],
    answer: { stdout: 'NVIDIA Container Toolkit CLI version 1.17.8\ncommit: f8daa5e' },
  },
  { program: 'nvidia-ctk', args: ['cdi', 'list'], answer: { stdout: 'nvidia.com/gpu=all' } },
  {
    program: 'docker',
    args: () => true,
    answer: { stdout: '{"ServerVersion":"27.1.1","Runtimes":{"nvidia":{}}}' },
  },
  disk(100_000_000),
  time('yes'),
];

test('a workstation that has everything has no finding', async () => {
  const report = await examineHost(request, ports({ runs: good, texts: ubuntu, kube: playKube({}) }));
  assert.deepEqual(report.findings, []);
  assert.equal(report.verdict, 'passed');
  assert.equal(report.outputs.unmet, 0);
  const { driver, kubernetes, containers } = report.outputs.facts as Record<string, unknown>;
  assert.equal(driver, '572.16');
  assert.equal(kubernetes, 'v1.34.4');
  assert.deepEqual(containers, {
    cdiDevices: ['nvidia.com/gpu=all'],
    dockerHasRuntime: true,
    toolkit: '1.17.8',
    docker: '27.1.1',
  });
});

test('a bare old machine gets one finding for each requirement', async () => {
  const runs = [missing('nvidia-smi'), missing('nvidia-ctk'), missing('docker'), disk(1_000), time('no')];
  const texts = {
    '/etc/os-release': 'ID=ubuntu\nVERSION_ID="20.04"\n',
    '/proc/version': 'Linux version 4.19.128-microsoft-standard-WSL2 (root@b)',
  };
  const report = await examineHost(request, ports({ runs, texts }));
  assert.equal(report.verdict, 'failed');
  assert.deepEqual(report.findings.map(({ ruleId }) => ruleId).sort(), [
    'gpu/driver-missing',
    'gpu/toolkit-missing',
    'host/clock-not-synchronized',
    'host/disk-full',
    'host/docker-missing',
    'host/no-cluster',
    'host/ubuntu-too-old',
    'host/wsl-kernel-too-old',
  ]);
  for (const { remedy } of report.findings) assert.ok(remedy);
});

test('a machine that needs no GPU is not blamed for having none', async () => {
  const runs = [
    missing('nvidia-smi'),
    missing('nvidia-ctk'),
    good[5] as ExpectedRun,
    disk(100_000_000),
    time('yes'),
  ];
  const report = await examineHost(
    { ...request, gpu: false },
    ports({ runs, texts: ubuntu, kube: playKube({}) }),
  );
  assert.deepEqual(report.findings, []);
});

test('an old cluster and a drifting clock are found', async () => {
  const kube = { ...playKube({}), version: async () => ({ major: 1, minor: 24, gitVersion: 'v1.24.17' }) };
  const runs = good.slice(0, -1);
  const date = 'Wed, 31 Dec 2025 23:59:00 GMT';
  const report = await examineHost(
    { ...request, timeReference: 'https://forge.invalid' },
    ports({ runs, texts: ubuntu, kube, date }),
  );
  assert.deepEqual(report.findings.map(({ ruleId }) => ruleId).sort(), [
    'host/clock-drift',
    'host/kubernetes-too-old',
  ]);
  assert.equal((report.outputs.facts as { clockDriftMs: number }).clockDriftMs, 60_000);
});
