import type { KubeObject } from '@zakenak/core';
import type { FieldPath, PathStep } from './field-path.ts';
import {
  type FieldWriter,
  isHand,
  type ManagedChild,
  managedChildren,
  managedEntries,
} from './field-writer.ts';
import { isRecord, sameJson, textAt } from './json.ts';

/** A field that somebody added beside what was deployed. */
export interface ForeignField {
  readonly path: FieldPath;
  readonly value: unknown;
  readonly writer: FieldWriter;
}

/**
 * Fields that a person's tool added and what was deployed does not hold: a server-side dry run never shows them, since nobody asks for them. Controllers' fields
 * are theirs, and so are labels and annotations of the object itself. `desired` is as it is applied.
 */
export function foreignFields(live: KubeObject, desired: KubeObject): readonly ForeignField[] {
  const wanted = withPlainData(desired);
  const found = new Map<string, ForeignField>();
  for (const { writer, fields } of managedEntries(live)) {
    if (!isHand(writer.manager)) continue;
    const walk = (children: readonly ManagedChild[], want: unknown, path: FieldPath): void => {
      for (const child of children) {
        const here = [...path, child.step];
        if (isOutside(here)) continue;
        const inner = wantedChild(want, child);
        // A map that is new is told by its keys, as ignore rules name them; a list's new element as a whole.
        const parts = 'key' in child.step ? managedChildren(child.fields, child.value) : [];
        if (inner !== undefined) walk(managedChildren(child.fields, child.value), inner, here);
        else if (parts.length > 0) walk(parts, undefined, here);
        else found.set(JSON.stringify(here), { path: here, value: child.value, writer });
      }
    };
    walk(managedChildren(fields, live), wanted, []);
  }
  return [...found.values()];
}

/** What people may write without changing what was deployed. */
const outside = [['metadata'], ['status'], ['apiVersion'], ['kind']];

function isOutside(path: FieldPath): boolean {
  return path.length === 1 && outside.some(([key]) => isKey(path[0], key));
}

function isKey(step: PathStep | undefined, key: string | undefined): boolean {
  return step !== undefined && 'key' in step && step.key === key;
}

/** The part of the desired value that the child speaks of. Keys that the server fills in (a port's protocol) may be left out there. */
function wantedChild(want: unknown, { step, value, keys }: ManagedChild): unknown {
  if ('key' in step) return isRecord(want) ? (want[step.key] ?? undefined) : undefined;
  if (!Array.isArray(want)) return undefined;
  if (keys) return want.find((item) => matches(item, keys));
  if (isRecord(value) && step.name) return want.find((item) => textAt(item, 'name') === step.name);
  return want.find((item) => sameJson(item, value));
}

function matches(item: unknown, keys: Readonly<Record<string, unknown>>): boolean {
  return (
    isRecord(item) &&
    Object.entries(keys).every(([key, value]) => item[key] === undefined || sameJson(item[key], value))
  );
}

/** A Secret with its stringData where the server puts it. */
function withPlainData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  if (object.kind !== 'Secret' || !isRecord(stringData)) return object;
  const data = isRecord(rest['data']) ? rest['data'] : {};
  return { ...rest, data: { ...data, ...stringData } } as KubeObject;
}
