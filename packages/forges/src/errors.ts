import { exitCodes, ZakenakError } from '@zakenak/core';

/** The host's event is none we know how to judge. */
export function unknownEvent(host: string, name: string, known: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'host/unknown-event',
    message: `${host} started this run for the event '${name}', which has no range of commits to judge.`,
    remedy: `Run this on one of: ${known.join(', ')}.`,
    exitCode: exitCodes.badInput,
  });
}

/** The event's payload cannot be read. */
export function badEventPayload(path: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'host/bad-event-payload',
    message: `The event payload ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
    remedy: 'Run the action on the forge’s runner, which sets GITHUB_EVENT_PATH to the payload’s file.',
    exitCode: exitCodes.badInput,
    cause,
  });
}

/** A file that the host promised cannot be written. */
export function hostFileUnwritable(variable: string, path: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'host/file-unwritable',
    message: `${variable} names ${path}, which cannot be written: ${cause instanceof Error ? cause.message : String(cause)}.`,
    remedy: `Point ${variable} at a writable file.`,
    exitCode: exitCodes.missing,
    cause,
  });
}

/** The forge's API answered with an error, or not at all. */
export function forgeError(forge: string, operation: string, cause: unknown): ZakenakError {
  const status = (cause as { status?: number }).status ?? 0;
  const text = cause instanceof Error ? cause.message : String(cause);
  const { errors } = cause as { errors?: readonly { readonly type?: string }[] };
  const moved = errors?.some(({ type }) => type === 'STALE_DATA') ?? false;
  const [code, remedy] = moved ? branchMoved : explainStatus(status, text);
  return new ZakenakError({
    code,
    message: `${forge} did not let us ${operation}: ${text}`,
    remedy,
    exitCode: exitCodes.outside,
    cause,
  });
}

/** GraphQL's error where a branch does not stand where it was expected to. */
const branchMoved: readonly [string, string] = [
  'forge/branch-moved',
  'Fetch the branch, put the commits on top of it, and run again.',
];

function explainStatus(status: number, text: string): readonly [string, string] {
  if (status === 429 || (status === 403 && /rate limit/i.test(text))) {
    return ['forge/rate-limited', 'Wait for the limit to reset, or use a token with a higher one.'];
  }
  if (status === 401 || status === 403)
    return [
      'forge/forbidden',
      'Give the job the permission it lacks (see the action’s README) or a valid token.',
    ];
  if (status === 404)
    return ['forge/not-found', 'Check the repository’s name and that the token may see it.'];
  return ['forge/unreachable', 'Check the network and the forge’s status, then run the job again.'];
}
