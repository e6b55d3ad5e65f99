import { exitCodes, ZakenakError } from '@zakenak/core';

/** The schemas of a Kubernetes version cannot be had. */
export function schemasUnavailable(version: string, reason: string, cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'schemas/unavailable',
    message: `The schemas of Kubernetes ${version} cannot be made: ${reason}`,
    remedy: `Name a released Kubernetes version such as 1.34.4, and make Go and the Go module proxy reachable for the first run.`,
    exitCode: exitCodes.missing,
    cause,
  });
}
