import type { KubeObject } from '@zakenak/core';
import { isRecord, listAt, recordAt, sameJson, textAt } from '../objects/json.ts';
import { elementMatcher } from '../objects/list-element.ts';
import { type Claim, claimedEntries } from './managed-fields.ts';
import { fieldManager } from './ownership.ts';

/**
 * True when a server-side apply of `desired` by our manager surely leaves `live` as it is: every field that it sets has that very value, and our manager owns these
 * fields and no others, so nothing is merged, added or removed. False means "ask the server", not "it differs": values that the server writes in another form
 * (`1000m`, numbers as text, stringData) and everything unclear. After the merge rules of server-side apply (kubernetes-sigs/structured-merge-diff, fieldsV1).
 */
export function isApplied(
  desired: KubeObject,
  live: KubeObject,
  claim: Omit<Claim, 'desired'> = {},
): boolean {
  const entries = listAt(live, 'metadata', 'managedFields');
  const ours = entries.find(
    (entry) =>
      textAt(entry, 'manager') === fieldManager &&
      textAt(entry, 'operation') === 'Apply' &&
      textAt(entry, 'subresource') === '' &&
      textAt(entry, 'apiVersion') === desired.apiVersion,
  );
  // Fields of a client-side Helm are handed over first: only then is it known what stays.
  if (!ours || claimedEntries(live, { ...claim, desired })) return false;
  const { apiVersion: _version, kind: _kind, metadata, ...body } = desired;
  const { name: _name, namespace: _namespace, ...labelled } = metadata;
  return holds(recordAt(ours, 'fieldsV1'), { ...body, metadata: labelled }, live);
}

/** True when `desired` sets exactly the fields of the set, each to the value that lives. */
function holds(fields: Readonly<Record<string, unknown>>, desired: unknown, live: unknown): boolean {
  const names = Object.keys(fields).filter((name) => name !== '.');
  // A scalar, an atomic map or list, or something empty: owned whole.
  if (names.length === 0) return sameJson(desired, live);
  if (isRecord(desired) && isRecord(live)) {
    const keys = Object.keys(desired);
    return (
      keys.length === names.length &&
      keys.every((key) => Object.hasOwn(live, key) && holdsAt(fields, `f:${key}`, desired[key], live[key]))
    );
  }
  return Array.isArray(desired) && Array.isArray(live) && holdsList(fields, names, desired, live);
}

function holdsAt(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  desired: unknown,
  live: unknown,
): boolean {
  const part = fields[name];
  return isRecord(part) && holds(part, desired, live);
}

/** Lists that are merged item by item, by key or by value; the wanted items have to stand in the wanted order. */
function holdsList(
  fields: Readonly<Record<string, unknown>>,
  names: readonly string[],
  desired: readonly unknown[],
  live: readonly unknown[],
): boolean {
  if (desired.length !== names.length) return false;
  const parts = names.map((name) => ({ name, isIt: elementMatcher(name, 'wanted') }));
  let place = -1;
  return desired.every((item) => {
    const fitting = parts.filter(({ isIt }) => isIt(item));
    const name = fitting[0]?.name ?? '';
    const at = live.findIndex(elementMatcher(name, 'live'));
    if (fitting.length !== 1 || at <= place) return false;
    place = at;
    return holdsAt(fields, name, item, live[at]);
  });
}
