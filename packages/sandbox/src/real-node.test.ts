import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ZakenakError } from '@zakenak/core';
import { layoutOf } from './layout.ts';
import { cgroupName } from './node-cgroups.ts';
import { insidePath, nodeFilesOf, writeNodeConfiguration } from './node-configuration.ts';
import { describeNodeDaemons } from './node-daemons.ts';
import { type ImageEntry, packImages, packTar } from './oci-archive.ts';
import { checkMachine, isStatic, resolveNodePrograms } from './real-node.ts';

const programs = { holder: '/h', containerd: '/usr/bin/containerd', plugin: '/cni/ptp', busybox: '/b' };
const entries: readonly ImageEntry[] = [
  { path: 'bin', folder: true, mode: 0o755 },
  { path: 'bin/tool', content: Buffer.from('content'), mode: 0o755 },
  { path: 'bin/alias', link: 'tool' },
];

async function inTemporary(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-'));
  await body(folder).finally(() => rm(folder, { recursive: true, force: true }));
}

test('tar unpacks what was packed, with modes and links', () => {
  const listed = execFileSync('tar', ['-tv', '--numeric-owner'], {
    input: packTar(entries),
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
  assert.deepEqual(
    listed
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' ')),
    [
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin',
      '-rwxr-xr-x 0/0 7 1970-01-01 00:00 bin/tool',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/alias -> tool',
    ],
  );
  assert.throws(() => packTar([{ path: 'x'.repeat(101), folder: true, mode: 0o755 }]), RangeError);
});

test('every blob of an image archive lies under its digest, and images share what is alike', () => {
  const image = (name: string) => ({ name, entries, command: ['tool'] });
  const archive = packImages([image('a.local/a:1'), image('a.local/b:1')], 'amd64');
  assert.deepEqual(archive, packImages([image('a.local/a:1'), image('a.local/b:1')], 'amd64'));
  const tar = (...args: string[]) => execFileSync('tar', args, { input: archive });
  const blobs = tar('-t')
    .toString()
    .split('\n')
    .filter((path) => path.startsWith('blobs/'));
  assert.equal(blobs.length, 3, 'a layer, a configuration and a manifest');
  for (const path of blobs) {
    const hash = createHash('sha256').update(tar('-xO', path)).digest('hex');
    assert.equal(path, `blobs/sha256/${hash}`);
  }
  const { manifests } = JSON.parse(tar('-xO', 'index.json').toString()) as {
    manifests: { annotations: Record<string, string> }[];
  };
  assert.deepEqual(
    manifests.map(({ annotations }) => annotations['io.containerd.image.name']),
    ['a.local/a:1', 'a.local/b:1'],
  );
});

function elf(...types: readonly number[]): Buffer {
  const program = Buffer.alloc(64 + 56 * types.length);
  program.writeUInt32BE(0x7f454c46);
  program.writeBigUInt64LE(64n, 32);
  program.writeUInt16LE(56, 54);
  program.writeUInt16LE(types.length, 56);
  for (const [index, type] of types.entries()) program.writeUInt32LE(type, 64 + 56 * index);
  return program;
}

test('a program that asks for an interpreter is not static, nor is a script', () => {
  assert.equal(isStatic(elf(1, 2)), true);
  assert.equal(isStatic(elf(1, 3, 2)), false);
  assert.equal(isStatic(Buffer.from('#!/bin/sh\n'.padEnd(80, '#'))), false);
  assert.equal(isStatic(Buffer.alloc(0)), false);
});

test('each folder has a control group of its own, always the same', () => {
  assert.equal(cgroupName('/a'), cgroupName('/a'));
  assert.notEqual(cgroupName('/a'), cgroupName('/b'));
  assert.match(cgroupName('/a'), /^zakenak-[0-9a-f]{12}$/);
});

test('the configuration speaks in the node’s paths and of this sandbox’s ports only', () =>
  inTemporary(async (home) => {
    const layout = layoutOf(join(home, 'sandbox'));
    assert.equal(insidePath(layout, join(layout.secrets, 'ca.crt')), '/run/zakenak/secrets/ca.crt');
    await writeNodeConfiguration(layout, programs, { apiServer: 1001, kwok: 1002, registry: 1003 });
    const settings = JSON.parse(await readFile(nodeFilesOf(layout).settings, 'utf8'));
    assert.equal(settings.folder, layout.folder);
    assert.deepEqual(settings.ports, [1001, 1002, 1003]);
    assert.deepEqual(await readdir(join(layout.configuration, 'certs.d')), ['127.0.0.1:1003']);
    for (const name of ['containerd.toml', 'kubelet.json', 'kube-proxy.json']) {
      const text = await readFile(join(layout.configuration, name), 'utf8');
      assert.equal(text.includes(home), false, `${name} names a path of the host`);
    }
    const { holder, ...others } = describeNodeDaemons(layout, programs, '/k');
    assert.deepEqual(holder.args, ['hold', nodeFilesOf(layout).settings]);
    for (const { args } of Object.values(others)) {
      assert.deepEqual(args.slice(0, 2), ['enter', nodeFilesOf(layout).initPid]);
    }
  }));

const isUnsupported = (pattern: RegExp) => (error: unknown) => {
  const { code, message, remedy } = error as ZakenakError;
  assert.equal(code, 'sandbox/unsupported');
  assert.match(`${message} ${remedy}`, pattern);
  return true;
};

test('all missing programs are named at once, and a busybox that cannot stand alone is refused', () =>
  inTemporary(async (home) => {
    const absent = ['containerd', 'iptables'];
    const toolchain = (missing: readonly string[]) => ({
      resolve: async (name: string) => {
        if (missing.includes(name)) throw Object.assign(new Error(name), { code: 'tool/missing' });
        return process.execPath;
      },
    });
    await assert.rejects(
      resolveNodePrograms(toolchain(absent)),
      isUnsupported(/not here: containerd, iptables\. .*apt-get install containerd/),
    );
    await assert.rejects(resolveNodePrograms(toolchain([])), isUnsupported(/linked dynamically/));
    const broken = { resolve: () => Promise.reject(new Error('no disk')) };
    await assert.rejects(resolveNodePrograms(broken), /no disk/);
    assert.deepEqual(await readdir(home), []);
  }));

test('a machine that cannot have a real node is told why', () => {
  const long = layoutOf(`/${'x'.repeat(120)}`);
  if (process.platform !== 'linux') assert.throws(() => checkMachine(long), isUnsupported(/Linux/));
  else if (process.getuid?.() !== 0) assert.throws(() => checkMachine(long), isUnsupported(/root/));
  else assert.throws(() => checkMachine(long), isUnsupported(/too long/));
});
