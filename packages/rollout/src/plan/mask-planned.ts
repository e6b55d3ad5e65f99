import { type KubeObject, type Redactor, redactDeep } from '@zakenak/core';
import { learnFromObjects } from '../objects/learn-secrets.ts';
import type { PlannedRelease } from './plan.ts';

/** A plan's release after everything that lives is known: some of it was compared before the Secret that tells of its values was read. */
export function maskPlanned(
  planned: PlannedRelease,
  live: readonly KubeObject[],
  redactor: Redactor,
): PlannedRelease {
  learnFromObjects(live, redactor, [planned.name, planned.namespace]);
  const objects = planned.objects.map((object) => ({
    ...object,
    reason: redactor.redact(object.reason),
    diff: redactDeep(object.diff, redactor),
  }));
  return { ...planned, objects };
}
