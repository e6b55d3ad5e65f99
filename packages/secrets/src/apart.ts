import type { Git } from '@zakenak/core';
import { isUnreadable } from './changes.ts';
import { scannerFailed } from './errors.ts';
import { largestText } from './gitleaks.ts';
import type { Patches } from './mirror-patches.ts';

/** The files that are read apart from git's patches: of an unreadable path, or of a path that has a large file in some commit. */
export interface Apart {
  /** git log's arguments that leave them out; empty where there are none. */
  readonly pathspec: readonly string[];
  /** Whether the file of this name (a byte string) is one of them. */
  includes(name: string): boolean;
}

// A command line holds no more.
const mostPatterns = 1_000;

/** Selects what is to be read apart. Throws `secrets/scanner-failed` where that is more than git can be told. */
export function selectApart(
  { changes, removals, hasUnreadable }: Pick<Patches, 'changes' | 'removals' | 'hasUnreadable'>,
  sizes: ReadonlyMap<string, number>,
): Apart {
  const isLarge = (blob = '') => (sizes.get(blob) ?? 0) > largestText;
  const large = [
    ...changes.filter(({ blob, former }) => isLarge(blob) || isLarge(former)),
    ...removals.filter(({ blob }) => isLarge(blob)),
  ];
  // gitleaks splits its arguments at spaces, and `?` is any byte but a slash.
  const patterns = [...new Set(large.map(({ name }) => name.replace(/[^A-Za-z0-9._/-]/g, '?')))];
  if (patterns.length > mostPatterns)
    throw scannerFailed(`${patterns.length} paths have files of more than ${largestText / 1024 / 1024} MiB`);
  const excluded = patterns.map((pattern) => `:(exclude,glob)${pattern}`);
  if (hasUnreadable) excluded.push(':(exclude)*\\\\');
  const names = patterns.map((pattern) => {
    const source = pattern.replace(/[.-]/g, '\\$&').replaceAll('?', '[^/]');
    return new RegExp(`^${source}(/|$)`, 's');
  });
  return {
    pathspec: excluded.length > 0 ? ['--', ...excluded] : [],
    includes: (name) => isUnreadable(name) || names.some((one) => one.test(name)),
  };
}

/** Whether the repository holds a large object at all. */
export async function holdsLargeBlob(git: Git): Promise<boolean> {
  // Without their types, which git would have to follow chains of differences for.
  const args = ['cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objectsize)'];
  const { stdout } = await git.run(args, { maxOutputBytes: 512 * 1024 * 1024 });
  return stdout.split('\n').some((size) => Number(size) > largestText);
}
