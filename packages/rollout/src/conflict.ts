import type { KubeStatusError } from '@zakenak/core';
import { isHand } from './field-writer.ts';

/** A field that another manager owns, and what we do about it. */
export interface FieldConflict {
  readonly field: string;
  readonly manager: string;
  /** `take`: the manager is one whose fields a deploy may take over; `refuse`: it is somebody else's. */
  readonly decision: 'take' | 'refuse';
}

// A deploy follows up people’s tools and those that write the same manifests (kluctl: pkg/diff/managed_fields.go does alike); a controller's field stays its own.
const takenOver = [/^helm$/, /^zakenak/, /^before-first-apply$/];

/** True for a 409 of server-side apply. */
export function isApplyConflict(error: KubeStatusError): boolean {
  return error.status === 409 && error.causes.some(({ reason }) => reason === 'FieldManagerConflict');
}

/** Reads the causes of an apply conflict and decides per manager. */
export function judgeConflicts(error: KubeStatusError): readonly FieldConflict[] {
  return error.causes
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(({ field = '', message = '' }) => {
      const manager = /conflict with "([^"]*)"/.exec(message)?.[1] ?? 'unknown';
      const known = isHand(manager) || takenOver.some((pattern) => pattern.test(manager));
      return { field, manager, decision: known ? 'take' : 'refuse' };
    });
}
