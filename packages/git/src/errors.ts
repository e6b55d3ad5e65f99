import { exitCodes, ZakenakError } from '@zakenak/core';

/** There is no repository. */
export function notARepository(root: string): ZakenakError {
  return new ZakenakError({
    code: 'git/not-a-repository',
    message: `${root} is not inside a Git repository.`,
    remedy: 'Check the repository out first, or name its folder with --directory.',
    exitCode: exitCodes.badInput,
  });
}

/** The repository belongs to another user, and git refuses to read it. */
export function dubiousOwnership(root: string): ZakenakError {
  return new ZakenakError({
    code: 'git/dubious-ownership',
    message: `Git refuses ${root} because it belongs to another user.`,
    remedy: 'Add the folder to git’s safe.directory, or run as its owner.',
    exitCode: exitCodes.refused,
  });
}

/** The history was cut when it was cloned. */
export function shallowClone(): ZakenakError {
  return new ZakenakError({
    code: 'git/shallow-clone',
    message: 'The clone is shallow: the commits to judge cannot all be seen.',
    remedy:
      'Check out with fetch-depth: 0 (GitHub), GIT_DEPTH: "0" (GitLab), clone: { depth: full } (Bitbucket) or fetchDepth: 0 (Azure), or run git fetch --unshallow.',
    exitCode: exitCodes.badInput,
  });
}

/** No such commit, branch or tag here. */
export function unknownRevision(revision: string): ZakenakError {
  return new ZakenakError({
    code: 'git/unknown-revision',
    message: `The revision '${revision}' is not in this clone.`,
    remedy: `Fetch it first: git fetch origin ${revision.startsWith('-') ? 'BRANCH' : revision}.`,
    exitCode: exitCodes.badInput,
  });
}

/** There is no commit yet. */
export function emptyRepository(root: string): ZakenakError {
  return new ZakenakError({
    code: 'git/empty-repository',
    message: `The repository ${root} has no commit yet.`,
    remedy: 'Commit something first.',
    exitCode: exitCodes.badInput,
  });
}

/** HEAD names a commit that git cannot read. */
export function damagedRepository(root: string, commit: string): ZakenakError {
  return new ZakenakError({
    code: 'git/damaged-repository',
    message: `The commit ${commit} that HEAD names cannot be read in ${root}.`,
    remedy: 'Run git fsck to see what is damaged, and clone the repository anew.',
    exitCode: exitCodes.badInput,
  });
}

/** HEAD is on no branch and the event names none. */
export function detachedHead(): ZakenakError {
  return new ZakenakError({
    code: 'git/detached-head',
    message: 'HEAD is detached and there is no default branch to compare it with.',
    remedy: 'Switch to a branch, or fetch the default branch: git fetch origin main.',
    exitCode: exitCodes.badInput,
  });
}

/** Any other failure of git. */
export function gitFailed(args: readonly string[], exitCode: number, stderr: string): ZakenakError {
  return new ZakenakError({
    code: 'git/failed',
    message: `git ${args[0] ?? ''} ended with ${exitCode}: ${stderr.trim().split('\n').slice(-3).join(' ')}`,
    remedy: 'Run the same git command by hand to see what it lacks.',
    exitCode: exitCodes.outside,
  });
}
