import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { after, before, test } from 'node:test';
import { identify, isAlive, signalProcess, waitForEnd } from '@zakenak/machine';
import { withFolderLock } from './folder-lock.ts';
import { contextName, writeKubeconfig } from './kubeconfig.ts';
import { layoutOf, secretPath } from './layout.ts';
import { findFreePorts } from './loopback-ports.ts';
import { inspectSandbox, readSandbox } from './sandbox.ts';
import { renderNode, simulateGpuNodes } from './simulated-node.ts';
import { readState, writeWhole } from './state.ts';
import { stopSandbox } from './stop.ts';

let home: string;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'zakenak-'));
});
after(() => rm(home, { recursive: true, force: true }));

test('everything of a sandbox lies below its folder', () => {
  const layout = layoutOf('/somewhere/sandbox');
  for (const path of Object.values(layout)) {
    assert.ok(isAbsolute(path) && path.startsWith('/somewhere/sandbox'), path);
  }
  assert.equal(new Set(Object.values(layout)).size, Object.keys(layout).length);
  assert.equal(secretPath(layout, 'ca.key'), '/somewhere/sandbox/secrets/ca.key');
});

test('free ports differ from each other and can be listened on', async () => {
  const ports = await findFreePorts(20);
  assert.equal(new Set(ports).size, 20);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ports[0], '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});

test('a kubeconfig embeds its certificates and is readable by its owner only', async () => {
  const layout = layoutOf(join(home, 'kubeconfig'));
  await mkdir(layout.secrets, { recursive: true });
  for (const name of ['ca.crt', 'admin.crt', 'admin.key'])
    await writeFile(secretPath(layout, name), `the ${name}`);
  await writeKubeconfig(layout, { path: layout.kubeconfig, user: 'admin', server: 'https://127.0.0.1:1' });
  const config = JSON.parse(await readFile(layout.kubeconfig, 'utf8'));
  const decode = (text: string) => Buffer.from(text, 'base64').toString();
  assert.equal(config['current-context'], contextName);
  assert.equal(config.clusters[0].cluster.server, 'https://127.0.0.1:1');
  assert.equal(decode(config.clusters[0].cluster['certificate-authority-data']), 'the ca.crt');
  assert.equal(decode(config.users[0].user['client-key-data']), 'the admin.key');
  assert.equal((await stat(layout.kubeconfig)).mode & 0o777, 0o600);
});

test('a process is known by its start too, so that a later one with its number is another', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const identity = identify(child.pid ?? -1);
  assert.ok(identity && isAlive(identity));
  const later = { ...identity, startedAt: `${identity.startedAt}0` };
  assert.equal(isAlive(later), false);
  assert.equal(signalProcess(later, 'SIGKILL'), false);
  assert.deepEqual(await waitForEnd([identity], 50), [identity]);
  assert.equal(signalProcess(identity, 'SIGKILL'), true);
  assert.deepEqual(await waitForEnd([identity, later], 5_000), []);
  assert.equal(identify(child.pid ?? -1), undefined);
});

const gone = { pid: 2 ** 22 + 1, startedAt: 'never' };

function stateOf(change: object = {}) {
  return {
    schemaVersion: 1,
    phase: 'ready',
    supervisor: gone,
    apiServer: 'https://127.0.0.1:1',
    registry: '127.0.0.1:2',
    nodes: [],
    realNodes: [],
    admissionWebhooks: false,
    processes: [{ ...gone, name: 'etcd', log: '', probe: { url: 'http://127.0.0.1:1' } }],
    ...change,
  };
}

test('a state is written whole, and what cannot be read is no state', async () => {
  const folder = join(home, 'state');
  await mkdir(folder);
  assert.equal(await readState(folder), undefined);
  for (const text of ['', '{', '[]', '{"schemaVersion":2,"processes":[]}', '{"schemaVersion":1}']) {
    await writeFile(layoutOf(folder).state, text);
    assert.equal(await readState(folder), undefined, text);
  }
  await writeWhole(layoutOf(folder).state, stateOf());
  assert.equal((await readState(folder))?.registry, '127.0.0.1:2');
  assert.deepEqual(await readdir(folder), ['sandbox.json']);
  assert.equal((await stat(layoutOf(folder).state)).mode & 0o777, 0o600);
});

test('a sandbox whose supervisor is gone is stale, and stopping it removes its folder once', async () => {
  const folder = join(home, 'stale');
  await mkdir(folder);
  assert.equal((await inspectSandbox(folder)).phase, 'absent');
  await writeWhole(layoutOf(folder).state, stateOf());
  const status = await inspectSandbox(folder);
  assert.equal(status.phase, 'stale');
  assert.equal(status.sandbox, undefined);
  assert.deepEqual(
    status.processes.map(({ state }) => state),
    ['gone'],
  );
  assert.equal(await readSandbox(folder), undefined);
  assert.equal(await stopSandbox(folder), true);
  await assert.rejects(stat(folder));
  assert.equal(await stopSandbox(folder), false);
});

test('one at a time holds a folder, and a lock whose holder is gone is taken over', async () => {
  const folder = join(home, 'locked');
  await writeFile(`${folder}.lock`, JSON.stringify(gone));
  let inside = 0;
  const enter = () =>
    withFolderLock(folder, async () => {
      inside += 1;
      assert.equal(inside, 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
      inside -= 1;
    });
  await Promise.all([enter(), enter(), enter()]);
  await assert.rejects(stat(`${folder}.lock`));
});

test('simulated nodes say what they are and carry the GPUs that were asked for', () => {
  const nodes = simulateGpuNodes(2, 4);
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['simulated-gpu-1', 'simulated-gpu-2'],
  );
  const rendered = renderNode(nodes[0] as (typeof nodes)[0]) as {
    metadata: { labels: Record<string, string> };
    status: { capacity: Record<string, string> };
  };
  assert.equal(rendered.status.capacity['nvidia.com/gpu'], '4');
  assert.equal(rendered.metadata.labels['nvidia.com/gpu.count'], '4');
  assert.equal(rendered.metadata.labels['zakenak.dev/simulated'], 'true');
});
