import type { Git } from '@zakenak/core';
import type { Scope } from './scope.ts';

/** A file as a commit made it, and as the commit found it. */
export interface Change {
  readonly commit: string;
  readonly path: string;
  /** The path's bytes, as byte string (latin1). */
  readonly name: string;
  readonly blob: string;
  readonly former?: string;
}

/** What commits write. */
export interface Changes {
  /** Every regular file: of a tree all its files, of a merge commit only what equals no parent's. */
  readonly changes: readonly Change[];
  /** Some path of any kind, a deleted one too, is unreadable. */
  readonly hasUnreadable: boolean;
}

/**
 * Whether gitleaks misreads the patch of a path and perhaps all that follows: go-gitdiff 0.9 takes the quotation mark after a last backslash for a part of the name
 * (`parseQuotedName`).
 */
export function isUnreadable(name: string): boolean {
  return name.endsWith('\\');
}

/** git log's arguments that leave such paths out. */
export const readablePaths = ['--', ':(exclude)*\\\\'];

/** A name under which gitleaks reads the file. */
export function readableName(name: string): string {
  return name.replace(/\\+$/, (end) => '_'.repeat(end.length));
}

/** What the commits of the scope write. */
export async function readChanges(scope: Scope, git: Git): Promise<Changes> {
  const options = { encoding: 'latin1', maxOutputBytes: 512 * 1024 * 1024 } as const;
  const changes: Change[] = [];
  let hasUnreadable = false;
  const add = (text: string, more: readonly Change[]) => {
    hasUnreadable ||= text.includes('\\\0');
    for (const change of more) changes.push(change);
  };
  for (const [commit, tree] of scope.trees) {
    const { stdout } = await git.run(['ls-tree', '-r', '-z', tree], options);
    add(stdout, parseTree(stdout, commit));
  }
  if (scope.heads.length > 0) {
    const input = `${[...scope.heads, ...scope.bases.map((base) => `^${base}`)].join('\n')}\n`;
    const commits =
      scope.only?.map((commit) => `${commit}\n`).join('') ??
      (await git.run(['rev-list', '--no-merges', '--stdin'], { ...options, input })).stdout;
    const args = ['diff-tree', '--stdin', '--root', '-r', '-z', '--no-abbrev', '--no-renames'];
    const { stdout } = await git.run(args, { ...options, input: commits });
    add(stdout, parseChanges(stdout));
  }
  for (const [commit, files] of scope.mergedFiles)
    add(
      files.map(({ path }) => `${path}\0`).join(''),
      files.map(({ path, blob }) => ({ commit, path: toText(path), name: path, blob })),
    );
  return { changes, hasUnreadable };
}

/** Sizes in bytes of blobs, by id. */
export async function readSizes(ids: ReadonlySet<string>, git: Git): Promise<ReadonlyMap<string, number>> {
  if (ids.size === 0) return new Map();
  const { stdout } = await git.run(['cat-file', '--batch-check=%(objectname) %(objectsize)'], {
    input: `${[...ids].join('\n')}\n`,
    maxOutputBytes: 512 * 1024 * 1024,
  });
  return new Map(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [id = '', size] = line.split(' ');
        return [id, Number(size)] as const;
      }),
  );
}

/** NUL-separated output of `git ls-tree -r -z`, as byte string. */
function parseTree(text: string, commit: string): readonly Change[] {
  return text.split('\0').flatMap((line) => {
    const [, mode = '', blob = '', name = ''] = /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
    return isRead(mode, name) ? [{ commit, blob, name, path: toText(name) }] : [];
  });
}

/** NUL-separated output of `git diff-tree --stdin -z` over commits of one parent or none, as byte string. */
export function parseChanges(text: string): readonly Change[] {
  const changes: Change[] = [];
  const fields = text.split('\0');
  let commit = '';
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] ?? '';
    const match = /^:\d+ (\d+) ([0-9a-f]+) ([0-9a-f]+) \w/.exec(field);
    if (!match) {
      commit = field.trim() || commit;
      continue;
    }
    const [, mode = '', former = '', blob = ''] = match;
    const name = fields[++index] ?? '';
    if (isRead(mode, name))
      changes.push({ commit, path: toText(name), name, blob, ...(/^0+$/.test(former) ? {} : { former }) });
  }
  return changes;
}

/** Regular files; what a link says is text of a patch like another, unless the patch is left out. */
function isRead(mode: string, name: string): boolean {
  return mode.startsWith('100') || (mode === '120000' && isUnreadable(name));
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
