import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Files, type Git, ZakenakError } from '@zakenak/core';

/** A clone with a bare remote in a folder of its own; real git, no fake. */
export interface TemporaryRepository extends AsyncDisposable {
  readonly folder: string;
  readonly remote: string;
  readonly git: Git;
  readonly files: Files;
  /** The same clone and remote once more, in another folder. */
  copy(): Promise<TemporaryRepository>;
  /** Writes and commits a file; returns the commit's id. */
  commit(message: string, file?: string): Promise<string>;
  /** Runs git in the clone (or elsewhere) and returns trimmed stdout; throws when git fails. */
  sh(args: readonly string[], cwd?: string): Promise<string>;
}

/** An empty clone of an empty bare remote, on branch main, with an identity, ignoring the machine's own git settings. */
export async function makeRepository(): Promise<TemporaryRepository> {
  const base = await mkdtemp(join(tmpdir(), 'zakenak-releases-'));
  const repository = repositoryIn(base);
  await repository.sh(['init', '-q', '--bare', '-b', 'main', 'remote.git'], base);
  // A relative address survives the copying of both.
  await repository.sh(['init', '-q', '-b', 'main', 'clone'], base);
  await repository.sh(['remote', 'add', 'origin', '../remote.git']);
  await repository.sh(['config', 'user.name', 'Test']);
  await repository.sh(['config', 'user.email', 'test@example.invalid']);
  return repository;
}

function repositoryIn(base: string): TemporaryRepository {
  const folder = join(base, 'clone');
  const remote = join(base, 'remote.git');
  const sh = async (args: readonly string[], cwd = folder) => {
    const result = await runGit(cwd, args);
    if (result.exitCode !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderr}`);
    return result.stdout.trim();
  };
  let count = 0;
  return {
    folder,
    remote,
    git: gitIn(folder),
    files: filesIn(folder),
    sh,
    async copy() {
      const other = await mkdtemp(join(tmpdir(), 'zakenak-releases-'));
      await cp(base, other, { recursive: true, preserveTimestamps: true });
      return repositoryIn(other);
    },
    async commit(message, file) {
      count += 1;
      const path = join(folder, file ?? `file-${count}.txt`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${count}\n`);
      await sh(['add', '-A']);
      await sh(['commit', '-q', '--cleanup=verbatim', '-m', message]);
      return sh(['rev-parse', 'HEAD']);
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

/** The Git port over the git program, as thin as the release engine needs it. */
export function gitIn(folder: string): Git {
  const run: Git['run'] = async (args, options) => {
    const result = await runGit(folder, args, options?.input);
    if (result.exitCode !== 0 && !options?.allowFailure) {
      const message = `git ${args.join(' ')}: ${result.stderr}`;
      throw new ZakenakError({ code: 'git/failed', message, remedy: 'Look.', exitCode: 4 });
    }
    return result;
  };
  const text = async (...args: string[]) => (await run(args)).stdout.trim();
  const maybe = async (...args: string[]) => {
    const result = await run(args, { allowFailure: true });
    return result.exitCode === 0 ? result.stdout : undefined;
  };
  return {
    run,
    resolve: (revision) => text('rev-parse', '--verify', '--quiet', `${revision}^{commit}`),
    currentBranch: async () => (await maybe('symbolic-ref', '--short', '-q', 'HEAD'))?.trim(),
    isShallow: async () => (await text('rev-parse', '--is-shallow-repository')) === 'true',
    mergeBase: async (a, b) => (await maybe('merge-base', a, b))?.trim(),
    readFile: (revision, path) => maybe('show', `${revision}:${path}`),
    commits: () => Promise.reject(new Error('not used by releases')),
    changedFiles: () => Promise.reject(new Error('not used by releases')),
    tags: () => Promise.reject(new Error('not used by releases')),
  };
}

function filesIn(folder: string): Files {
  const refuse = () => Promise.reject(new Error('not used by releases'));
  return {
    root: folder,
    async resolve(path) {
      if (!path.startsWith('/') && !path.split('/').includes('..')) return join(folder, path);
      throw new ZakenakError({
        code: 'files/outside-workspace',
        message: path,
        remedy: 'Stay.',
        exitCode: 5,
      });
    },
    readText: (path) => readFile(join(folder, path), 'utf8'),
    readBytes: refuse,
    write: refuse,
    stat: refuse,
    glob: refuse,
    makeFolder: refuse,
    remove: refuse,
    temporaryFolder: refuse,
  };
}

function runGit(
  cwd: string,
  args: readonly string[],
  input?: string | Uint8Array,
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
    };
    const child = spawn('git', args, { cwd, env });
    const stdout: string[] = [];
    const stderr: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => stdout.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ exitCode: code ?? 1, stdout: stdout.join(''), stderr: stderr.join('') }),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
