import type { KubeStatusError } from '@zakenak/core';
import { isHand } from './field-writer.ts';
import { createObjectMatcher, globOf, type ObjectPattern } from './object-pattern.ts';
import type { ToleranceSubject } from './tolerance.ts';

/** `take`: a deploy makes the field its own; `refuse`: it is somebody else's, and the deploy does not begin. */
type ConflictDecision = 'take' | 'refuse';

/** A field that another manager owns, and what we do about it. */
export interface FieldConflict {
  readonly field: string;
  readonly manager: string;
  readonly decision: ConflictDecision;
  /** Why, where a rule of the project decided and says so. */
  readonly reason?: string;
}

/** One row of the project's conflict table. Everything that is given has to fit; of the managers one. */
export interface ConflictRule extends ObjectPattern {
  /** Field managers, with `*` for any characters. */
  readonly managers: readonly string[];
  readonly decision: ConflictDecision;
  /** Why, for whoever reads the plan. */
  readonly reason?: string;
}

/** Reads the causes of an apply conflict and decides each of them. */
export interface ConflictJudge {
  (error: KubeStatusError): readonly FieldConflict[];
  /** What holds for the fields of one manager. */
  readonly decide: (manager: string) => ConflictDecision;
}

// A deploy follows up people’s tools and those that write the same manifests (kluctl: pkg/diff/managed_fields.go does alike); a controller's field stays its own.
const takenOver = [/^helm$/, /^zakenak/, /^before-first-apply$/];

/** True for a 409 of server-side apply. */
export function isApplyConflict(error: KubeStatusError): boolean {
  return error.status === 409 && error.causes.some(({ reason }) => reason === 'FieldManagerConflict');
}

/** A rule that has been made ready to be asked. */
interface ReadyRule {
  readonly rule: ConflictRule;
  readonly managers: readonly ((manager: string) => boolean)[];
  readonly fitsObject: (subject: ToleranceSubject) => boolean;
}

/** What set a field and does so no more, by this very rollout, in words; undefined where nothing is known of it. The field as an apply conflict names it. */
type Freed = (field: string) => string | undefined;

/** The judges of a project's rules, one for each object: the rules are made ready once. */
export function createConflictJudges(
  rules: readonly ConflictRule[] = [],
): (subject: ToleranceSubject, freed?: Freed) => ConflictJudge {
  const ready = rules.map((rule) => ({
    rule,
    managers: rule.managers.map(globOf),
    fitsObject: createObjectMatcher(rule),
  }));
  return (subject, freed) =>
    judgeOf(
      ready.filter(({ fitsObject }) => fitsObject(subject)),
      freed,
    );
}

/** Who takes what from whom: the first of the rules that fits, else what holds everywhere. */
function judgeOf(fitting: readonly ReadyRule[], freed: Freed = () => undefined): ConflictJudge {
  const decide = (manager: string, field?: string): Pick<FieldConflict, 'decision' | 'reason'> => {
    const rule = fitting.find(({ managers }) => managers.some((fits) => fits(manager)))?.rule;
    if (rule) return { decision: rule.decision, ...(rule.reason ? { reason: rule.reason } : {}) };
    const known = isHand(manager) || takenOver.some((pattern) => pattern.test(manager));
    if (known) return { decision: 'take' };
    const former = field === undefined ? undefined : freed(field);
    return former ? { decision: 'take', reason: `${former} steers it no more` } : { decision: 'refuse' };
  };
  const judge = (error: KubeStatusError): readonly FieldConflict[] =>
    error.causes
      .filter(({ reason }) => reason === 'FieldManagerConflict')
      .map(({ field = '', message = '' }) => {
        const manager = /conflict with "([^"]*)"/.exec(message)?.[1];
        // Who cannot be told apart is nobody's to take from, whatever the rules say.
        if (manager === undefined) return { field, manager: 'unknown', decision: 'refuse' };
        return { field, manager, ...decide(manager, field) };
      });
  return Object.assign(judge, { decide: (manager: string) => decide(manager).decision });
}

/** The refused ones in words. */
export function refusedText(conflicts: readonly FieldConflict[]): string {
  return conflicts
    .filter(({ decision }) => decision === 'refuse')
    .map(({ field, manager, reason }) => `${field} is owned by ${manager}${reason ? ` (${reason})` : ''}`)
    .join('; ');
}

/** What holds everywhere, whatever a project says. */
export const commonJudge: ConflictJudge = judgeOf([]);
