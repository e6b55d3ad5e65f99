import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const author = { name: 'Zakenak demo', email: 'demo@zakenak.invalid' };

/** The demo's Git repository: made from examples/platform, with a bare remote beside it and a signing key of its own. */
export interface DemoRepository {
  readonly folder: string;
  git(...args: readonly string[]): string;
  read(path: string): string;
  write(path: string, text: string): void;
  /** Replaces text that has to be there. */
  edit(path: string, from: string, to: string): void;
  /** Forgets a branch and everything that only it held. */
  forget(branch: string): void;
  /** Commits everything, signed unless told otherwise; returns the object id. */
  commit(message: string, options?: { readonly signed?: boolean }): string;
}

/** Makes the repository anew below `folder`; programs get `env`. The signing key is generated here and lives nowhere else. */
export function makeRepository(folder: string, source: string, env: NodeJS.ProcessEnv): DemoRepository {
  rmSync(folder, { recursive: true, force: true });
  const [work, origin, key] = ['work', 'origin.git', 'signing-key'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(work, { recursive: true });
  cpSync(source, work, { recursive: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', author.email, '-f', key], { env });
  const git = (...args: readonly string[]) =>
    execFileSync('git', [...args], {
      cwd: work,
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  git('init', '-q', '-b', 'main');
  git('init', '-q', '--bare', '-b', 'main', origin);
  const settings = {
    'user.name': author.name,
    'user.email': author.email,
    'gpg.format': 'ssh',
    'user.signingkey': `${key}.pub`,
    'commit.gpgsign': 'true',
    'tag.gpgsign': 'false',
    'remote.origin.url': origin,
    'remote.origin.fetch': '+refs/heads/*:refs/remotes/origin/*',
  };
  for (const [name, value] of Object.entries(settings)) git('config', name, value);
  const repository: DemoRepository = {
    folder: work,
    git,
    read: (path) => readFileSync(join(work, path), 'utf8'),
    write: (path, text) => {
      mkdirSync(join(work, path, '..'), { recursive: true });
      writeFileSync(join(work, path), text);
    },
    edit: (path, from, to) => {
      const text = repository.read(path);
      const edited = text.replace(from, to);
      if (edited === text) throw new Error(`${path} does not hold: ${from}`);
      repository.write(path, edited);
    },
    forget: (branch) => {
      git('branch', '-q', '-D', branch);
      git('reflog', 'expire', '--expire=now', '--all');
      git('prune', '--expire=now');
    },
    commit: (message, { signed = true } = {}) => {
      git('add', '-A');
      git('commit', '-q', ...(signed ? [] : ['--no-gpg-sign']), '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
  repository.write(
    '.zakenak/allowed_signers',
    `${author.email} namespaces="git" ${readFileSync(`${key}.pub`, 'utf8')}`,
  );
  repository.commit('chore: the reference platform');
  git('push', '-q', 'origin', 'main');
  return repository;
}
