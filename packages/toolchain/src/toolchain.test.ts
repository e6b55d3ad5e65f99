import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { collectingProgress } from '@zakenak/core/testing';
import { createHttp, createProcessRunner } from '@zakenak/machine';
import { install, platform } from './install.ts';
import { withLock } from './lock.ts';
import { findEntry, manifest, type ToolEntry } from './manifest.ts';
import { cacheFolder, createToolchain } from './toolchain.ts';

async function sandbox(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-tools-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const program = async (name: string, version: string) => {
    await writeFile(
      join(bin, name),
      `#!/bin/sh\necho called >> ${folder}/calls\necho "${name} v${version}"\n`,
    );
    await chmod(join(bin, name), 0o755);
  };
  const calls = async () =>
    (await readFile(join(folder, 'calls'), 'utf8').catch(() => '')).split('\n').length - 1;
  const progress = collectingProgress();
  const how = {
    cacheFolder: join(folder, 'cache'),
    process: createProcessRunner(),
    http: createHttp(),
    progress,
    offline: false,
  };
  const toolchain = (env: Record<string, string> = {}) =>
    createToolchain({
      ...how,
      process: createProcessRunner({ PATH: bin }),
      env: { PATH: bin, ZAKENAK_CACHE_DIR: how.cacheFolder, ...env },
    });
  return { folder, bin, program, calls, how, toolchain };
}

test('a program on the PATH that fits is used, and asked for its version once', async (t) => {
  const { bin, program, calls, toolchain } = await sandbox(t);
  await program('gitleaks', '8.28.0');
  assert.equal(await toolchain().resolve('gitleaks'), join(bin, 'gitleaks'));
  assert.equal(await toolchain().resolve('gitleaks'), join(bin, 'gitleaks'));
  assert.equal(await calls(), 1);
});

test('a program with another version is refused by name, version and remedy when nothing better can be had', async (t) => {
  const { program, toolchain } = await sandbox(t);
  await program('gitleaks', '7.0.0');
  await assert.rejects(
    toolchain({ ZAKENAK_OFFLINE: '1' }).resolve('gitleaks'),
    (error: { code?: string; message: string; remedy?: string; exitCode?: number }) => {
      assert.equal(error.code, 'tool/wrong-version');
      assert.match(error.message, /gitleaks is 7\.0\.0 at .*, and >=8\.24\.0 is needed/);
      assert.equal(error.exitCode, 3);
      assert.ok(error.remedy);
      return true;
    },
  );
});

test('a missing program says how each way to it ended', async (t) => {
  const { toolchain } = await sandbox(t);
  await assert.rejects(toolchain().resolve('kubeconform'), {
    code: 'tool/missing',
    message: /kubeconform 0\.8\.0 .* Go is not on the PATH/,
  });
  await assert.rejects(toolchain().resolve('nvidia-smi'), { code: 'tool/missing', remedy: /535\.104\.05/ });
  await assert.rejects(toolchain().resolve('frobnicate'), { code: 'tool/missing' });
});

test('an override is taken as it is', async (t) => {
  const { toolchain } = await sandbox(t);
  assert.equal(
    await toolchain({ ZAKENAK_SSH_KEYGEN_PATH: '/opt/ssh-keygen' }).resolve('ssh-keygen'),
    '/opt/ssh-keygen',
  );
});

