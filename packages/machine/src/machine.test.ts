import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cancelled, createRedactor } from '@zakenak/core';
import { fileError } from './errors.ts';
import { createFiles } from './files.ts';
import { createLog } from './log.ts';
import { createProcessRunner } from './process-runner.ts';

const runner = createProcessRunner();
const node = (script: string, ...args: string[]) => ({
  program: process.execPath,
  args: ['-e', script, ...args],
});

async function isAlive(pid: number): Promise<boolean> {
  // A zombie still answers signal 0.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}

test('arguments reach the program as they are', async () => {
  const hostile = ['$(touch x)', '; ls', '`id`', 'a b', '', '"', "'"];
  const { stdout } = await runner.run(node('console.log(JSON.stringify(process.argv.slice(1)))', ...hostile));
  assert.deepEqual(JSON.parse(stdout), hostile);
});

test('a non-zero exit is a result and lines arrive one by one', async () => {
  const lines: string[] = [];
  const result = await runner.run({
    ...node('console.log("a\\nb"); console.error("c"); process.exit(7)'),
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  assert.equal(result.exitCode, 7);
  assert.deepEqual(lines.sort(), ['stderr c', 'stdout a', 'stdout b']);
  assert.equal(result.stdout, 'a\nb\n');
});

test('output is passed on piece by piece and not kept, and what its taker throws ends the program', async () => {
  let size = 0;
  const result = await runner.run({
    ...node('process.stdout.write("x".repeat(2e6)); console.error("c")'),
    onChunk: (chunk) => {
      size += chunk.length;
    },
    maxOutputBytes: 1_000,
  });
  assert.deepEqual([size, result.exitCode, result.stdout, result.stderr], [2_000_000, 0, '', 'c\n']);
  const started = performance.now();
  const wrong = new Error('not this');
  await assert.rejects(
    runner.run({
      ...node('setInterval(() => process.stdout.write("x"), 10)'),
      onChunk: () => {
        throw wrong;
      },
    }),
    wrong,
  );
  assert.ok(performance.now() - started < 10_000);
});

test('a missing program, too much output and a timeout have their codes', async () => {
  await assert.rejects(runner.run({ program: 'no-such-program-here', args: [] }), {
    code: 'tool/missing',
    exitCode: 3,
  });
  await assert.rejects(
    runner.run({ ...node('process.stdout.write("x".repeat(1e6))'), maxOutputBytes: 1_000 }),
    { code: 'process/too-much-output' },
  );
  await assert.rejects(runner.run({ ...node('setTimeout(() => {}, 60000)'), timeoutMs: 200 }), {
    code: 'process/timed-out',
  });
});

test('a program that takes too much memory is ended at once', {
  skip: process.platform !== 'linux',
}, async () => {
  const greedy = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(32 * 1024 * 1024, 1)), 20)';
  const command = { ...node(greedy), maxMemoryBytes: 256 * 1024 * 1024, timeoutMs: 30_000 };
  await assert.rejects(runner.run(command), { code: 'process/too-much-memory', exitCode: 4 });
  const modest = await runner.run({ ...command, ...node('setTimeout(() => {}, 300)') });
  assert.equal(modest.exitCode, 0);
});

test('cancelling ends the program and its children', async () => {
  const controller = new AbortController();
  const pids: number[] = [];
  const script =
    'const c = require("child_process").spawn(process.execPath, ["-e", "setInterval(()=>{},1e3)"]); console.log(process.pid); console.log(c.pid); setInterval(()=>{},1e3)';
  const run = runner.run(
    {
      ...node(script),
      onLine: (line) => {
        pids.push(Number(line));
        if (pids.length === 2) controller.abort(cancelled());
      },
    },
    controller.signal,
  );
  await assert.rejects(run, { code: 'run/cancelled', exitCode: 130 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(await Promise.all(pids.map(isAlive)), [false, false]);
});

test('a path cannot leave the workspace, also not through a link', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-files-'));
  t.after(() => rm(folder, { recursive: true }));
  const root = join(folder, 'work');
  await mkdir(join(root, 'in'), { recursive: true });
  await writeFile(join(folder, 'secret'), 's');
  await symlink(folder, join(root, 'out'));
  await symlink(join(folder, 'not-yet'), join(root, 'dangling'));
  const files = createFiles(root);
  for (const path of [
    '../secret',
    'out/secret',
    'in/../../secret',
    '/etc/passwd',
    'dangling',
    'out/new/file',
  ]) {
    await assert.rejects(files.resolve(path), { code: 'files/outside-workspace', exitCode: 5 }, path);
  }
  for (const pattern of ['{..,in}/s*', 'out/s*', '{.,..}/secret'])
    await assert.rejects(files.glob([pattern]), { code: 'files/outside-workspace' }, pattern);
  await assert.rejects(files.glob(['../../s*'], { cwd: join(root, 'in') }), {
    code: 'files/outside-workspace',
  });
  assert.equal(await files.resolve('in/new/file'), join(root, 'in/new/file'));
  await assert.rejects(files.readText('out/secret'), { code: 'files/outside-workspace' });
});

test('a link does not lead into .git, where a checkout keeps its credentials', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'zakenak-files-'));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, '.git'));
  await writeFile(join(root, '.git/config'), '');
  await symlink('.git/config', join(root, 'file'));
  await symlink('.git', join(root, 'folder'));
  const files = createFiles(root);
  for (const path of ['file', 'folder', 'folder/config'])
    await assert.rejects(files.resolve(path), { code: 'files/outside-workspace' }, path);
  assert.equal(await files.resolve('.git/config'), join(root, '.git/config'));
});

