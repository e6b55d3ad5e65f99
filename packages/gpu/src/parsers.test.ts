import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInputs, ZakenakError } from '@zakenak/core';
import { parseCdiDevices, parseDockerInfo } from './containers.ts';
import { parseGpuShare, parseSpeed } from './inference.ts';
import { explainSmiFailure, parseCudaVersion, parseGpuList, parseGpus } from './nvidia-smi.ts';
import { readQuantity, readSmokeRequest } from './request.ts';
import { spec } from './spec.ts';
import { parseFreeBytes, parseSystem } from './system.ts';
import { compareVersions, isOlder, majorOf } from './versions.ts';

test('NVIDIA’s padded driver versions compare by number', () => {
  assert.equal(compareVersions('535.104.05', '535.104.5'), 0);
  assert.equal(isOlder('535.54.03', '535.104.05'), true);
  assert.equal(isOlder('537.13', '535.104.05'), false);
  assert.equal(isOlder('8.9', '7.0'), false);
  assert.equal(isOlder('12.2', '12.8'), true);
  assert.equal(isOlder('v1.25.16-eks-1', '1.25'), false);
  assert.equal(isOlder('[N/A]', '7.0'), false);
  assert.equal(majorOf('12.08'), 12);
});

test('the GPUs of a query are read, values that the driver does not tell stay open', () => {
  const csv = [
    '0, GPU-0e9ac1fa-1d5f-4a6a-8a6c-2f1f5a5f2b11, NVIDIA GeForce RTX 4090, 535.104.05, 24564, 8.9',
    'WARNING: infoROM is corrupted at gpu 0000:01:00.0',
    '1, GPU-5b1b0f0e-9a5f-4d8f-8f6c-0d3a2b1c4e22, NVIDIA GB10, 580.95.05, [N/A], [N/A]',
    '',
  ].join('\r\n');
  assert.deepEqual(parseGpus(csv), [
    {
      index: 0,
      uuid: 'GPU-0e9ac1fa-1d5f-4a6a-8a6c-2f1f5a5f2b11',
      name: 'NVIDIA GeForce RTX 4090',
      driver: '535.104.05',
      memoryMiB: 24564,
      computeCapability: '8.9',
    },
    { index: 1, uuid: 'GPU-5b1b0f0e-9a5f-4d8f-8f6c-0d3a2b1c4e22', name: 'NVIDIA GB10', driver: '580.95.05' },
  ]);
});

test('the CUDA version is read from both shapes of nvidia-smi’s head', () => {
  const head = '| NVIDIA-SMI 535.104.05             Driver Version: 537.13       CUDA Version: 12.2     |';
  assert.equal(parseCudaVersion(head), '12.2');
  assert.equal(parseCudaVersion('CUDA Version        : 13.0'), '13.0');
  assert.equal(parseCudaVersion('| NVIDIA-SMI 535.104.05   CUDA Version: N/A |'), undefined);
});

test('a list of GPUs is told from other text', () => {
  const text =
    'GPU 0: NVIDIA A100 (UUID: GPU-5b1b0f0e-9a5f)\n  MIG 1g.5gb      Device  0: (UUID: MIG-77a1b2c3-1234)\n';
  assert.deepEqual(parseGpuList(text), ['GPU-5b1b0f0e-9a5f', 'MIG-77a1b2c3-1234']);
  assert.deepEqual(parseGpuList('GPU 0 is what I would like to be'), []);
});

test('what nvidia-smi says when it fails names the cause', () => {
  const cases = {
    'No devices were found': 'no-device',
    'Failed to initialize NVML: Driver/library version mismatch': 'driver-mismatch',
    'Failed to initialize NVML: GPU access blocked by the operating system': 'blocked-by-windows',
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.": 'driver-not-loaded',
    "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.": 'driver-libraries-missing',
    'Segmentation fault': 'driver-failed',
  } as const;
  for (const [said, cause] of Object.entries(cases)) assert.equal(explainSmiFailure(said), cause);
});

test('Docker’s runtimes and CDI devices are read', () => {
  const info = JSON.stringify({ ServerVersion: '27.1.1', Runtimes: { nvidia: {}, runc: {} } });
  assert.deepEqual(parseDockerInfo(info), { version: '27.1.1', runtimes: ['nvidia', 'runc'] });
  assert.equal(parseDockerInfo('{"ServerErrors":["Cannot connect"]}'), undefined);
  assert.equal(parseDockerInfo('Cannot connect'), undefined);
  const list = 'INFO[0000] Found 2 CDI devices\nnvidia.com/gpu=0\nnvidia.com/gpu=all\n';
  assert.deepEqual(parseCdiDevices(list), ['nvidia.com/gpu=0', 'nvidia.com/gpu=all']);
});

test('Ollama’s speed and its share in GPU memory are read', () => {
  assert.equal(parseSpeed('{"response":"","eval_count":16,"eval_duration":400000000}'), 40);
  assert.equal(parseSpeed('{"response":"yes"}'), undefined);
  assert.equal(parseSpeed('<html>'), undefined);
  const ps = JSON.stringify({ models: [{ name: 'tiny:latest', size: 1000, size_vram: 250 }] });
  assert.equal(parseGpuShare(ps, 'tiny'), 0.25);
  assert.equal(parseGpuShare(ps, 'other'), undefined);
});

test('WSL2 and the distribution are recognised', () => {
  const release = 'NAME="Ubuntu"\nVERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian\n';
  const proc = 'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@build) (gcc 11.2.0) #1 SMP';
  assert.deepEqual(parseSystem(release, proc), {
    distribution: 'ubuntu',
    version: '22.04',
    kernel: '5.15.153.1-microsoft-standard-WSL2',
    wsl2: true,
  });
  assert.equal(parseSystem(release, 'Linux version 6.1.0-18-amd64').wsl2, false);
});

test('free space is read from df', () => {
  const text =
    'Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/sdc         263112772 10000000 239674472       5% /\n';
  assert.equal(parseFreeBytes(text), 239674472 * 1024);
  assert.equal(parseFreeBytes(''), undefined);
});

test('amounts of memory are read as Kubernetes writes them', () => {
  assert.equal(readQuantity('min-memory', '12Gi'), 12 * 2 ** 30);
  assert.equal(readQuantity('min-memory', '1.5G'), 1.5e9);
  assert.throws(
    () => readQuantity('min-memory', 'much'),
    (error) => error instanceof ZakenakError && error.code === 'gpu/bad-input',
  );
});

test('inputs that mean nothing are refused before anything is done', () => {
  const read = (given: Readonly<Record<string, string>>) =>
    readSmokeRequest(parseInputs(spec, (name) => given[name]));
  assert.equal(read({}).minDriver, '535.104.05');
  assert.equal(read({ timeout: '90s' }).timeoutMs, 90_000);
  for (const given of [
    { 'min-driver': 'new' },
    { 'min-memory': '12 apples' },
    { 'inference-service': 'ollama' },
    { 'inference-url': 'file:///etc/passwd' },
    { level: 'inference' },
  ])
    assert.throws(
      () => read(given),
      (error) => error instanceof ZakenakError && error.code === 'gpu/bad-input' && error.exitCode === 2,
    );
});
