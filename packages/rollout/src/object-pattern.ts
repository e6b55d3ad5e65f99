import type { ToleranceSubject } from './tolerance.ts';

/** Which objects a rule is about: everything that is given has to fit, each with `*` for any characters. */
export interface ObjectPattern {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  /** Release that the object belongs to. */
  readonly release?: string;
}

/** Tells whether an object is one that the pattern means. */
export function createObjectMatcher(pattern: ObjectPattern): (subject: ToleranceSubject) => boolean {
  const glob = (text: string | undefined) => (text === undefined ? undefined : globOf(text));
  const ofKind = glob(pattern.kind);
  const ofName = glob(pattern.name);
  const ofNamespace = glob(pattern.namespace);
  const ofRelease = glob(pattern.release);
  return ({ release, ref }) =>
    (ofKind?.test(ref.kind) ?? true) &&
    (ofName?.test(ref.name) ?? true) &&
    (ofNamespace?.test(ref.namespace ?? '') ?? true) &&
    (ofRelease?.test(release) ?? true);
}
/** A pattern in which `*` stands for any characters, of the whole text. */
export function globOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
