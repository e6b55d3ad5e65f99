import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { bundle } from '@zakenak/devkit';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');

/** What a step on a runner came to. */
export interface StepResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

/** The forge's side of a step. */
export interface Occasion {
  readonly event: 'push' | 'pull_request';
  readonly payload: unknown;
  /** GITHUB_SHA. */
  readonly sha: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface ActionMetadata {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required: boolean }>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly runs: { readonly using: string; readonly main: string };
}

/** The bundle as a release carries it, in a folder of its own. */
export async function buildBundle(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const base = await mkdtemp(join(tmpdir(), 'zakenak-bundle-'));
  await bundle(root, join(base, 'bundle'));
  return { folder: join(base, 'bundle'), remove: () => rm(base, { recursive: true, force: true }) };
}

/**
 * Runs an action as a GitHub runner does: `runs.main` of its action.yml under this Node 24, every declared input as INPUT_* (its default, or
 * empty), event, output and summary files. Nothing of this process's environment but PATH, HOME and the cache goes in. Throws where
 * the action sets an output that its action.yml does not declare, or `with` names an input that it does not declare.
 */
export async function runStep(
  folder: string,
  action: string,
  workspace: string,
  inputs: Readonly<Record<string, string>>,
  occasion: Occasion,
): Promise<StepResult> {
  const metadata = parse(await readFile(join(folder, action, 'action.yml'), 'utf8')) as ActionMetadata;
  if (metadata.runs.using !== 'node24' || !process.version.startsWith('v24.'))
    throw new Error(`${action} wants ${metadata.runs.using}, this is Node ${process.version}`);
  const unknown = Object.keys(inputs).filter((name) => !(name in metadata.inputs));
  if (unknown.length > 0) throw new Error(`${action} declares no input ${unknown.join(', ')}`);
  const files = await mkdtemp(join(tmpdir(), 'zakenak-runner-'));
  try {
    const env = await runnerEnvironment(files, workspace, metadata, inputs, occasion);
    const ended = await start(join(folder, action, metadata.runs.main), workspace, env);
    const outputs = parseOutputs(await readFile(env.GITHUB_OUTPUT ?? '', 'utf8'));
    const undeclared = Object.keys(outputs).filter((name) => !(name in metadata.outputs));
    if (undeclared.length > 0) throw new Error(`${action} declares no output ${undeclared.join(', ')}`);
    return { ...ended, outputs, summary: await readFile(env.GITHUB_STEP_SUMMARY ?? '', 'utf8') };
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

async function runnerEnvironment(
  files: string,
  workspace: string,
  metadata: ActionMetadata,
  inputs: Readonly<Record<string, string>>,
  occasion: Occasion,
): Promise<Readonly<Record<string, string>>> {
  const declared = Object.entries(metadata.inputs).map(([name, { default: fallback }]) => [
    `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
    inputs[name] ?? fallback ?? '',
  ]);
  const { PATH = '', HOME = '', ZAKENAK_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  const path = (name: string) => join(files, name);
  await mkdir(path('temp'));
  await writeFile(path('event.json'), JSON.stringify(occasion.payload));
  for (const name of ['output', 'summary', 'env', 'path', 'state']) await writeFile(path(name), '');
  return {
    PATH,
    HOME,
    ...(ZAKENAK_CACHE_DIR ? { ZAKENAK_CACHE_DIR } : {}),
    ...(XDG_CACHE_HOME ? { XDG_CACHE_HOME } : {}),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'somebody',
    GITHUB_ENV: path('env'),
    GITHUB_EVENT_NAME: occasion.event,
    GITHUB_EVENT_PATH: path('event.json'),
    GITHUB_OUTPUT: path('output'),
    GITHUB_PATH: path('path'),
    GITHUB_REF: occasion.event === 'push' ? 'refs/heads/main' : 'refs/pull/7/merge',
    GITHUB_REPOSITORY: 'acme/platform',
    GITHUB_RUN_ID: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: occasion.sha,
    GITHUB_STATE: path('state'),
    GITHUB_STEP_SUMMARY: path('summary'),
    GITHUB_WORKSPACE: workspace,
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: path('temp'),
    TMPDIR: path('temp'),
    ...Object.fromEntries(declared),
    ...occasion.env,
  };
}

async function start(
  main: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Pick<StepResult, 'exitCode' | 'stdout' | 'stderr'>> {
  const child = spawn(process.execPath, [main], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, exitCode] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.once('exit', resolve);
      child.once('error', reject);
    }),
  ]);
  return { exitCode, stdout, stderr };
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

/** The output file's form: name<<delimiter, lines, delimiter; or name=value (docs.github.com, workflow commands). */
function parseOutputs(text: string): Readonly<Record<string, string>> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name = '', delimiter = ''] = /^([^=]+?)<<(.+)$/.exec(line) ?? [];
    if (name !== '') {
      outputs[name] = lines.splice(0, lines.indexOf(delimiter)).join('\n');
      lines.shift();
    } else if (line.includes('=')) {
      outputs[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
    }
  }
  return outputs;
}

/** A repository with real commits, in a folder of its own. */
export interface Workspace {
  readonly folder: string;
  git(...args: readonly string[]): string;
  /** Writes the files and commits; returns the commit. */
  commit(files: Readonly<Record<string, string>>, message?: string): Promise<string>;
  /** The payload of a push of everything since `before`. */
  push(before: string): Occasion;
  /** The payload of a pull request of HEAD onto `base`. */
  pullRequest(base: string, fork?: boolean): Occasion;
}

/** An empty repository on main with an identity, untouched by the machine's own git settings. */
export async function makeWorkspace(t: TestContext): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-workspace-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: folder, env, encoding: 'utf8' }).trim();
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Test');
  git('config', 'user.email', 'test@example.invalid');
  git('config', 'commit.gpgsign', 'false');
  const head = () => git('rev-parse', 'HEAD');
  const repository = { default_branch: 'main', full_name: 'acme/platform' };
  return {
    folder,
    git,
    async commit(files, message = 'feat: change') {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', message);
      return head();
    },
    push: (before) => ({
      event: 'push',
      sha: head(),
      payload: { before, after: head(), forced: false, ref: 'refs/heads/main', repository },
    }),
    pullRequest: (base, fork = false) => ({
      event: 'pull_request',
      // GitHub's is the test merge; the checkout of the head has none.
      sha: head(),
      payload: {
        number: 7,
        repository,
        pull_request: {
          number: 7,
          title: 'change',
          html_url: 'https://github.com/acme/platform/pull/7',
          head: {
            ref: 'feature',
            sha: head(),
            repo: { full_name: fork ? 'stranger/platform' : 'acme/platform' },
          },
          base: { ref: 'main', sha: base, repo: { full_name: 'acme/platform' } },
        },
      },
    }),
  };
}

/** The lines of stdout that the runner turns into annotations. */
export function annotationsOf({ stdout }: StepResult): readonly string[] {
  return stdout.split('\n').filter((line) => /^::(error|warning|notice) /.test(line));
}
