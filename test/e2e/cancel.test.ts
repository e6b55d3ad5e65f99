import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { assertTidy, cacheFolder, makeWorkspace, reportOf, runCli, type Workspace } from './cli-fixture.ts';
import { until } from './sandbox-cli.ts';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;

const files = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
  'app/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n',
  'zakenak.yaml': [
    'project: demo',
    'environments: { prod: { cluster: { context: test } } }',
    'deploy: { releases: [{ name: web, chart: charts/web }] }',
    'policy: { commits: { require: signed, allowedSigners: signers } }\n',
  ].join('\n'),
  signers: '',
};

/** One stage, and the program in it that never ends. */
interface Stage {
  readonly args: readonly string[];
  /** Variable that names the program for Zakenak. */
  readonly program: string;
  /** Only this first argument hangs; the rest goes to the program of that name on the PATH. */
  readonly only?: { readonly program: string; readonly words: readonly string[] };
  readonly env?: Readonly<Record<string, string>>;
}

const git = (...words: string[]) => ({ program: 'git', words });

const stages: Readonly<Record<string, Stage>> = {
  lint: { args: ['lint'], program: 'HELM' },
  secrets: { args: ['secrets'], program: 'GITLEAKS' },
  verify: { args: ['verify'], program: 'GIT', only: git('cat-file') },
  check: { args: ['check', '--build', 'off'], program: 'HELM' },
  build: {
    args: [
      'build',
      '--image',
      'app',
      '--context',
      'app',
      '--builder',
      'buildctl',
      '--buildkit-address',
      'unix:///x',
    ],
    program: 'BUILDCTL',
  },
  'smoke on the host': { args: ['smoke', '--level', 'driver'], program: 'NVIDIA_SMI' },
  doctor: { args: ['doctor'], program: 'NVIDIA_SMI', env: { KUBECONFIG: '/nonexistent' } },
  release: {
    args: ['release', '--committer', 'a <a@example.invalid>'],
    program: 'GIT',
    only: git('push'),
  },
  'installing a program': { args: ['secrets'], program: 'GO', env: { ZAKENAK_CACHE_DIR: 'OWN' } },
};

/** A program with a child of its own that writes a file when it has started and never ends by itself. */
async function makeEndless(folder: string, stage: Pick<Stage, 'only'>, ignoring = ''): Promise<string> {
  const path = join(folder, 'endless');
  const { program, words } = stage.only ?? {};
  const pass =
    words?.map((word) => `case " $* " in *" ${word} "*) ;; *) exec ${program} "$@" ;; esac\n`) ?? [];
  const lines = [
    ...pass,
    ignoring,
    `sleep 3600 &\necho $$ > ${join(folder, 'started')}\nwhile :; do wait; done\n`,
  ];
  await writeFile(path, `#!/bin/sh\n${lines.join('')}`, { mode: 0o755 });
  return path;
}

/** Processes whose environment holds this text: children keep it, whatever group they are in. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        if (/\) [ZX] /.test(stat)) return [];
        const found = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text);
        return found ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
      } catch {
        return [];
      }
    });
}

function commandLines(): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
    } catch {
      return [];
    }
  });
}

interface Interruption {
  readonly workspace: Workspace;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly signals: readonly Signal[];
  /** Resolves when the stage is in the middle of it. */
  readonly ready: () => boolean | Promise<boolean>;
}

