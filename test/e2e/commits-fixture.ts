import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { spec, type VerifyCommitsRequest } from '@zakenak/commits';
import { parseInputs } from '@zakenak/core';
import { collectingProgress } from '@zakenak/core/testing';
import { createGit, resolveRange } from '@zakenak/git';
import { createFiles, createProcessRunner } from '@zakenak/machine';

/** The address that commits are made with unless a test says otherwise. */
export const address = 'signer@example.invalid';

/** How a commit is made. */
export interface CommitOptions {
  /** Path of an SSH private key, or a GnuPG key id; none: unsigned. */
  readonly ssh?: string;
  readonly gpg?: string;
  readonly email?: string;
  readonly authorEmail?: string;
  /** Seconds since 1970. */
  readonly time?: number;
  readonly message?: string;
  /** Program in gpg's place. */
  readonly gpgProgram?: string;
}

/** A real repository with keys of its own, made anew for each test. */
export async function makeRepository(t: TestContext, objectFormat: 'sha1' | 'sha256' = 'sha1') {
  const folder = await mkdtemp(join(tmpdir(), 'zk-commits-'));
  const root = join(folder, 'repository');
  const home = join(folder, 'gnupg');
  await mkdir(root);
  await mkdir(home, { mode: 0o700 });
  const env = { ...process.env, GNUPGHOME: home, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const run = (
    program: string,
    args: readonly string[],
    more: Record<string, string> = {},
    input?: string | Buffer,
  ) =>
    execFileSync(program, args, {
      cwd: root,
      env: { ...env, ...more },
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input === undefined ? {} : { input }),
    }).trim();
  const git = (...args: string[]) => run('git', args);
  t.after(async () => {
    spawnSync('gpgconf', ['--kill', 'all'], { env });
    await rm(folder, { recursive: true, force: true });
  });
  git('init', '-q', '-b', 'main', `--object-format=${objectFormat}`);

  const commit = ({
    email = address,
    authorEmail = email,
    time,
    message = 'change',
    ...sign
  }: CommitOptions = {}) => {
    const settings = ['-c', `user.signingKey=${sign.ssh ?? sign.gpg ?? ''}`];
    if (sign.ssh) settings.push('-c', 'gpg.format=ssh');
    if (sign.gpgProgram) settings.push('-c', `gpg.program=${sign.gpgProgram}`);
    const date: Record<string, string> =
      time === undefined ? {} : { GIT_COMMITTER_DATE: `@${time} +0000`, GIT_AUTHOR_DATE: `@${time} +0000` };
    const signing = sign.ssh || sign.gpg ? '-S' : '--no-gpg-sign';
    run('git', [...settings, 'commit', '-q', '--allow-empty', '-m', message, signing], {
      GIT_COMMITTER_NAME: 'committer',
      GIT_COMMITTER_EMAIL: email,
      GIT_AUTHOR_NAME: 'author',
      GIT_AUTHOR_EMAIL: authorEmail,
      ...date,
    });
    return git('rev-parse', 'HEAD');
  };

  let keys = 0;
  const makeSshKey = async (type = 'ed25519', bits?: number) => {
    const path = join(folder, `key-${++keys}`);
    run('ssh-keygen', [
      '-q',
      '-t',
      type,
      ...(bits ? ['-b', String(bits)] : []),
      '-N',
      '',
      '-C',
      '',
      '-f',
      path,
    ]);
    return { path, publicKey: (await readFile(`${path}.pub`, 'utf8')).trim() };
  };
  const makeGpgKey = (uid: string, ...options: string[]) => {
    run('gpg', ['--batch', '--passphrase', '', ...options, '--quick-gen-key', uid, 'ed25519', 'sign', '1y']);
    const listed = run('gpg', ['--list-keys', '--with-colons', '--fixed-list-mode']);
    return [...listed.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].at(-1)?.[1] ?? '';
  };
  const exportKey = (id: string) => run('gpg', ['--armor', '--export', id]);

  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  /** Writes an object as it is and moves the branch there. */
  const writeCommit = (text: string) => {
    const id = run(
      'git',
      ['hash-object', '-t', 'commit', '-w', '--stdin', '--literally'],
      {},
      Buffer.from(text, 'latin1'),
    );
    git('update-ref', 'refs/heads/main', id);
    return id;
  };
  const readCommit = (id: string) =>
    execFileSync('git', ['cat-file', 'commit', id], { cwd: root, encoding: 'latin1' });
  /** What `git verify-commit` says: true for good. */
  const gitSaysGood = (id: string) =>
    spawnSync(
      'git',
      ['-c', `gpg.ssh.allowedSignersFile=${join(root, '.zakenak/allowed_signers')}`, 'verify-commit', id],
      { cwd: root, env },
    ).status === 0;

  const port = createGit({ process: createProcessRunner(), root });
  const runner = createProcessRunner(env);
  const ports = { git: port, process: runner, files: createFiles(root), progress: collectingProgress() };
  const request = (
    inputs: Readonly<Record<string, string>> = {},
    more: Partial<VerifyCommitsRequest> = {},
  ): VerifyCommitsRequest => ({
    ...parseInputs(spec, (name) => inputs[name]),
    range: () => resolveRange({ kind: 'local' }, port),
    ...more,
  });
  return {
    folder,
    root,
    env,
    run,
    git,
    commit,
    write,
    writeCommit,
    readCommit,
    makeSshKey,
    makeGpgKey,
    exportKey,
    gitSaysGood,
    ports,
    request,
  };
}
