import type { ConflictRule } from '../fields/conflict.ts';
import { writerOf } from '../fields/field-writer.ts';
import { createObjectMatcher, globOf, type ObjectPattern } from '../fields/object-pattern.ts';
import type { Tolerance } from '../fields/tolerance.ts';
import type { FieldPath, PathStep } from '../objects/field-path.ts';
import type { JournalPlace } from '../state/journal.ts';

/** Differences that are left alone: by a deploy as well. Everything that is given has to fit; of a list one entry. */
export interface DriftRule extends ObjectPattern {
  /** JSON pointers (RFC 6901), each with everything below it. `*` stands for any key or element, `~2` for a `*` itself; a named list element goes by its name too. */
  readonly pointers?: readonly string[];
  /** Field managers that wrote the field, with `*` for any characters. */
  readonly managers?: readonly string[];
  /** Why, for whoever reads the report. */
  readonly reason?: string;
}

/** What the project says about drift. */
export interface DriftSettings {
  readonly ignore?: readonly DriftRule[];
  /** `report`: fields that autoscalers steer count like any other; `ignore` where nothing is said. */
  readonly autoscalers?: 'ignore' | 'report';
  /** Where it stands what `zakenak sync --mode hold` keeps as it is in the cluster; nothing is kept where absent. */
  readonly heldAt?: JournalPlace;
  /** Whose fields a deploy or a correction takes over and whose it does not; what holds everywhere where none fits. */
  readonly conflicts?: readonly ConflictRule[];
}

/** A segment of a pointer; undefined: any. */
type Segment = string | undefined;

/** The segments of a pointer. */
export function parsePointer(pointer: string): readonly Segment[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((part) =>
      part === '*' ? undefined : part.replaceAll('~2', '*').replaceAll('~1', '/').replaceAll('~0', '~'),
    );
}

/** True where the pointer names the field or a whole that it is in. */
export function covers(segments: readonly Segment[], path: FieldPath): boolean {
  return segments.length <= path.length && segments.every((segment, index) => fits(segment, path[index]));
}

function fits(segment: Segment, step: PathStep | undefined): boolean {
  if (!step) return false;
  if (segment === undefined) return true;
  return 'key' in step ? step.key === segment : step.name === segment || String(step.at) === segment;
}

/** The rules of the project as a tolerance. `name` stands before each one's text. */
export function toleranceOfRules(rules: readonly DriftRule[], name = 'drift.ignore'): Tolerance {
  const parsed = rules.map((rule) => ({
    rule,
    pointers: rule.pointers?.map(parsePointer),
    managers: rule.managers?.map(globOf),
    fitsObject: createObjectMatcher(rule),
  }));
  return {
    concerns: (subject) => parsed.some(({ fitsObject }) => fitsObject(subject)),
    ruleFor(subject, { path }, live) {
      const found = parsed.find(({ pointers, managers, fitsObject }) => {
        if (!fitsObject(subject) || !(pointers?.some((pointer) => covers(pointer, path)) ?? true))
          return false;
        if (!managers) return true;
        const writer = live && writerOf(live, path);
        return writer && !writer.isLikely && managers.some((fits) => fits(writer.manager));
      });
      return found && `${name}: ${describeRule(found.rule)}`;
    },
  };
}

function describeRule({ pointers, managers, reason }: DriftRule): string {
  const parts = [
    ...(pointers ? [pointers.map((pointer) => pointer || 'the whole object').join(', ')] : []),
    ...(managers ? [`written by ${managers.join(', ')}`] : []),
  ];
  return `${parts.join(' ')}${reason ? ` (${reason})` : ''}`;
}
