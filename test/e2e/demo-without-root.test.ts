import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Report } from '@zakenak/core';
import { createTestToolchain } from './sandbox-fixture.ts';

const root = join(import.meta.dirname, '../..');
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zakenak-rootless-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const probe = asUser(['unshare', '--user', '--map-root-user', '--mount', 'test', '-r', root], tmpdir());
const options = probe.status === 0 ? {} : { skip: 'no user namespaces here, or this folder is root’s alone' };

test(
  'a user without root builds an image that copies and labels, and nothing stays behind',
  options,
  async () => {
    const toolchain = createTestToolchain();
    const tools = await Promise.all(['buildctl', 'buildkitd'].map((name) => toolchain.resolve(name)));
    for (const path of tools) cpSync(path, join(folder, 'bin', path.split('/').at(-1) ?? ''));
    const files = { Dockerfile: 'FROM scratch\nLABEL a=b\nCOPY text /text\nUSER 1000\n', text: 'hello\n' };
    for (const [name, text] of Object.entries(files)) write(`workspace/image/${name}`, text);
    for (const name of ['home', 'tmp']) mkdirSync(join(folder, name));
    for (const path of ['', ...globSync('**/*', { cwd: folder })].map((name) => join(folder, name))) {
      if (isRoot) chownSync(path, nobody, nobody);
      chmodSync(path, 0o755);
    }
    const cli = [
      process.execPath,
      join(root, 'packages/cli/src/bin.ts'),
      'build',
      '--json',
      '--builder',
      'private',
    ];
    const image = ['--image', 'registry.invalid/acme/plain', '--context', 'image'];
    const { stdout, stderr } = asUser([...cli, ...image], join(folder, 'workspace'));
    const report = JSON.parse(stdout) as Report;
    assert.equal(report.verdict, 'passed', `${report.summary}\n${stderr}`);
    assert.match(String(report.outputs.digest), /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(globSync('*', { cwd: join(folder, 'tmp') }), []);
    const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    assert.equal(processes.includes(folder), false);
  },
);

function write(name: string, text: string): void {
  mkdirSync(join(folder, dirname(name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

/** Runs a program as a user without any right of root. */
function asUser(command: readonly string[], cwd: string) {
  const drop = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const [program = '', ...args] = [...(isRoot ? drop : []), ...command];
  // The probe runs before there is a folder.
  const place = folder || cwd;
  const env = {
    PATH: process.env.PATH,
    HOME: join(place, 'home'),
    TMPDIR: join(place, 'tmp'),
    ZAKENAK_CACHE_DIR: join(place, 'home/cache'),
    ZAKENAK_BUILDCTL_PATH: join(place, 'bin/buildctl'),
    ZAKENAK_BUILDKITD_PATH: join(place, 'bin/buildkitd'),
    ZAKENAK_OFFLINE: '1',
  };
  return spawnSync(program, args, { cwd, env, encoding: 'utf8' });
}
