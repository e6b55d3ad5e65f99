import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A clone with a bare remote in a folder of its own; real git, no fake. */
export interface TemporaryRepository extends AsyncDisposable {
  readonly folder: string;
  readonly remote: string;
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

/** What git runs with: nothing of the machine's own settings. */
export const gitEnvironment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
};

function runGit(
  cwd: string,
  args: readonly string[],
  input?: string | Uint8Array,
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { cwd, env: gitEnvironment });
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
