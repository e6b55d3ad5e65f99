import type { CiEvent, CommitRange, Git } from '@zakenak/core';
import { detachedHead, shallowClone } from './errors.ts';

/**
 * The commits that an event stands for. A pull request, merge request or merge group: what its head has and its base has not. A push: what came with it; a
 * branch's first push: what the default branch has not; a forced one: what neither the former tip nor the default branch has. A tag: what came since the
 * nearest older tag. Schedule, manual run and laptop: the branch against the default branch, or the whole history on the default branch itself. Throws
 * `git/shallow-clone`: a cut history cannot be judged.
 */
export async function resolveRange(event: CiEvent, git: Git): Promise<CommitRange> {
  // First: in a cut history the head or the base may be what is missing.
  if (await git.isShallow()) throw shallowClone();
  const head = await git.resolve(event.headSha ?? 'HEAD');
  switch (event.kind) {
    case 'pull-request':
    case 'merge-group': {
      const base = await resolveBase(event, git);
      const what = event.pullRequest ? `pull request #${event.pullRequest.number}` : 'merge group';
      return { bases: [base], head, reason: `${what} against ${event.baseBranch ?? base.slice(0, 12)}` };
    }
    case 'push':
      return pushRange(event, git, head);
    case 'tag':
      return tagRange(event, git, head);
    default:
      return branchRange(event, git, head);
  }
}

/** The event's commits since a revision that was named. Throws `git/shallow-clone` and `git/unknown-revision`. */
export async function resolveRangeSince(base: string, event: CiEvent, git: Git): Promise<CommitRange> {
  if (await git.isShallow()) throw shallowClone();
  const head = await git.resolve(event.headSha ?? 'HEAD');
  return { bases: [await git.resolve(base)], head, reason: `since ${base}` };
}

async function resolveBase(event: CiEvent, git: Git): Promise<string> {
  if (event.baseSha) return git.resolve(event.baseSha);
  return git.resolve(`refs/remotes/origin/${event.baseBranch ?? event.defaultBranch ?? 'main'}`);
}

/**
 * The tip before the push bounds it where it is still there, also after a forced push: then the default branch bounds it too, since a rebased branch brings
 * the default branch's newer commits. GitLab tells of no force, and a forced push may have left the former tip behind; without it the branch is judged whole.
 */
async function pushRange(event: CiEvent, git: Git, head: string): Promise<CommitRange> {
  // Said not to be forced, the push left its former tip in the branch's history: that it is missing is the clone's fault.
  const find = event.forced === false ? git.resolve : (id: string) => tryResolve(git, id);
  const former = event.baseSha === undefined ? undefined : await find(event.baseSha);
  if (former && !event.forced && (await isAncestor(former, head, git)))
    return { bases: [former], head, reason: `push of ${event.headBranch ?? 'a branch'}` };
  const range = await branchRange(event, git, head);
  if (former)
    return {
      bases: [...new Set([former, ...range.bases])],
      head,
      reason: `forced push of ${event.headBranch ?? 'a branch'} since ${former.slice(0, 12)}`,
    };
  const what = event.forced || event.baseSha ? 'forced push' : 'first push';
  return { ...range, reason: `${what}: ${range.reason}` };
}

async function isAncestor(older: string, newer: string, git: Git): Promise<boolean> {
  const { exitCode } = await git.run(['merge-base', '--is-ancestor', older, newer], { allowFailure: true });
  return exitCode === 0;
}

async function tagRange(event: CiEvent, git: Git, head: string): Promise<CommitRange> {
  // A floating tag on the same commit is no older one: it would leave nothing to judge.
  const here = (await git.tags()).filter(({ commit }) => commit === head).map(({ name }) => name);
  const excluded = [...new Set([event.tag ?? '', ...here])].map((name) => `--exclude=${name}`);
  const { exitCode, stdout } = await git.run(['describe', '--tags', '--abbrev=0', ...excluded, head], {
    allowFailure: true,
  });
  const previous = stdout.trim();
  if (exitCode !== 0 || previous === '')
    return { bases: [], head, reason: `tag ${event.tag}: the first one, so the whole history` };
  return {
    bases: [await git.resolve(`refs/tags/${previous}`)],
    head,
    reason: `tag ${event.tag} since ${previous}`,
  };
}

async function branchRange(event: CiEvent, git: Git, head: string): Promise<CommitRange> {
  const branch = event.headBranch ?? (event.kind === 'local' ? await git.currentBranch() : undefined);
  const base = await findDefaultBranch(event.defaultBranch, git);
  if (!base) {
    if (event.kind === 'local' && branch === undefined) throw detachedHead();
    return { bases: [], head, reason: `whole history of ${branch ?? head.slice(0, 12)}` };
  }
  if (base.name === branch) {
    // On a laptop's default branch the commits not yet pushed are what is about to be judged.
    const upstream =
      event.kind === 'local' ? await tryResolve(git, `refs/remotes/origin/${base.name}`) : undefined;
    if (upstream && upstream !== head)
      return { bases: [upstream], head, reason: `${base.name} since origin/${base.name}` };
    return { bases: [], head, reason: `whole history of ${base.name}` };
  }
  return { bases: [base.commit], head, reason: `${branch ?? head.slice(0, 12)} against ${base.name}` };
}

async function findDefaultBranch(
  named: string | undefined,
  git: Git,
): Promise<{ readonly name: string; readonly commit: string } | undefined> {
  const candidates = named
    ? [named]
    : [await remoteHead(git), 'main', 'master'].filter((name) => name !== undefined);
  for (const name of candidates) {
    const commit =
      (await tryResolve(git, `refs/remotes/origin/${name}`)) ?? (await tryResolve(git, `refs/heads/${name}`));
    if (commit) return { name, commit };
  }
  return undefined;
}

async function remoteHead(git: Git): Promise<string | undefined> {
  const { exitCode, stdout } = await git.run(
    ['symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'],
    { allowFailure: true },
  );
  return exitCode === 0 ? stdout.trim().replace(/^origin\//, '') : undefined;
}

async function tryResolve(git: Git, revision: string): Promise<string | undefined> {
  return git.resolve(revision).catch((error: { code?: string }) => {
    if (error.code === 'git/unknown-revision') return undefined;
    throw error;
  });
}
