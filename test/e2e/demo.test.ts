import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { globSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from './sandbox-cli.ts';
import { createTestToolchain } from './sandbox-fixture.ts';

const root = join(import.meta.dirname, '../..');
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zakenak-demo-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test('the demo tells the whole story, keeps the leaked key to itself and leaves no process; the second run takes under a minute', async () => {
  await runDemo();
  const started = performance.now();
  const output = await runDemo();
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < 60, `the second run took ${seconds.toFixed(1)} s`);

  for (const sentence of told) assert.ok(sentence.test(output), `not told: ${sentence}`);
  assert.equal(output.includes('\u001b'), false, 'piped output has no colours');
  const [digest] = /sha256:[0-9a-f]{64}(?=: built, pushed)/.exec(output) ?? [];
  assert.ok(digest && output.split(digest).length > 2, 'what is deployed is what was pushed');
  for (const name of ['report.md', 'report.html']) {
    const page = readFileSync(join(folder, name), 'utf8');
    assert.ok(page.includes(digest) && page.includes('scripts/notify.sh'), name);
  }

  const key = /ghp_[0-9a-f]{36}/;
  assert.doesNotMatch(output, key);
  const files = globSync('**/*', { cwd: folder, exclude: (name) => name === '.git' });
  const texts = [...files, ...globSync('**/.zakenak/**/*', { cwd: folder })].map((name) =>
    join(folder, name),
  );
  assert.ok(texts.some((path) => path.endsWith('review-2/report.sarif')));
  for (const path of texts)
    if (statSync(path).isFile()) assert.doesNotMatch(readFileSync(path, 'latin1'), key, path);
  const objects = execFileSync('git', ['cat-file', '--batch-all-objects', '--batch'], {
    cwd: join(folder, 'repository/work'),
    encoding: 'latin1',
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.ok(objects.includes('zakenak.dev/simulate'));
  assert.doesNotMatch(objects, key, 'the repository forgot it too');
  assert.deepEqual(left(), []);
});

const told: readonly RegExp[] = [
  /^ {2}check {2}PASSED {2}6 of 6 stages ran and held\.$/m,
  /^ {8}~ Deployment platform\/open-webui \(apply: it differs\)$/m,
  /^ {2}flowchart LR$/m,
  /^ {6}high {5}helm-charts\/coredns\/templates\/configmap\.yaml:11:20 {2}charts\/template-error$/m,
  /^ {6}high {5}scripts\/notify\.sh:3 {2}secret\/github-pat$/m,
  /^ {6}high {5}commit\/unsigned\n +Commit [0-9a-f]{12} /m,
  /pull request #2 cannot be merged/,
  /^│ In the registry: 127\.0\.0\.1:\d+\/acme\/open-webui@sha256:[0-9a-f]{64}$/m,
  /^ {2}deploy-to-wsl2-runner {2}SIMULATED {2}Deployed and ready: 1 upgrade, 5 unchanged\.$/m,
  /^ {2}gpu-smoke-test {2}SIMULATED /m,
  /^ {2}deploy-to-wsl2-runner {2}ROLLED-BACK {2}open-webui: Deployment platform\/open-webui: .*CrashLoopBackOff.* The whole set is as it was before\.$/m,
  /^ {2}3\s.*\bdeployed\b.*ollama-0\.1\.0.*Rollback to 1 by zakenak/m,
  /^│ After git revert the plan says: 6 unchanged\.$/m,
  /^ {2}status {2}PASSED {2}6 of 6 releases of platform-sandbox are deployed, ready and in sync\.$/m,
  /^Simulated:\n {2}the node: its pods ran no container/m,
  /^ {2}all +\d+\.\d s$/m,
];

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  test(`${signal} in the middle of a deploy ends the demo with ${exitCode} and everything that it started`, async () => {
    const demo = startDemo();
    await until('the deploy waits', () => /wait {5}coredns/.test(demo.output()), 60_000);
    demo.child.kill(signal);
    assert.equal(await demo.ended, exitCode);
    assert.match(demo.output(), /^Stopped\. The sandbox is gone, and every process of it\.$/m);
    assert.deepEqual(left(), []);
  });

test('a demo that is killed takes everything with it', async () => {
  const demo = startDemo();
  await until('the cluster is up', () => /start {4}kwok/.test(demo.output()), 60_000);
  const main = running().find(({ command }) => command.includes('examples/demo/main.ts'));
  process.kill(main?.pid ?? 0, 'SIGKILL');
  await demo.ended;
  await until('nothing is left', () => left().length === 0, 20_000);
});

test('a second demo in the same folder is refused and does the first no harm', async () => {
  const first = startDemo();
  await until('the deploy waits', () => /wait {5}coredns/.test(first.output()), 60_000);
  const second = startDemo();
  assert.equal(await second.ended, 5);
  assert.match(second.output(), /runs already|differs|owner/);
  await until('the first goes on', () => /A bad branch is stopped/.test(first.output()), 60_000);
  first.child.kill('SIGINT');
  assert.equal(await first.ended, 130);
});

test('without a program that nobody can build the demo says how to get it, and ends with 3', async () => {
  const path = join(folder, 'only-git');
  mkdirSync(path);
  symlinkSync(await createTestToolchain().resolve('git'), join(path, 'git'));
  const demo = startDemo({
    PATH: path,
    ZAKENAK_OFFLINE: '1',
    ZAKENAK_CACHE_DIR: join(folder, 'empty-cache'),
  });
  assert.equal(await demo.ended, 3);
  assert.match(
    demo.output(),
    /^ssh-keygen .* cannot be had: it is not on the PATH\.\ntool\/missing\nremedy: Install it /m,
  );
});

interface Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

/** The demo as `npm run demo` starts it, in the test's own folder. */
function startDemo(more: Readonly<Record<string, string>> = {}): Demo {
  const env = { ...process.env, FORCE_COLOR: undefined, ...more };
  const child = spawn(
    process.execPath,
    [join(root, 'packages/devkit/src/main.ts'), 'demo', '--folder', folder],
    {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, output: () => output };
}

async function runDemo(): Promise<string> {
  const demo = startDemo();
  assert.equal(await demo.ended, 0, demo.output().slice(-4_000));
  return demo.output();
}

/** Processes whose command line names the test's folder. */
function running(): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(folder) ? [{ pid: Number(name), command }] : [];
      } catch {
        return [];
      }
    });
}

function left(): readonly string[] {
  return running().map(({ command }) => command);
}