async function served(t: TestContext, body: string) {
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tool`;
  const sha256 = createHash('sha256').update(body).digest('hex');
  const entry = (digest = sha256): ToolEntry => ({
    description: 'd',
    version: '1.0.0',
    remedy: 'r',
    downloads: [{ platform, url, sha256: digest }],
  });
  return { entry, close: () => server.close() };
}

test('a download with the pinned digest is installed and runs', async (t) => {
  const { how } = await sandbox(t);
  const { entry } = await served(t, '#!/bin/sh\necho hello\n');
  const path = await install('tool', entry(), how, []);
  assert.equal((await how.process.run({ program: path ?? '', args: [] })).stdout, 'hello\n');
});

test('a mirror serves downloads in their own host’s place, and what it serves has to have the pinned digest too', async (t) => {
  const { how } = await sandbox(t);
  const asked: string[] = [];
  const server = createServer(({ url }, response) => {
    asked.push(url ?? '');
    response.end('#!/bin/sh\necho mirrored\n');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const sha256 = createHash('sha256').update('#!/bin/sh\necho mirrored\n').digest('hex');
  const entry = (digest: string): ToolEntry => ({
    ...{ description: 'd', version: '1.0.0', remedy: 'r' },
    downloads: [{ platform, url: 'https://tools.example.invalid/v1/tool', sha256: digest }],
  });
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/`;
  const path = await install('tool', entry(sha256), { ...how, mirror }, []);
  assert.equal((await how.process.run({ program: path ?? '', args: [] })).stdout, 'mirrored\n');
  assert.deepEqual(asked, ['/files/tools.example.invalid/v1/tool']);
  await assert.rejects(install('tool', entry('0'.repeat(64)), { ...how, mirror }, []), {
    code: 'tool/checksum-mismatch',
  });
});

test('a download with another digest is refused and nothing of it stays', async (t) => {
  const { how } = await sandbox(t);
  const { entry } = await served(t, 'evil');
  await assert.rejects(install('tool', entry('0'.repeat(64)), how, []), {
    code: 'tool/checksum-mismatch',
    exitCode: 5,
  });
  assert.deepEqual(await readdir(join(how.cacheFolder, 'partial')), []);
  assert.deepEqual((await readdir(how.cacheFolder)).includes('tools'), false);
});

test('two processes that want the same program fetch it once', async (t) => {
  const { how, folder } = await sandbox(t);
  let inside = 0;
  let most = 0;
  const body = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 50));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withLock(join(folder, 'lock'), undefined, body)));
  assert.equal(most, 1);
  const { entry } = await served(t, '#!/bin/sh\n');
  const paths = await Promise.all([1, 2, 3].map(() => install('tool', entry(), how, [])));
  assert.equal(new Set(paths).size, 1);
  const done = how.progress.events.filter(({ state }) => state === 'done');
  assert.equal(done.length, 1);
});

test('the lock of a dead process is taken over', async (t) => {
  const { folder } = await sandbox(t);
  await mkdir(join(folder, 'lock'));
  await writeFile(join(folder, 'lock', 'pid'), '4194300');
  assert.equal(await withLock(join(folder, 'lock'), undefined, async () => 'in'), 'in');
});

test('Go builds a wrapper module into the cache', async (t) => {
  const { how, folder } = await sandbox(t);
  const source = join(folder, 'module');
  await mkdir(source);
  await writeFile(join(source, 'go.mod'), 'module example.invalid/hello\n\ngo 1.21\n');
  await writeFile(join(source, 'main.go'), 'package main\n\nfunc main() { println("built") }\n');
  const entry: ToolEntry = {
    description: 'd',
    version: '1',
    remedy: 'r',
    go: { wrapper: source, packagePath: '.' },
  };
  const path = (await install('hello', entry, how, [])) ?? '';
  assert.match((await how.process.run({ program: path, args: [] })).stderr, /built/);
  await writeFile(join(source, 'main.go'), 'package main\n\nfunc main() { nonsense }\n');
  await assert.rejects(install('hello', entry, how, []), { code: 'tool/build-failed' });
});

test('every program that we install has a version, a way and a remedy', () => {
  for (const name of Object.keys(manifest)) {
    const entry = findEntry(name);
    assert.ok(entry?.remedy, name);
    if (entry?.version) assert.ok(entry.go ?? entry.downloads, name);
    for (const { sha256 } of entry?.downloads ?? []) assert.match(sha256, /^[0-9a-f]{64}$/);
  }
});

test('an empty variable names no folder for the cache', () => {
  const env = { HOME: '/home/me', ZAKENAK_CACHE_DIR: '', XDG_CACHE_HOME: '' };
  assert.equal(cacheFolder(env), '/home/me/.cache/zakenak');
  assert.equal(cacheFolder({ ...env, XDG_CACHE_HOME: '/cache' }), '/cache/zakenak');
  assert.equal(cacheFolder({ ...env, ZAKENAK_CACHE_DIR: '/own' }), '/own');
});
