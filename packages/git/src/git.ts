import type { ChangedFile, CommitRange, Git, ProcessRunner } from '@zakenak/core';
import {
  damagedRepository,
  dubiousOwnership,
  emptyRepository,
  gitFailed,
  notARepository,
  unknownRevision,
} from './errors.ts';

/** A repository's configuration must not run programs while we look at it. */
const hardening = [
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'protocol.ext.allow=never',
  '-c',
  'core.pager=cat',
  '-c',
  'diff.external=',
  '-c',
  'log.showSignature=false',
];
const environment = {
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_EXTERNAL_DIFF: undefined,
  GIT_NO_REPLACE_OBJECTS: '1',
};

/** The Git port over the git program, for the repository around `root` (an absolute path). */
export function createGit(options: {
  readonly process: ProcessRunner;
  readonly root: string;
  readonly signal?: AbortSignal;
}): Git {
  const run: Git['run'] = async (args, settings = {}) => {
    const result = await options.process.run(
      {
        program: 'git',
        args: [...hardening, ...(settings.ownRemote ? [] : ['-c', 'protocol.file.allow=never']), ...args],
        cwd: options.root,
        env: environment,
        encoding: settings.encoding ?? 'utf8',
        ...(settings.input === undefined ? {} : { input: settings.input }),
        ...(settings.maxOutputBytes === undefined ? {} : { maxOutputBytes: settings.maxOutputBytes }),
        ...(settings.onChunk === undefined ? {} : { onChunk: settings.onChunk }),
      },
      options.signal,
    );
    if (result.exitCode !== 0) {
      if (/not a git repository/i.test(result.stderr)) throw notARepository(options.root);
      if (/dubious ownership/i.test(result.stderr)) throw dubiousOwnership(options.root);
      if (!settings.allowFailure) throw gitFailed(args, result.exitCode, result.stderr);
    }
    return result;
  };
  const resolve = (revision: string) => resolveRevision(run, options.root, revision);
  return {
    run,
    resolve,
    async currentBranch() {
      const { exitCode, stdout } = await run(['symbolic-ref', '--quiet', '--short', 'HEAD'], {
        allowFailure: true,
      });
      return exitCode === 0 ? stdout.trim() : undefined;
    },
    isShallow: async () => (await run(['rev-parse', '--is-shallow-repository'])).stdout.trim() === 'true',
    async mergeBase(a, b) {
      const { exitCode, stdout } = await run(['merge-base', await resolve(a), await resolve(b)], {
        allowFailure: true,
      });
      return exitCode === 0 ? stdout.trim() : undefined;
    },
    async commits(range) {
      const { stdout } = await run(['rev-list', '--stdin'], { input: revisionLines(range) });
      return stdout.split('\n').filter(Boolean);
    },
    changedFiles: (range) => readChangedFiles(run, range),
    async readFile(revision, path) {
      const commit = await resolve(revision);
      const read = (from: string) => run(['cat-file', 'blob', `${commit}:${from}`], { allowFailure: true });
      // `./`: from this folder, which need not be the repository's top. A bare repository has no folders.
      const here = await read(`./${path}`);
      const found = /outside working tree/.test(here.stderr) ? await read(path) : here;
      return found.exitCode === 0 ? found.stdout : undefined;
    },
    async tags(pattern = '*') {
      const format = '%(refname:strip=2)%00%(objectname)%00%(*objectname)';
      const { stdout } = await run(['for-each-ref', `--format=${format}`, `refs/tags/${pattern}`]);
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [name = '', object = '', peeled = ''] = line.split('\0');
          return { name, commit: peeled || object };
        });
    },
  };
}

function revisionLines({ bases, head }: CommitRange): string {
  return `${[head, ...bases.map((base) => `^${base}`)].join('\n')}\n`;
}

async function resolveRevision(run: Git['run'], root: string, revision: string): Promise<string> {
  if (revision === '' || revision.startsWith('-') || /[\s\u0000-\u001f\u007f]/.test(revision))
    throw unknownRevision(revision);
  const { exitCode, stdout } = await run(
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
    { allowFailure: true },
  );
  if (exitCode === 0) return stdout.trim();
  if (revision === 'HEAD') {
    // A branch that is born names a commit, whether or not that can be read.
    const born = await run(['rev-parse', '--verify', '--quiet', 'HEAD'], { allowFailure: true });
    throw born.exitCode === 0 ? damagedRepository(root, born.stdout.trim()) : emptyRepository(root);
  }
  // In a CI host's checkout a branch is there as origin's alone. What reads like an object id is never taken for a branch.
  if (/^\w[\w./+#-]*$/.test(revision) && !/^(?:[0-9a-f]+$|refs\/)/i.test(revision))
    return resolveRevision(run, root, `refs/remotes/origin/${revision}`).catch(() => {
      throw unknownRevision(revision);
    });
  throw unknownRevision(revision);
}

const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

async function readChangedFiles(
  run: Git['run'],
  { bases, head }: CommitRange,
): Promise<readonly ChangedFile[]> {
  const [base] = bases;
  const merge =
    base === undefined
      ? undefined
      : (await run(['merge-base', base, head], { allowFailure: true })).stdout.trim();
  const { stdout } = await run([
    'diff',
    '--name-status',
    '-z',
    '--no-ext-diff',
    '--find-renames',
    '--relative',
    merge || base || emptyTree,
    head,
  ]);
  const fields = stdout.split('\0');
  const files: ChangedFile[] = [];
  const statuses = { A: 'added', D: 'deleted', R: 'renamed', C: 'added' } as const;
  while (fields.length > 1) {
    const letter = (fields.shift() ?? '')[0] ?? '';
    const first = fields.shift() ?? '';
    const second = letter === 'R' || letter === 'C' ? fields.shift() : undefined;
    const status = statuses[letter as keyof typeof statuses] ?? 'modified';
    files.push(
      second === undefined
        ? { path: first, status }
        : { path: second, status, ...(letter === 'R' ? { from: first } : {}) },
    );
  }
  return files;
}
