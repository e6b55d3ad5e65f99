import type { CommitRange, Git } from '@zakenak/core';
import { shallowClone } from './errors.ts';
import { type MergedFile, readMergedFiles } from './merges.ts';
import type { ScanSecretsRequest } from './request.ts';

/** What is to be scanned. */
export interface Scope {
  /** In words. */
  readonly reason: string;
  /** The commit whose files locations speak of. */
  readonly head: string;
  readonly bases: readonly string[];
  /** Tips whose history is scanned; empty for a tree. */
  readonly heads: readonly string[];
  /** The commits of this history that are scanned, where it is not all of them. */
  readonly only?: readonly string[];
  /** Trees that are scanned whole, by commit. */
  readonly trees: ReadonlyMap<string, string>;
  readonly mergedFiles: ReadonlyMap<string, readonly MergedFile[]>;
  /** Commits of the history. */
  readonly all: readonly string[];
  /** Commits in scope. */
  readonly commits: number;
}

/** Resolves the request to commits and trees. Throws `git/shallow-clone` and `git/unknown-revision`. */
export async function readScope(request: ScanSecretsRequest, git: Git): Promise<Scope> {
  if (request.scope === 'tree') return treeScope(request, git);
  if (await git.isShallow()) throw shallowClone();
  const range =
    request.scope === 'history' ? await wholeHistory(request, git) : await readRange(request, git);
  const heads = request.scope === 'history' ? await everyTip(range.head, git) : [range.head];
  const { bases, head, reason } = range;
  const input = `${[...heads, ...bases.map((base) => `^${base}`)].join('\n')}\n`;
  const { stdout } = await git.run(['rev-list', '--parents', '--stdin'], {
    input,
    maxOutputBytes: 1024 * 1024 * 1024,
  });
  const lines = stdout.split('\n').filter(Boolean);
  const all = lines.map((line) => line.split(' ', 1)[0] ?? '');
  const merges = all.filter((commit, index) => (lines[index]?.length ?? 0) > 2 * commit.length + 1);
  const mergedFiles = await readMergedFiles(merges, git);
  return { reason, head, bases, heads, trees: new Map(), mergedFiles, all, commits: all.length };
}

async function readRange(request: ScanSecretsRequest, git: Git): Promise<CommitRange> {
  if (!request.base && !request.head) return request.range();
  const head = await git.resolve(request.head ?? 'HEAD');
  if (!request.base) return { ...(await request.range()), head };
  return {
    bases: [await git.resolve(request.base)],
    head,
    reason: `${request.head ?? 'HEAD'} since ${request.base}`,
  };
}

async function treeScope(request: ScanSecretsRequest, git: Git): Promise<Scope> {
  const head = await git.resolve(request.head ?? 'HEAD');
  const tree = (await git.run(['rev-parse', '--verify', `${head}^{tree}`])).stdout.trim();
  const reason = `the files of ${head.slice(0, 12)}`;
  const trees = new Map([[head, tree]]);
  return { reason, head, bases: [], heads: [], trees, mergedFiles: new Map(), all: [], commits: 1 };
}

async function wholeHistory(request: ScanSecretsRequest, git: Git): Promise<CommitRange> {
  const head = await git.resolve(request.head ?? 'HEAD');
  return { bases: [], head, reason: 'the whole history of every branch and tag' };
}

async function everyTip(head: string, git: Git): Promise<readonly string[]> {
  const format = '%(objecttype) %(objectname) %(*objecttype) %(*objectname)';
  const { stdout } = await git.run(['for-each-ref', `--format=${format}`]);
  const tips = stdout.split('\n').map((line) => /(?:^| )commit ([0-9a-f]+)/.exec(line)?.[1]);
  return [...new Set([head, ...tips.filter((tip) => tip !== undefined)])];
}
