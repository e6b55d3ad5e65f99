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
    (ofKind?.(ref.kind) ?? true) &&
    (ofName?.(ref.name) ?? true) &&
    (ofNamespace?.(ref.namespace ?? '') ?? true) &&
    (ofRelease?.(release) ?? true);
}

/** Tells whether a whole text fits a pattern in which `*` stands for any characters. In time that grows with the text, whatever the pattern: a regular expression would try every way. */
export function globOf(pattern: string): (text: string) => boolean {
  const [first = '', ...between] = pattern.split('*');
  const last = between.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}
