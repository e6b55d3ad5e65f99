import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Report } from '@zakenak/core';

const root = join(import.meta.dirname, '../..');
/** The command line from source. */
export const cliPath = join(root, 'packages/cli/src/bin.ts');
/** The cache of tools that the machine has, whatever HOME a case sets. */
export const cacheFolder =
  process.env.ZAKENAK_CACHE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'zakenak');

// Node keeps what it compiled between the many starts of one test file.
const compiled = mkdtempSync(join(tmpdir(), 'zakenak-compiled-'));
process.once('exit', () => rmSync(compiled, { recursive: true, force: true }));

/** How one run of the command line ended. */
export interface CliOutcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What was left in the run's own temporary folder. */
  readonly leftovers: readonly string[];
}

/** How a run is started. */
export interface CliOptions {
  readonly cwd?: string;
  /** Added to an environment without any CI host; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sees the child as soon as it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs `zakenak ARGS` from source to its end, with a temporary folder of its own. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliOutcome> {
  const temporary = await mkdtemp(join(tmpdir(), 'zakenak-run-'));
  try {
    const child = spawn(process.execPath, [cliPath, ...args], {
      cwd: options.cwd ?? root,
      env: { ...plainEnvironment(), TMPDIR: temporary, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    options.onStart?.(child);
    const [stdout, stderr, [exitCode, signal]] = await Promise.all([
      collect(child.stdout),
      collect(child.stderr),
      new Promise<[number | null, NodeJS.Signals | null]>((end) => {
        child.once('close', (...how) => end(how));
      }),
    ]);
    return { exitCode, signal, stdout, stderr, leftovers: readdirSync(temporary) };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** This process's environment as a laptop has it: nothing of a CI host, nothing that steers colours. */
export function plainEnvironment(): Record<string, string | undefined> {
  const steering =
    /^(CI|CI_.*|GITHUB_.*|GITLAB_.*|INPUT_.*|ZAKENAK_.*|NO_COLOR|FORCE_COLOR|KUBECONFIG|NODE_.*)$/;
  const kept = Object.entries(process.env).filter(([name]) => !steering.test(name));
  return {
    ...Object.fromEntries(kept),
    GIT_CONFIG_GLOBAL: '/dev/null',
    ZAKENAK_CACHE_DIR: cacheFolder,
    NODE_COMPILE_CACHE: compiled,
  };
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  stream?.setEncoding('utf8');
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

/** The report that `--json` printed: the only thing on stdout. */
export function reportOf({ stdout, stderr, exitCode }: CliOutcome): Report {
  try {
    return JSON.parse(stdout) as Report;
  } catch {
    throw new Error(`ended with ${exitCode} and no JSON: ${stdout}\n${stderr}`);
  }
}

/** What a coded end has to be. */
export interface Coded {
  readonly code: string;
  readonly exitCode: number;
  readonly message?: RegExp;
  readonly remedy?: RegExp;
}

/** One coded error with a remedy, the exit code that it names, no stack, and nothing left in the temporary folder. */
export function assertCoded(outcome: CliOutcome, wanted: Coded): Report {
  const report = reportOf(outcome);
  const { error } = report;
  assert.equal(error?.code, wanted.code, `${error?.message}\n${outcome.stderr}`);
  assert.equal(outcome.exitCode, wanted.exitCode, error?.message);
  assert.equal(error?.exitCode, wanted.exitCode);
  assert.equal(report.verdict, 'errored');
  assert.match(error?.remedy ?? '', /^[A-Z].{8,}\.$/s, 'a remedy is a sentence');
  if (wanted.message) assert.match(error?.message ?? '', wanted.message);
  if (wanted.remedy) assert.match(error?.remedy ?? '', wanted.remedy);
  assertTidy(outcome);
  return report;
}

/** No stack for the user and no temporary folder left. */
export function assertTidy({ stderr, stdout, leftovers }: CliOutcome): void {
  assert.doesNotMatch(`${stdout}${stderr}`, /^\s+at .+:\d+:\d+\)?$/m, 'no stack');
  assert.deepEqual(leftovers, [], 'no temporary folder is left');
}

/** A folder with files, and git in it. */
export interface Workspace {
  readonly root: string;
  /** Runs git in it, with an identity and without this machine's settings. */
  git(...args: readonly string[]): string;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  commit(files?: Readonly<Record<string, string>>): Promise<string>;
  /** Every path below it with what it holds: two equal ones mean that nothing was touched. */
  snapshot(): ReadonlyMap<string, string>;
}

/** Makes a workspace that disappears with the test; a repository with one commit where `commit` is not false. */
export async function makeWorkspace(
  t: TestContext,
  files: Readonly<Record<string, string>> = {},
  options: { readonly git?: 'none' | 'empty' | 'commit' } = {},
): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-bad-input-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const workspace = openWorkspace(join(folder, 'work'));
  mkdirSync(workspace.root);
  await workspace.write(files);
  const kind = options.git ?? 'commit';
  if (kind !== 'none') workspace.git('init', '-q', '-b', 'main');
  if (kind === 'commit') await workspace.commit();
  return workspace;
}

/** The same view of a folder that is there already. */
export function openWorkspace(folder: string): Workspace {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', '-c', 'commit.gpgsign=false'];
  const git: Workspace['git'] = (...args) =>
    execFileSync('git', [...identity, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const write: Workspace['write'] = async (files) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  };
  return {
    root: folder,
    git,
    write,
    async commit(files = {}) {
      await write(files);
      git('add', '-A');
      git('commit', '-qm', 'change', '--allow-empty');
      return git('rev-parse', 'HEAD');
    },
    snapshot: () => new Map(readTree(folder)),
  };
}

function* readTree(folder: string, path = ''): Generator<[string, string]> {
  for (const name of readdirSync(join(folder, path)).sort()) {
    const inside = path === '' ? name : `${path}/${name}`;
    const stat = lstatSync(join(folder, inside));
    if (stat.isDirectory()) yield* readTree(folder, inside);
    else if (stat.isSymbolicLink()) yield [inside, `-> ${readlinkSync(join(folder, inside))}`];
    else
      yield [
        inside,
        `${stat.mode} ${createHash('sha256')
          .update(readFileSync(join(folder, inside)))
          .digest('hex')}`,
      ];
  }
}

/** The environment of a GitHub runner for one event; its files lie in a folder beside the workspace. */
export async function githubEnvironment(
  workspace: Workspace,
  event: string,
  payload: unknown,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<Record<string, string | undefined>> {
  const folder = await mkdtemp(join(dirname(workspace.root), 'runner-'));
  const path = (name: string) => join(folder, name);
  await writeFile(path('event.json'), typeof payload === 'string' ? payload : JSON.stringify(payload));
  for (const name of ['output', 'summary']) await writeFile(path(name), '');
  return {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: event,
    GITHUB_EVENT_PATH: path('event.json'),
    GITHUB_OUTPUT: path('output'),
    GITHUB_STEP_SUMMARY: path('summary'),
    GITHUB_REPOSITORY: 'acme/platform',
    GITHUB_WORKSPACE: workspace.root,
    GITHUB_REF: 'refs/heads/main',
    ...more,
  };
}

/** The text of a file that a runner's variable names. */
export function readHostFile(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
): Promise<string> {
  return readFile(env[name] ?? '', 'utf8');
}
