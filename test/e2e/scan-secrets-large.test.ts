import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from '@zakenak/core';
import { scanSecrets } from '@zakenak/secrets';
import { reportOf, runCli } from './cli-fixture.ts';
import { makeRepository, makeToken } from './secrets-fixture.ts';

const mebibyte = 1024 * 1024;
const filler = Buffer.from(
  `${'a plain line of a log, as there are many\n'.repeat(26_000).slice(0, mebibyte - 1)}\n`,
);
const linesOfFiller = filler.toString().split('\n').length - 1;

type Repository = Awaited<ReturnType<typeof makeRepository>>;

/** Commits a file of `size` MiB with `extra` after each of the mebibytes named; made by fast-import as it is read. */
async function commitLarge(
  { root }: Repository,
  path: string,
  size: number,
  extra: ReadonlyMap<number, string>,
) {
  const child = spawn('git', ['-c', 'core.compression=1', 'fast-import', '--quiet'], {
    cwd: root,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const added = [...extra.values()].reduce((sum, text) => sum + text.length, 0);
  child.stdin.write(
    `commit refs/heads/main\ncommitter t <t@example.invalid> 1700000000 +0000\ndata 1\nx\nfrom refs/heads/main^0\nM 100644 inline ${path}\ndata ${size * mebibyte + added}\n`,
  );
  for (let index = 0; index < size; index++) {
    if (!child.stdin.write(filler)) await once(child.stdin, 'drain');
    const text = extra.get(index);
    if (text) child.stdin.write(text);
  }
  child.stdin.end('\n');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
}

/** The most memory that this process and its children had at one time, in MiB, and who had it, watched while `body` runs. */
async function watchMemory<T>(body: () => Promise<T>): Promise<readonly [T, number, string]> {
  let most = 0;
  let who = '';
  const timer = setInterval(() => {
    const statuses = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          return [readFileSync(`/proc/${name}/status`, 'utf8')];
        } catch {
          return [];
        }
      })
      .map((text) => {
        const read = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
        const name = /^Name:\s+(.*)/m.exec(text)?.[1] ?? '';
        return { name, id: read('Pid'), parent: read('PPid'), size: read('RssAnon') };
      });
    const ours = new Set([process.pid]);
    for (let found = 0; found < ours.size; ) {
      found = ours.size;
      for (const { id, parent } of statuses) if (ours.has(parent)) ours.add(id);
    }
    const own = statuses.filter(({ id }) => ours.has(id));
    const sum = own.reduce((total, { size }) => total + size, 0) / 1024;
    if (sum <= most) return;
    most = sum;
    who = own.map(({ name, size }) => `${name} ${Math.round(size / 1024)}`).join(', ');
  }, 100);
  try {
    return [await body(), most, who];
  } finally {
    clearInterval(timer);
  }
}

test('a secret deep in a file of a gibibyte is found at its line, in bounded memory and time', async (t) => {
  const repository = await makeRepository(t);
  const { commit, git, ports, request } = repository;
  const base = await commit({ a: 'a\n' });
  const token = makeToken();
  await commitLarge(repository, 'dump.log', 1024, new Map([[700, `t=${token}\n`]]));
  const started = performance.now();
  const [report, memory, who] = await watchMemory(() => scanSecrets(request({ base, head: 'main' }), ports));
  const seconds = (performance.now() - started) / 1000;
  assert.deepEqual(
    report.findings.map(({ ruleId, location }) => [ruleId, location?.path, location?.startLine]),
    [['secret/github-pat', 'dump.log', 701 * linesOfFiller + 1]],
  );
  assert.equal(report.verdict, 'failed');
  assert.equal(JSON.stringify([report, ports.log.lines]).includes(token.slice(5, 20)), false);
  t.diagnostic(`${seconds.toFixed(1)} s, ${memory.toFixed(0)} MiB`);
  assert.ok(memory < 1024, `${memory} MiB: ${who}`);
  assert.ok(seconds < 240, `${seconds} s`);
  const tree = await scanSecrets(request({ scope: 'tree', head: git('rev-parse', 'main') }), ports);
  assert.equal(tree.outputs['leaks-count'], 1);
  // The work tree does not have it: the commit removes it.
  await commit({ a: 'b\n' });
  const [after, less] = await watchMemory(() =>
    scanSecrets(request({ base: 'HEAD~1', head: 'HEAD' }), ports),
  );
  assert.equal(after.verdict, 'passed');
  assert.ok(less < 1024, `${less} MiB`);
});

