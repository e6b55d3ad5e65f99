import { KubeStatusError } from './ports/kube.ts';

/**
 * Exit codes of the command line and the actions: pass, findings at the threshold, bad input or configuration,
 * tool or environment missing, an outside system failed, refused by a safety rule, our own bug, cancelled.
 */
export const exitCodes = {
  pass: 0,
  findings: 1,
  badInput: 2,
  missing: 3,
  outside: 4,
  refused: 5,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** One of the exit codes above. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What a ZakenakError says. */
export interface ErrorDetails {
  /** `area/what-is-wrong`, stable over releases. */
  readonly code: string;
  readonly message: string;
  /** What to do about it, one imperative sentence. */
  readonly remedy: string;
  readonly exitCode: Exclude<ExitCode, 0 | 1>;
  readonly cause?: unknown;
}

/** We could not look or act. Thrown by engines and adapters, turned into one message and an exit code by the shells. */
export class ZakenakError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly exitCode: ErrorDetails['exitCode'];

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ZakenakError';
    this.code = details.code;
    this.remedy = details.remedy;
    this.exitCode = details.exitCode;
  }
}

/** The error for work that was stopped by Ctrl-C (SIGINT) or by the host (SIGTERM). */
export function cancelled(by: 'SIGINT' | 'SIGTERM' = 'SIGINT'): ZakenakError {
  return new ZakenakError({
    code: 'run/cancelled',
    message: `The run was cancelled by ${by}.`,
    remedy: 'Run the same command again: finished work is kept, and a deploy goes on from its journal.',
    exitCode: by === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated,
  });
}

/** Any thrown value as a ZakenakError; what is neither one already nor an API server's answer is our own bug (exit code 70). */
export function asZakenakError(thrown: unknown): ZakenakError {
  if (thrown instanceof ZakenakError) return thrown;
  if (thrown instanceof KubeStatusError) return requestRefused(thrown);
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new ZakenakError({
    code: 'internal/bug',
    message: `Unexpected error: ${cause.message}`,
    remedy: 'Report this with the output of the same command run with ZAKENAK_DEBUG=1.',
    exitCode: exitCodes.bug,
    cause,
  });
}

/** What an API server answered where nobody expected it: its own trouble, or a right that was taken away meanwhile. */
function requestRefused(refusal: KubeStatusError): ZakenakError {
  const { status, reason, message } = refusal;
  return new ZakenakError({
    code: 'kube/refused',
    message: `The API server refused a request: ${message} (${status} ${reason}).`,
    remedy:
      status === 403
        ? 'Give the account that right, then run the same command again.'
        : 'Look at the API server, then run the same command again.',
    exitCode: exitCodes.outside,
    cause: refusal,
  });
}
