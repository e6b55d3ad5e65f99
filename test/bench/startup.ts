import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '@zakenak/devkit';

// Start-up of a bundled action: from `node main.cjs` to the first input read, seen from outside. The first input it reads is given a value that it
// refuses, so the process ends right there; Node's own start-up and end are in the figure, and beside it.
const root = join(import.meta.dirname, '../..');
const limitMs = 150;
const rounds = 21;

const folder = mkdtempSync(join(tmpdir(), 'zakenak-bench-'));
try {
  const { bytes } = await bundle(root, join(folder, 'bundle'));
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  writeFileSync(join(folder, 'event.json'), '{}');
  const main = join(folder, 'bundle/lint-helm/main.cjs');
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
    GITHUB_WORKSPACE: workspace,
    'INPUT_CHANGED-ONLY': 'neither',
    // V8's compiled code is kept here between runs, as on a runner of one's own.
    ZAKENAK_CACHE_DIR: join(folder, 'cache'),
  };
  const action = () => time([main], env, 2);
  const cold = action();
  const samples = { action: [] as number[], node: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    samples.action.push(action());
    samples.node.push(time(['-e', '0'], env, 0));
  }
  const [ours, bare] = [median(samples.action), median(samples.node)];
  const lines = [
    `bundle                ${(bytes / 1e6).toFixed(2)} MB shared by stubs of ${statSync(main).size} bytes`,
    `bundled action        ${ours.toFixed(0)} ms to the first input, median of ${rounds} (${range(samples.action)})`,
    `  its first run       ${cold.toFixed(0)} ms, nothing compiled yet`,
    `node -e 0             ${bare.toFixed(0)} ms, median of ${rounds} (${range(samples.node)})`,
    `ours                  ${(ours - bare).toFixed(0)} ms, ${(ours / bare).toFixed(1)} times bare Node`,
    `Node ${process.version} on ${cpus().length} cores; limit ${limitMs} ms`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = ours < limitMs ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function time(args: readonly string[], env: NodeJS.ProcessEnv, expected: number): number {
  const started = performance.now();
  const { status, stdout } = spawnSync(process.execPath, args, { env, cwd: folder, encoding: 'utf8' });
  const took = performance.now() - started;
  if (status !== expected) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stdout}`);
  if (expected !== 0 && !stdout.includes("'changed-only'")) throw new Error(`not the first input: ${stdout}`);
  return took;
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function range(samples: readonly number[]): string {
  return `${Math.min(...samples).toFixed(0)} to ${Math.max(...samples).toFixed(0)}`;
}