/** Runs a verb, interrupts it in the middle, and holds it to what every cancelled run owes. */
async function interrupt({ workspace, args, env, signals, ready }: Interruption) {
  const marker = `ZAKENAK_TEST_MARKER=${dirname(workspace.root)}`;
  const before = meaningOf(workspace);
  let asked = 0;
  let interrupting: Promise<void> | undefined;
  const outcome = await runCli([...args, '--json', '--directory', workspace.root], {
    env: { ...env, ZAKENAK_TEST_MARKER: dirname(workspace.root) },
    onStart: (child) => {
      interrupting = (async () => {
        await until('the stage runs', async () => child.exitCode !== null || (await ready()), 30_000);
        asked = performance.now();
        for (const signal of signals) {
          child.kill(signal);
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
      })();
      interrupting.catch(() => child.kill('SIGKILL'));
    },
  });
  const tookMs = performance.now() - asked;
  await interrupting;
  await until('every process has ended', () => processesWith(marker).length === 0, 5_000).catch(() => {});
  assert.deepEqual(processesWith(marker), [], 'no process is left');
  assert.deepEqual(meaningOf(workspace), before, 'the workspace is as it was');
  assertTidy(outcome);
  return { outcome, tookMs };
}

/** Every file but objects of git that nothing refers to: those are swept by git itself. */
function meaningOf(workspace: Workspace): readonly string[] {
  return [...workspace.snapshot()]
    .filter(([path]) => !path.startsWith('.git/objects/'))
    .map(([path, text]) => `${path} ${text}`);
}

function assertCancelled(outcome: Awaited<ReturnType<typeof runCli>>, signal: Signal): void {
  const { error, verdict } = reportOf(outcome);
  assert.equal(error?.code, 'run/cancelled', outcome.stderr);
  assert.equal(verdict, 'errored');
  assert.equal(outcome.exitCode, exitCodes[signal]);
  assert.match(outcome.stderr, new RegExp(`^${signal}: stopping; once more ends at once\\.$`, 'm'));
}

/** A workspace on main whose origin is a bare repository beside it, and a kubeconfig of a server that never answers. */
async function makeCancellable(t: TestContext) {
  const workspace = await makeWorkspace(t, files);
  const folder = dirname(workspace.root);
  const origin = join(folder, 'origin.git');
  execFileSync('git', ['clone', '-q', '--bare', workspace.root, origin], { stdio: 'ignore' });
  workspace.git('remote', 'add', 'origin', `file://${origin}`);
  workspace.git('commit', '-q', '--allow-empty', '-m', 'feat: one');
  workspace.git('push', '-q', 'origin', 'main');
  const env = { KUBECONFIG: join(folder, 'kubeconfig') };
  await writeFile(env.KUBECONFIG, kubeconfig(await listenMutely(t)));
  return { workspace, folder, env };
}

async function listenMutely(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  connections.set((server.address() as { port: number }).port, sockets);
  return (server.address() as { port: number }).port;
}

/** Connections that mute servers have, by port. */
const connections = new Map<number, ReadonlySet<Socket>>();

function kubeconfig(port: number): string {
  return [
    'apiVersion: v1\nkind: Config\ncurrent-context: test',
    `clusters: [{ name: c, cluster: { server: "http://127.0.0.1:${port}" } }]`,
    'users: [{ name: u, user: {} }]',
    'contexts: [{ name: test, context: { cluster: c, user: u } }]\n',
  ].join('\n');
}

suite('Ctrl-C', { concurrency: 3 }, () => {
  for (const [name, stage] of Object.entries(stages)) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      test(`${signal} during ${name} ends it and all that it started, and leaves nothing`, async (t) => {
        const { workspace, folder, env } = await makeCancellable(t);
        const own = join(folder, 'cache');
        const more = Object.entries(stage.env ?? {}).map(([key, value]) => [
          key,
          value === 'OWN' ? own : value,
        ]);
        const { outcome, tookMs } = await interrupt({
          workspace,
          args: stage.args,
          env: {
            ...env,
            ...Object.fromEntries(more),
            [`ZAKENAK_${stage.program}_PATH`]: await makeEndless(folder, stage),
          },
          signals: [signal],
          ready: () => readdirSync(folder).includes('started'),
        });
        assertCancelled(outcome, signal);
        assert.ok(tookMs < 10_000, `it took ${tookMs} ms`);
        if (stage.env?.ZAKENAK_CACHE_DIR) {
          assert.deepEqual(await readdir(join(own, 'partial')), [], 'nothing half-built is kept');
          assert.deepEqual(await readdir(join(own, 'locks')), [], 'no lock is left');
        }
        if (name === 'release')
          assert.equal(
            execFileSync('git', ['tag'], { cwd: join(folder, 'origin.git'), encoding: 'utf8' }),
            '',
          );
      });
    }
  }

  for (const args of [
    ['smoke', '--level', 'kubernetes'],
    ['doctor'],
    ['plan', '--environment', 'prod'],
    ['deploy', '--environment', 'prod'],
    ['status', '--environment', 'prod'],
    ['rollback', '--environment', 'prod'],
  ]) {
    test(`SIGINT while a cluster does not answer zakenak ${args[0]} ends the wait`, async (t) => {
      const { workspace, env } = await makeCancellable(t);
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(await readFile(env.KUBECONFIG, 'utf8'))?.[1]);
      const { outcome, tookMs } = await interrupt({
        workspace,
        args,
        env,
        signals: ['SIGINT'],
        ready: () => (connections.get(port)?.size ?? 0) > 0,
      });
      assertCancelled(outcome, 'SIGINT');
      assert.ok(tookMs < 10_000, `it took ${tookMs} ms`);
    });
  }

  test('a terminal that closes is a cancellation too', async (t) => {
    const { workspace, folder, env } = await makeCancellable(t);
    const { outcome } = await interrupt({
      workspace,
      args: ['secrets'],
      env: { ...env, ZAKENAK_GITLEAKS_PATH: await makeEndless(folder, {}) },
      signals: ['SIGHUP'],
      ready: () => readdirSync(folder).includes('started'),
    });
    assertCancelled(outcome, 'SIGHUP');
  });

  test('a second Ctrl-C ends at once, also a program that does not listen', async (t) => {
    const { workspace, folder, env } = await makeCancellable(t);
    const { outcome, tookMs } = await interrupt({
      workspace,
      args: ['secrets'],
      env: { ...env, ZAKENAK_GITLEAKS_PATH: await makeEndless(folder, {}, "trap '' TERM INT\n") },
      signals: ['SIGINT', 'SIGINT'],
      ready: () => readdirSync(folder).includes('started'),
    });
    assert.equal(outcome.exitCode, 130);
    assert.ok(tookMs < 2_000, `it took ${tookMs} ms`);
  });

  test('a program that does not listen is ended after its grace', async (t) => {
    const { workspace, folder, env } = await makeCancellable(t);
    const { outcome } = await interrupt({
      workspace,
      args: ['secrets'],
      env: { ...env, ZAKENAK_GITLEAKS_PATH: await makeEndless(folder, {}, "trap '' TERM INT\n") },
      signals: ['SIGTERM'],
      ready: () => readdirSync(folder).includes('started'),
    });
    assertCancelled(outcome, 'SIGTERM');
  });

  for (const moment of ['launch.json', 'sandbox.json'])
    test(`SIGINT while a sandbox starts (its ${moment} is there) leaves neither process nor folder`, async (t) => {
      const { workspace, folder, env } = await makeCancellable(t);
      const sandbox = join(folder, 'sandbox');
      const { outcome } = await interrupt({
        workspace,
        args: ['sandbox', 'up', '--folder', sandbox],
        env,
        signals: ['SIGINT'],
        ready: async () => (await readdir(sandbox).catch((): string[] => [])).includes(moment),
      });
      assertCancelled(outcome, 'SIGINT');
      await until(
        'the folder is gone',
        async () => (await readdir(sandbox).catch(() => [])).length === 0,
        10_000,
      );
    });

  test('SIGINT during a RUN step ends the real builder and its container', {
    skip: process.getuid?.() === 0 ? false : 'a private BuildKit needs root',
  }, async (t) => {
    const { workspace, env } = await makeCancellable(t);
    await mkdir(join(workspace.root, 'slow'));
    const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
    await copyFile(busybox, join(workspace.root, 'slow/sh'));
    // A number that no other sleeper has.
    const seconds = 100_000 + randomInt(1_000_000);
    const dockerfile = `FROM scratch\nCOPY sh /bin/sh\nRUN echo started; sleep ${seconds}\n`;
    await writeFile(join(workspace.root, 'slow/Dockerfile'), dockerfile);
    const running = () => commandLines().some((line) => line === `sleep ${seconds} `);
    const { outcome } = await interrupt({
      workspace,
      args: ['build', '--image', 'app', '--context', 'slow', '--builder', 'private'],
      env: { ...env, ZAKENAK_CACHE_DIR: cacheFolder },
      signals: ['SIGINT'],
      ready: running,
    });
    assertCancelled(outcome, 'SIGINT');
    assert.equal(running(), false, 'the container has ended');
  });
});
