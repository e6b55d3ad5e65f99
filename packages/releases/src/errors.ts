import { exitCodes, ZakenakError } from '@zakenak/core';

/** Something tracked differs from HEAD. */
export function dirtyTree(paths: readonly string[]): ZakenakError {
  const shown = paths.slice(0, 5).join(', ') + (paths.length > 5 ? `, and ${paths.length - 5} more` : '');
  return new ZakenakError({
    code: 'releases/dirty-tree',
    message: `The working tree has changes that are not committed: ${shown}.`,
    remedy: 'Commit or undo these changes, then release again.',
    exitCode: exitCodes.badInput,
  });
}

/** No branch is checked out. */
export function detachedHead(branch: string): ZakenakError {
  return new ZakenakError({
    code: 'releases/detached-head',
    message: 'HEAD is detached: there is no branch to release from.',
    remedy: `Check the branch out first: git switch ${branch} (GitLab: git checkout -B "$CI_COMMIT_BRANCH").`,
    exitCode: exitCodes.badInput,
  });
}

/** History or tags are cut off, so the last version cannot be known. */
export function shallowClone(): ZakenakError {
  return new ZakenakError({
    code: 'releases/shallow-clone',
    message: 'This clone is shallow: the commits since the last release cannot be counted.',
    remedy:
      'Fetch the whole history: fetch-depth: 0 in actions/checkout, GIT_DEPTH: 0 in GitLab, or git fetch --unshallow.',
    exitCode: exitCodes.badInput,
  });
}

/** Another branch than the release branch is checked out. */
export function wrongBranch(current: string, wanted: string): ZakenakError {
  return new ZakenakError({
    code: 'releases/wrong-branch',
    message: `Releases are made from ${wanted}, but ${current} is checked out.`,
    remedy: `Run this on ${wanted}, or set 'branch' to ${current}.`,
    exitCode: exitCodes.refused,
  });
}

/** The remote branch has commits that HEAD has not, or the other way about. */
export function outOfStep(branch: string, how: 'behind' | 'ahead' | 'diverged' | 'missing'): ZakenakError {
  const kinds = {
    behind: [
      'releases/branch-behind',
      `The remote's ${branch} has commits that this clone has not.`,
      'Run git pull --ff-only, then release again.',
    ],
    ahead: [
      'releases/branch-ahead',
      `This clone's ${branch} has commits that were not pushed.`,
      'Push the branch first, so that its checks run before it is released.',
    ],
    diverged: [
      'releases/branch-diverged',
      `This clone's ${branch} and the remote's have gone different ways.`,
      'Bring the branch in line with the remote (git pull --rebase), then release again.',
    ],
    missing: [
      'releases/branch-missing',
      `The remote has no branch ${branch}.`,
      `Push it first: git push -u origin ${branch}.`,
    ],
  } as const;
  const [code, message, remedy] = kinds[how];
  return new ZakenakError({ code, message, remedy, exitCode: exitCodes.badInput });
}

/** The version's tag is taken. Version tags are never moved. */
export function tagExists(tag: string): ZakenakError {
  return new ZakenakError({
    code: 'releases/tag-exists',
    message: `The tag ${tag} exists already, and version tags are never moved.`,
    remedy: "Choose a higher version with 'release-as', or release from the branch that carries the tag.",
    exitCode: exitCodes.refused,
  });
}

/** A version tag differs between clone and remote, or exists only here. */
export function tagMismatch(tag: string, where: 'differs' | 'only-here'): ZakenakError {
  return new ZakenakError({
    code: 'releases/tag-mismatch',
    message:
      where === 'differs'
        ? `The tag ${tag} names another object here than on the remote.`
        : `The tag ${tag} exists in this clone but not on the remote.`,
    remedy:
      where === 'differs'
        ? `Find out who moved it; then take the remote's: git tag -d ${tag} && git fetch origin tag ${tag}.`
        : `Push it (git push origin ${tag}) or delete it (git tag -d ${tag}).`,
    exitCode: exitCodes.refused,
  });
}

/** An input is not what it has to be. */
export function badVersionInput(input: string, value: string, wanted: string): ZakenakError {
  return new ZakenakError({
    code: 'releases/bad-input',
    message: `'${input}' is ${JSON.stringify(value.slice(0, 80))}, but has to be ${wanted}.`,
    remedy: `Set '${input}' to ${wanted}.`,
    exitCode: exitCodes.badInput,
  });
}

/** Neither git nor the request says who releases. */
export function noIdentity(): ZakenakError {
  return new ZakenakError({
    code: 'releases/no-identity',
    message: 'Git does not know who makes the release commit and tag.',
    remedy: 'Set \'committer\' to "Name <address>", or git config user.name and user.email.',
    exitCode: exitCodes.badInput,
  });
}

/** Git could not sign. */
export function signingFailed(stderr: string): ZakenakError {
  return new ZakenakError({
    code: 'releases/signing-failed',
    message: `Git could not sign the release: ${lastLine(stderr)}`,
    remedy: 'Set user.signingkey and gpg.format to a key that this machine holds, or turn sign off.',
    exitCode: exitCodes.missing,
  });
}

/** The atomic push was refused; nothing of it arrived. */
export function pushRejected(stderr: string): ZakenakError {
  const guarded = /GH006|GH013|protected branch|pre-receive hook declined|not allowed to push/i.test(stderr);
  return new ZakenakError({
    code: guarded ? 'releases/push-forbidden' : 'releases/push-rejected',
    message: `The remote refused the release, and nothing of it was pushed: ${rejection(stderr)}`,
    remedy: guarded
      ? "Let the pushing identity bypass the branch's protection, or set changelog to off so that only tags are pushed."
      : 'Run again on the branch’s newest commit: someone else pushed or released meanwhile.',
    exitCode: exitCodes.outside,
  });
}

/** The remote cannot be read. */
export function remoteUnreachable(remote: string, stderr: string): ZakenakError {
  return new ZakenakError({
    code: 'releases/remote-unreachable',
    message: `The remote ${remote} cannot be read: ${reasonOf(stderr)}`,
    remedy: "Check the remote's address, the network and the credentials, or release locally with push off.",
    exitCode: exitCodes.outside,
  });
}

/** A release page was asked for where no forge is known. */
export function noForge(): ZakenakError {
  return new ZakenakError({
    code: 'releases/no-forge',
    message: 'A release page was asked for, but this run knows no forge to make it on.',
    remedy: 'Run on the forge’s CI with a token, or turn create-release off.',
    exitCode: exitCodes.badInput,
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() || 'no reason given';
}

/** git names the reason in its first fatal line; advice follows. */
function reasonOf(stderr: string): string {
  return /^(?:fatal|error|ssh): .+$/m.exec(stderr)?.[0].trim() ?? lastLine(stderr);
}

function rejection(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line = lines.find((text) => /\[(remote )?rejected\]|^remote: error/.test(text));
  return line ?? lastLine(stderr);
}
