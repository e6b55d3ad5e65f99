import type { Git } from '@zakenak/core';
import semver from 'semver';
import {
  detachedHead,
  dirtyTree,
  outOfStep,
  remoteUnreachable,
  shallowClone,
  tagMismatch,
  wrongBranch,
} from './errors.ts';

/** The line in our commits' and tags' messages by which a later run knows them. */
export const releaseTrailer = 'Zakenak-Release';

/** A version tag. */
export interface VersionTag {
  readonly tag: string;
  readonly version: string;
}

/** What the clone and its remote hold before a release. */
export interface RepositoryState {
  /** Full object id of the checked-out commit. */
  readonly head: string;
  /** The remote branch's newest commit; equal to head where nothing is pushed. */
  readonly remoteTip: string;
  /** Version tags that head descends from. */
  readonly reachable: readonly VersionTag[];
  /** Every version tag. */
  readonly all: readonly VersionTag[];
  /** Object ids that the remote's tags name, not peeled; empty where nothing is pushed. */
  readonly remoteTags: ReadonlyMap<string, string>;
  /** Tags of a run that was killed before its push: not on the remote and with our trailer. */
  readonly leftovers: readonly string[];
}

/** Where the release is made. */
export interface Place {
  readonly branch: string;
  readonly remote: string;
  readonly prefix: string;
  readonly push: boolean;
}

/**
 * Reads clone and remote. Fetches version tags that the clone lacks; changes nothing else. Throws `releases/shallow-clone`, `detached-head`,
 * `wrong-branch`, `dirty-tree`, `remote-unreachable`, `branch-…` and `tag-mismatch`.
 */
export async function readRepository(git: Git, place: Place): Promise<RepositoryState> {
  if (await git.isShallow()) throw shallowClone();
  const branch = await git.currentBranch();
  if (branch === undefined) throw detachedHead(place.branch);
  if (branch !== place.branch) throw wrongBranch(branch, place.branch);
  const head = await git.resolve('HEAD');
  await refuseDirtyTree(git);
  if (!place.push) {
    const leftovers = await strandedTags(git, place.prefix);
    const versions = await readVersions(git, place.prefix, head, leftovers);
    return { head, remoteTip: head, ...versions, remoteTags: new Map(), leftovers };
  }
  const refs = await readRemote(git, place);
  const remoteTip = refs.get(`refs/heads/${place.branch}`);
  if (remoteTip === undefined) throw outOfStep(place.branch, 'missing');
  if (remoteTip !== head) await refuseUnpushed(git, place, head, remoteTip);
  const remoteTags = new Map(
    [...refs].flatMap(([ref, id]) => (ref.startsWith('refs/tags/') ? [[ref.slice(10), id] as const] : [])),
  );
  const leftovers = await alignTags(git, place, remoteTags);
  return {
    head,
    remoteTip,
    ...(await readVersions(git, place.prefix, head, leftovers)),
    remoteTags,
    leftovers,
  };
}

/** The version in a tag's name, undefined where it is no full semver after the prefix. */
function versionOf(tag: string, prefix: string): string | undefined {
  const text = tag.startsWith(prefix) ? tag.slice(prefix.length) : '';
  return /^\d/.test(text) && semver.valid(text) === text ? text : undefined;
}

async function refuseDirtyTree(git: Git): Promise<void> {
  const { stdout } = await git.run([
    'status',
    '--porcelain=v1',
    '-z',
    '--untracked-files=no',
    '--no-renames',
  ]);
  const paths = stdout.split('\0').flatMap((entry) => (entry.length > 3 ? [entry.slice(3)] : []));
  if (paths.length > 0) throw dirtyTree(paths);
}

async function readRemote(git: Git, place: Place): Promise<ReadonlyMap<string, string>> {
  const { exitCode, stdout, stderr } = await git.run(
    ['ls-remote', '--', place.remote, `refs/heads/${place.branch}`, `refs/tags/${place.prefix}*`],
    { allowFailure: true, ownRemote: true },
  );
  if (exitCode !== 0) throw remoteUnreachable(place.remote, stderr);
  const refs = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [id, ref] = line.split('\t');
    if (id && ref && !ref.endsWith('^{}')) refs.set(ref, id);
  }
  return refs;
}

