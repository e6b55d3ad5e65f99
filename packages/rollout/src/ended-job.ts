import type { KubeObject } from '@zakenak/core';
import { valueAt } from './json.ts';
import { groupOf } from './object.ts';

/** Why a Job that is gone is left gone. */
export const endedByItself = 'it ended and removed itself, as its ttlSecondsAfterFinished asks';

/**
 * True for a Job that the cluster removes when it has ended: once it was deployed, that it is gone is how it ends, and making it again would run it again. One that is suspended has not run.
 */
export function removesItself({ apiVersion, kind, spec }: KubeObject): boolean {
  return (
    kind === 'Job' &&
    groupOf(apiVersion) === 'batch' &&
    typeof valueAt(spec, 'ttlSecondsAfterFinished') === 'number' &&
    valueAt(spec, 'suspend') !== true
  );
}
