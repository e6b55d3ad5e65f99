import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedactor, parseInputs } from '@zakenak/core';
import { collectingLog, collectingProgress } from '@zakenak/core/testing';
import { createGit, resolveRange } from '@zakenak/git';
import { createFiles, createHttp, createProcessRunner } from '@zakenak/machine';
import { scanSecrets, spec } from '@zakenak/secrets';
import { createToolchain } from '@zakenak/toolchain';

// Histories of 10,000 commits, scanned by one `gitleaks git` and by us, in turns; then ten commits more, with the earlier ones remembered. One is of random words, in which nothing can be
// found by a keyword alone; the other of this repository's own lines, where passwords and tokens are spoken of in every tenth commit.
const commits = 10_000;
const rounds = 5;
const folder = mkdtempSync(join(tmpdir(), 'zakenak-bench-secrets-'));
const runner = createProcessRunner();
const toolchain = createToolchain({
  process: runner,
  env: process.env,
  http: createHttp(),
  progress: { emit() {} },
});
const ownLines = execFileSync('git', ['grep', '-Ih', '-e', '', '--', '*.ts', '*.md', '*.yaml'], {
  cwd: join(import.meta.dirname, '../..'),
  encoding: 'utf8',
  maxBuffer: 256 * 1024 * 1024,
}).split('\n');

try {
  for (const shape of ['random words', 'own lines'] as const) await compare(shape);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function compare(shape: 'random words' | 'own lines'): Promise<void> {
  const root = join(folder, shape.replace(' ', '-'));
  execFileSync('git', ['init', '-q', '-b', 'main', root]);
  grow(root, shape, 0, commits);
  const gitleaks = () =>
    toolchain.run({ program: 'gitleaks', args: ['git', root, '--exit-code=0', '--no-banner'] });
  const git = createGit({ process: toolchain, root });
  const scan = (cacheFolder?: string) =>
    scanSecrets(
      {
        ...parseInputs(spec, (name) => (name === 'scope' ? 'history' : undefined)),
        range: () => resolveRange({ kind: 'local' }, git),
        ...(cacheFolder ? { cacheFolder } : {}),
      },
      {
        process: toolchain,
        files: createFiles(root),
        git,
        log: collectingLog(),
        progress: collectingProgress(),
        redactor: createRedactor(),
      },
    );
  await gitleaks();
  const samples = { gitleaks: [] as number[], ours: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    samples.gitleaks.push(await time(gitleaks));
    samples.ours.push(await time(() => scan()));
  }
  const cache = join(folder, `cache of ${shape}`);
  await scan(cache);
  const again: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    grow(root, shape, commits + round * 10, 10);
    again.push(await time(() => scan(cache)));
  }
  const [theirs, ours, rescan] = [median(samples.gitleaks), median(samples.ours), median(again)];
  const lines = [
    `${shape}, ${commits} commits on ${cpus().length} cores, median of ${rounds}`,
    `  gitleaks git        ${theirs.toFixed(0)} ms (${samples.gitleaks.map((ms) => ms.toFixed(0)).join(', ')})`,
    `  scan-secrets        ${ours.toFixed(0)} ms (${samples.ours.map((ms) => ms.toFixed(0)).join(', ')}), merges' own contents and Kubernetes' rules included: ${(theirs / ours).toFixed(2)} times as fast; aim 1.5`,
    `  10 commits later    ${rescan.toFixed(0)} ms, the others remembered; aim 2000`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (rescan >= 2000 || theirs / ours < 1.5) process.exitCode = 1;
}

/** Commits on top of main, each of one file of forty lines of text; made by git fast-import. */
function grow(root: string, shape: 'random words' | 'own lines', from: number, count: number): void {
  const parts: string[] = [];
  for (let index = from; index < from + count; index += 1) {
    const text = Array.from({ length: 40 }, (_, line) =>
      shape === 'own lines'
        ? `${ownLines[(index * 40 + line) % ownLines.length]}${line === 0 ? ` ${index}` : ''}`
        : `line ${line}: ${randomBytes(20).toString('base64')}`,
    ).join('\n');
    const path = `folder${index % 50}/file${index % 500}.${index % 5 === 0 ? 'yaml' : 'txt'}`;
    const time = 1_700_000_000 + index;
    parts.push(`commit refs/heads/main\ncommitter b <b@example.invalid> ${time} +0000\ndata 1\nx\n`);
    if (index === from && from > 0) parts.push('from refs/heads/main^0\n');
    parts.push(`M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`);
  }
  const { status } = spawnSync('git', ['fast-import', '--quiet'], { cwd: root, input: parts.join('') });
  if (status !== 0) throw new Error(`git fast-import ended with ${status}`);
}

async function time(body: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await body();
  return performance.now() - started;
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
