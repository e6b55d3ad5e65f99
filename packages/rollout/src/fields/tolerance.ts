import type { KubeObject, KubeRef } from '@zakenak/core';
import type { FieldDifference } from '../objects/diff.ts';
import type { FieldPath } from '../objects/field-path.ts';

/** An object whose differences are judged. */
export interface ToleranceSubject {
  readonly release: string;
  readonly ref: KubeRef;
}

/** What of the differences between the cluster and a release is left alone. */
export interface Tolerance {
  /** False where no difference of the object is tolerated: nothing of it has to be asked. */
  concerns(subject: ToleranceSubject): boolean;
  /** The rule by which a difference is left alone, in words; undefined where it counts. `before` is the live value, `after` the wanted one. */
  ruleFor(
    subject: ToleranceSubject,
    difference: FieldDifference,
    live: KubeObject | undefined,
  ): string | undefined;
  /** What besides the release sets the field, whether or not its present value is left alone, in words; undefined where nothing is known to. */
  masterOf?(subject: ToleranceSubject, path: FieldPath): string | undefined;
  /** What set the field and does so no more, by what the set is to be, in words. The field as an apply conflict names it: `.spec.replicas`. */
  freedBy?(subject: ToleranceSubject, field: string): string | undefined;
}

/** Tolerates what any of them does; the first one names the rule. */
export function joinTolerances(tolerances: readonly Tolerance[]): Tolerance {
  return {
    concerns: (subject) => tolerances.some((one) => one.concerns(subject)),
    ruleFor: (...about) => {
      for (const one of tolerances) {
        const rule = one.ruleFor(...about);
        if (rule !== undefined) return rule;
      }
      return undefined;
    },
    freedBy: (...about) => tolerances.map((one) => one.freedBy?.(...about)).find(Boolean),
    masterOf: (...about) => tolerances.map((one) => one.masterOf?.(...about)).find(Boolean),
  };
}