async function refuseUnpushed(git: Git, place: Place, head: string, tip: string): Promise<void> {
  const fetched = await git.run(
    ['fetch', '--quiet', '--no-tags', '--', place.remote, `refs/heads/${place.branch}`],
    { allowFailure: true, ownRemote: true },
  );
  if (fetched.exitCode !== 0) throw remoteUnreachable(place.remote, fetched.stderr);
  const base = await git.mergeBase(head, tip);
  // The remote being ahead is not refused: a newer commit's own run releases it.
  if (base === head) return;
  throw outOfStep(place.branch, base === tip ? 'ahead' : 'diverged');
}

async function alignTags(
  git: Git,
  place: Place,
  remoteTags: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const local = await readLocalTags(git, place.prefix);
  const missing: string[] = [];
  for (const [tag, id] of remoteTags) {
    if (versionOf(tag, place.prefix) === undefined) continue;
    const here = local.get(tag);
    if (here === undefined) missing.push(`refs/tags/${tag}:refs/tags/${tag}`);
    else if (here.id !== id) throw tagMismatch(tag, 'differs');
  }
  if (missing.length > 0) {
    const fetched = await git.run(['fetch', '--quiet', '--no-tags', '--', place.remote, ...missing], {
      allowFailure: true,
      ownRemote: true,
    });
    if (fetched.exitCode !== 0) throw remoteUnreachable(place.remote, fetched.stderr);
  }
  const onlyHere = [...local].filter(([tag]) => !remoteTags.has(tag));
  const foreign = onlyHere.find(([, { ours }]) => !ours);
  if (foreign) throw tagMismatch(foreign[0], 'only-here');
  return onlyHere.map(([tag]) => tag);
}

/** Our tags whose commit no branch holds: a run that pushes nothing was killed after it had signed. */
async function strandedTags(git: Git, prefix: string): Promise<readonly string[]> {
  const stranded: string[] = [];
  for (const [tag, { ours }] of await readLocalTags(git, prefix)) {
    if (!ours) continue;
    const commit = await git.resolve(`refs/tags/${tag}`);
    const holders = ['refs/heads', 'refs/remotes'];
    const { stdout } = await git.run(['for-each-ref', '--count=1', `--contains=${commit}`, ...holders]);
    if (stdout.trim() === '') stranded.push(tag);
  }
  return stranded;
}

async function readLocalTags(
  git: Git,
  prefix: string,
): Promise<ReadonlyMap<string, { readonly id: string; readonly ours: boolean }>> {
  // The body, not git's own trailer parser: that one does not see trailers above a signature.
  const format = '--format=%00%00%(objectname) %(objecttype) %(refname:lstrip=2)%00%(contents:body)';
  const { stdout } = await git.run(['for-each-ref', format, 'refs/tags']);
  const tags = new Map<string, { id: string; ours: boolean }>();
  for (const entry of stdout.split('\0\0')) {
    const [head = '', body = ''] = entry.split('\0');
    const [id, type, tag] = head.split(' ');
    if (!id || !tag || versionOf(tag, prefix) === undefined) continue;
    const marked = body.split('\n').some((line) => line.trim() === `${releaseTrailer}: ${tag}`);
    tags.set(tag, { id, ours: type === 'tag' && marked });
  }
  return tags;
}

async function readVersions(
  git: Git,
  prefix: string,
  head: string,
  leftovers: readonly string[],
): Promise<Pick<RepositoryState, 'reachable' | 'all'>> {
  const list = async (...filter: string[]) => {
    const { stdout } = await git.run(['tag', '--list', ...filter]);
    return stdout.split('\n').flatMap((tag) => {
      const version = versionOf(tag, prefix);
      return version === undefined || leftovers.includes(tag) ? [] : [{ tag, version }];
    });
  };
  return { reachable: await list('--merged', head), all: await list() };
}