test('a write is whole or not there, and leaves no temporary file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-files-'));
  t.after(() => rm(folder, { recursive: true }));
  const files = createFiles(folder);
  await files.write('a/b.txt', 'text', { mode: 0o600 });
  assert.equal(await files.readText('a/b.txt'), 'text');
  assert.equal((await files.stat('a/b.txt'))?.mode, 0o600);
  await assert.rejects(files.write('a/b.txt/c', 'x'), { code: /^files\// });
  assert.deepEqual(await readdir(join(folder, 'a')), ['b.txt']);
  await assert.rejects(files.readText('nothing'), { code: 'files/not-found', exitCode: 2 });
  assert.equal(await files.stat('nothing'), undefined);
});

test('a folder that cannot be written to says so', async () => {
  // /proc refuses also root.
  await assert.rejects(createFiles('/proc').write('zakenak', 'x'), {
    code: /^files\/(read-only|not-found)$/,
  });
});

test('a right that lacks is one to read or one to write', () => {
  for (const code of ['EACCES', 'EPERM']) {
    const cause = Object.assign(new Error('denied'), { code });
    const [read, write] = (['read', 'write'] as const).map((tried) => fileError('a', cause, tried));
    assert.deepEqual([read?.code, write?.code], ['files/unreadable', 'files/read-only']);
    assert.match(read?.remedy ?? '', /right to read/);
  }
});

test('globs find files below the workspace but not in .git', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-files-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const path of [
    ...['a/Chart.yaml', 'b/c/Chart.yaml', '.git/Chart.yaml', 'node_modules/x/Chart.yaml'],
    ...['.d/.git/Chart.yaml', '.d/node_modules/Chart.yaml'],
  ]) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), '');
  }
  assert.deepEqual(await createFiles(folder).glob(['**/Chart.yaml']), ['a/Chart.yaml', 'b/c/Chart.yaml']);
  await symlink('a', join(folder, 'b/node_modules'));
  await symlink('../a', join(folder, 'b/.git'));
  assert.deepEqual(await createFiles(folder).glob(['**/*', '**/.*'], { links: true }), [
    '.git',
    'a/Chart.yaml',
    'b/.git',
    'b/c/Chart.yaml',
    'b/node_modules',
    'node_modules/x/Chart.yaml',
  ]);
  assert.deepEqual(await createFiles(folder).glob(['**/.*/**']), []);
  const hidden = await createFiles(folder).glob(['**/.*/**'], { links: true });
  assert.deepEqual(hidden, ['.d/.git', '.d/node_modules/Chart.yaml']);
});

test('a temporary folder disappears', async () => {
  let path = '';
  {
    await using folder = await createFiles('/').temporaryFolder('test');
    path = folder.path;
    await writeFile(join(path, 'x'), '');
  }
  await assert.rejects(readdir(path));
});

test('a log is redacted, cannot steer the terminal, and folds as the host does', async () => {
  const written: string[] = [];
  const redactor = createRedactor();
  redactor.add('hunter-two');
  const write = (text: string) => void written.push(text);
  createLog({ write, redactor, groups: 'github' }).info('the hunter-two \u001b[2J');
  await createLog({ write, redactor, groups: 'github' }).group('a\n::error::x', async () => {});
  await createLog({ write, redactor, groups: 'azure' }).group('a ##[error]x', async () => {});
  assert.deepEqual(written, [
    'the *** \\x1b[2J\n',
    '::group::a\\n::error::x\n',
    '::endgroup::\n',
    '##[group]a #\\x23[error]x\n',
    '##[endgroup]\n',
  ]);
});