test('what of a large file cannot be scanned is a finding, and an excluded one is none', async (t) => {
  const repository = await makeRepository(t);
  const { commit, ports, request } = repository;
  const base = await commit({ a: 'a\n' });
  await commitLarge(repository, 'a dump.log', 101, new Map([[50, `t=${makeToken()}\n`]]));
  // Without the manifest's program its rules cannot be read.
  const process = { run: (command: Command, signal?: AbortSignal) => ports.process.run(command, signal) };
  const range = { base, head: 'main' };
  const report = await scanSecrets(request(range), { ...ports, process });
  assert.deepEqual(
    report.findings.map(({ ruleId, location }) => `${ruleId} ${location?.path}`),
    ['secret/file-not-scanned a dump.log'],
  );
  assert.deepEqual([report.verdict, report.outputs['new-count']], ['failed', 0]);
  assert.match(report.summary, /No new secrets, 1 file not scanned whole; 1 commit scanned/);
  const excluded = await scanSecrets(request({ ...range, exclude: '*.log' }), { ...ports, process });
  assert.deepEqual([excluded.verdict, excluded.findings], ['passed', []]);
  const known = await scanSecrets(request(range), ports);
  assert.deepEqual([known.verdict, known.outputs['new-count']], ['failed', 1]);
  assert.equal(known.findings[0]?.location?.startLine, 51 * linesOfFiller + 1);
  // Where the path is large in one commit, it is read apart in all.
  await commit({ 'a dump.log': `small\nt=${makeToken()}\n`, 'a_dump.log': `t=${makeToken()}\n` });
  const later = await scanSecrets(request({ base: 'HEAD~1', head: 'HEAD' }), ports);
  const all = await scanSecrets(request({ base, head: 'HEAD' }), ports);
  const lines = (report: typeof all) =>
    report.findings.map(({ location }) => `${location?.path}:${location?.startLine}`);
  assert.deepEqual(lines(later), ['a dump.log:2', 'a_dump.log:1']);
  assert.deepEqual(lines(all), ['a dump.log:2', `a dump.log:${51 * linesOfFiller + 1}`, 'a_dump.log:1']);
});

test('files above max-file-size are named, and files below it are scanned', async (t) => {
  const { commit, ports, request } = await makeRepository(t);
  const base = await commit({ a: 'a\n' });
  await commit({
    'big.txt': `${'x\n'.repeat(1_100_000)}t=${makeToken()}\n`,
    'small.txt': `${'x\n'.repeat(900_000)}t=${makeToken()}\n`,
  });
  const report = await scanSecrets(request({ base, 'max-file-size': '1' }), ports);
  assert.deepEqual(
    report.findings.map(({ location }) => location?.path),
    ['small.txt'],
  );
  assert.deepEqual(report.caveats, [
    'A file is larger than max-file-size (1 MB) and not scanned whole: big.txt.',
  ]);
});

test('ten thousand finds are each told once, on every way out, within a minute', async (t) => {
  const { commit, root } = await makeRepository(t);
  const tokens = Array.from({ length: 100 }, () => makeToken());
  const text = tokens.map((token) => `t=${token}\n`).join('');
  await commit(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`config/${index}.env`, text])));
  const started = performance.now();
  const args = ['secrets', '--scope', 'tree', '--json', '--output-dir', 'out', '--directory', root];
  const outcome = await runCli(args);
  const report = reportOf(outcome);
  assert.equal(outcome.exitCode, 1);
  assert.deepEqual([report.outputs['leaks-count'], report.findings.length], [10_000, 10_000]);
  assert.equal(new Set(report.findings.map(({ fingerprint }) => fingerprint)).size, 10_000);
  const written = [outcome.stdout, outcome.stderr, ...filesBelow(join(root, 'out'))].join('');
  for (const token of tokens) assert.equal(written.includes(token.slice(6)), false);
  assert.ok(performance.now() - started < 60_000);
});

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}
