import { exitCodes, ZakenakError } from '@zakenak/core';

/** The history was cut when it was cloned: commits would go unscanned. */
export function shallowClone(): ZakenakError {
  return new ZakenakError({
    code: 'git/shallow-clone',
    message: 'The clone is shallow: not every commit to scan can be seen.',
    remedy:
      'Check out with fetch-depth: 0 (GitHub), GIT_DEPTH: "0" (GitLab), clone: { depth: full } (Bitbucket) or fetchDepth: 0 (Azure), or run git fetch --unshallow.',
    exitCode: exitCodes.badInput,
  });
}

/** gitleaks could not read everything, or its configuration. Its words carry no secret: it is run without printing findings. */
export function scannerFailed(words: string): ZakenakError {
  return new ZakenakError({
    code: 'secrets/scanner-failed',
    message: `gitleaks could not scan everything: ${words}`,
    remedy: 'Check the gitleaks configuration and that the clone is complete (git fsck), then run it again.',
    exitCode: exitCodes.outside,
  });
}

/** Secrets were to be shown in part. */
export function redactRefused(percent: number): ZakenakError {
  return new ZakenakError({
    code: 'secrets/redact-refused',
    message: `redact is ${percent}, and only 100 is taken: part of a secret in a log, report or comment is a leak of its own.`,
    remedy: 'Leave redact out; the place, the rule and the baseline’s hash tell the secrets apart.',
    exitCode: exitCodes.refused,
  });
}

/** A named policy file is not there. */
export function policyMissing(path: string, revision: string | undefined): ZakenakError {
  const where = revision === undefined ? 'the workspace' : `the base commit ${revision.slice(0, 12)}`;
  return new ZakenakError({
    code: 'secrets/config-not-found',
    message: `${path} is not in ${where}.`,
    remedy: 'Merge the file into the base branch first, or name another with --gitleaks-config.',
    exitCode: exitCodes.badInput,
  });
}

/** The baseline cannot be read. */
export function badBaseline(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'secrets/bad-baseline',
    message: `The baseline ${path} is not usable: ${why}.`,
    remedy: 'Restore it from Git, or delete it and write it anew with --update-baseline.',
    exitCode: exitCodes.badInput,
  });
}
