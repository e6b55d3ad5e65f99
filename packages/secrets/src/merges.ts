import type { Git } from '@zakenak/core';
import { readBlobs } from './blobs.ts';
import type { Leak } from './leak.ts';

/** A file of a merge commit that equals no parent's: the merge itself wrote into it. */
export interface MergedFile {
  /** Byte string (latin1). */
  readonly path: string;
  readonly blob: string;
}

/** Files that merge commits changed against every parent, by merge commit. `git log -p` shows nothing of these. */
export async function readMergedFiles(
  merges: readonly string[],
  git: Git,
): Promise<ReadonlyMap<string, readonly MergedFile[]>> {
  if (merges.length === 0) return new Map();
  const { stdout } = await git.run(
    ['diff-tree', '--stdin', '-c', '-r', '-z', '--no-abbrev', '--no-renames'],
    {
      input: `${merges.join('\n')}\n`,
      encoding: 'latin1',
      maxOutputBytes: 512 * 1024 * 1024,
    },
  );
  return parseCombined(stdout);
}

/** NUL-separated output of `git diff-tree --stdin -c -z`. */
export function parseCombined(text: string): ReadonlyMap<string, readonly MergedFile[]> {
  const files = new Map<string, MergedFile[]>();
  const fields = text.split('\0');
  let commit = '';
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] ?? '';
    if (!field.startsWith(':')) {
      commit = field.trim() || commit;
      continue;
    }
    const parents = /^:+/.exec(field)?.[0].length ?? 0;
    const columns = field.slice(parents).split(' ');
    const mode = columns[parents] ?? '';
    const blob = columns[2 * parents + 1] ?? '';
    const path = fields[++index] ?? '';
    // Regular files and links; a deletion (000000) and a submodule (160000) have no content here.
    if (/^1[02]0/.test(mode)) files.set(commit, [...(files.get(commit) ?? []), { path, blob }]);
  }
  return files;
}

/** Of the finds in merge commits, those with a line that no parent's version of the file has: the rest came from a parent. */
export async function keepOwnOfMerges(
  leaks: readonly Leak[],
  merges: ReadonlySet<string>,
  git: Git,
): Promise<readonly Leak[]> {
  const inMerges = leaks.filter(({ commit }) => merges.has(commit));
  if (inMerges.length === 0) return leaks;
  const commits = [...new Set(inMerges.map(({ commit }) => commit))];
  const { stdout } = await git.run(['rev-list', '--parents', '--no-walk', '--stdin'], {
    input: `${commits.join('\n')}\n`,
  });
  const parents = new Map(
    stdout.split('\n').map((line) => {
      const [commit = '', ...others] = line.split(' ');
      return [commit, others] as const;
    }),
  );
  const nameOf = (commit: string, path: string) => `${commit}:${path}`;
  const blobs = await readBlobs(
    inMerges.flatMap(({ commit, path }) =>
      [commit, ...(parents.get(commit) ?? [])].map((at) => nameOf(at, path)),
    ),
    git,
  );
  const isOwn = ({ commit, path, startLine, endLine }: Leak) => {
    const lines = blobs
      .get(nameOf(commit, path))
      ?.split('\n')
      .slice(startLine - 1, endLine) ?? [''];
    const known = (parents.get(commit) ?? []).map(
      (parent) => new Set(blobs.get(nameOf(parent, path))?.split('\n') ?? []),
    );
    return lines.some((line) => known.every((set) => !set.has(line)));
  };
  return leaks.filter((leak) => !merges.has(leak.commit) || isOwn(leak));
}
