import type { KubeObject, Redactor } from '@zakenak/core';
import { diffObjects } from '../objects/diff.ts';
import { describe, keyOf, refOf } from '../objects/object.ts';

/** An object that is not the same in two renderings of the same chart and values. */
export interface UnstableObject {
  /** `Secret shop/web`. */
  readonly object: string;
  /** Paths of the fields that differ; empty where only one rendering has the object. */
  readonly fields: readonly string[];
}

/** Functions of Helm's templates that give another result each time (Sprig: crypto, random, date, uuid). */
const random =
  /\b(?:rand(?:Alpha|AlphaNum|Ascii|Numeric|Bytes|Int)|gen(?:PrivateKey|CA|SelfSignedCert|SignedCert)\w*|uuidv4|shuffle|now|bcrypt|htpasswd|encryptAES|getHostByName)\b/;

/** Whether a file of a chart could make it render differently each time; a packed subchart is not looked into, and could. */
export function mayBeUnstable(name: string, bytes: Uint8Array): boolean {
  if (name.endsWith('.tgz')) return true;
  return /(^|\/)templates\//.test(name) && random.test(Buffer.from(bytes).toString('latin1'));
}

/** What differs between two renderings, in the order of the first. */
export function compareRenderings(
  first: readonly KubeObject[],
  second: readonly KubeObject[],
  redactor: Pick<Redactor, 'redact'>,
): readonly UnstableObject[] {
  const others = new Map(second.map((object) => [keyOf(refOf(object)), object]));
  const unstable: UnstableObject[] = [];
  for (const object of first) {
    const key = keyOf(refOf(object));
    const other = others.get(key);
    others.delete(key);
    const fields = other ? diffObjects(object, other, redactor).map(({ path }) => path) : [];
    if (!other || fields.length > 0) unstable.push({ object: describe(refOf(object)), fields });
  }
  for (const object of others.values()) unstable.push({ object: describe(refOf(object)), fields: [] });
  return unstable;
}
