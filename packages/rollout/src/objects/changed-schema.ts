import type { KubeObject } from '@zakenak/core';
import { isRecord, listAt, recordAt, textAt, valueAt } from './json.ts';

/**
 * Fields that a definition's versions had and have no more: `v1 spec.size`, `v1 spec.ports[].name`. The API server drops them from every object that is read and written from then on
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning).
 */
export function fieldsDropped(live: KubeObject, desired: KubeObject): readonly string[] {
  return ofVersions(live, desired, dropped);
}

/**
 * Fields to which a definition's versions give a default that they did not give before. The API server stores it in every object that is written from then on; it is nobody's field, and stays
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting).
 */
export function fieldsFilledIn(live: KubeObject, desired: KubeObject): readonly string[] {
  return ofVersions(live, desired, filledIn);
}

/** What a walk through a definition's former and later schema looks for. */
interface Search {
  /** Whether a field that had a schema is one of those searched, by what it is now: undefined where it is no more. */
  readonly isSought: (before: unknown, after: unknown) => boolean;
  /** Whether nothing below is one. */
  readonly ends: (before: unknown, after: unknown) => boolean;
}

const dropped: Search = { isSought: (_before, after) => after === undefined, ends: isOpen };

const filledIn: Search = {
  isSought: (before, after) =>
    valueAt(after, 'default') !== undefined && valueAt(before, 'default') === undefined,
  ends: () => false,
};

function ofVersions(live: KubeObject, desired: KubeObject, search: Search): readonly string[] {
  return listAt(desired, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    const former = listAt(live, 'spec', 'versions').find((one) => textAt(one, 'name') === name);
    const [before, after] = [former, version].map((one) => valueAt(one, 'schema', 'openAPIV3Schema'));
    return soughtBelow(before, after, '', search).map((path) => `${name} ${path}`);
  });
}

function soughtBelow(before: unknown, after: unknown, path: string, search: Search): readonly string[] {
  if (!isRecord(before) || !isRecord(after) || search.ends(before, after)) return [];
  const later = recordAt(after, 'properties');
  const fields = Object.entries(recordAt(before, 'properties')).flatMap(([name, former]) => {
    const at = path ? `${path}.${name}` : name;
    return search.isSought(former, later[name]) ? [at] : soughtBelow(former, later[name], at, search);
  });
  const parts = [
    ['items', `${path}[]`],
    ['additionalProperties', path ? `${path}.*` : '*'],
  ] as const;
  const inner = parts.flatMap(([key, at]) => soughtBelow(before[key], after[key], at, search));
  return [...fields, ...inner];
}

function isOpen(before: unknown, after: unknown): boolean {
  if (valueAt(after, 'x-kubernetes-preserve-unknown-fields') === true) return true;
  const rest = valueAt(after, 'additionalProperties');
  // A map takes whatever was a named field before.
  return rest === true || (rest !== undefined && valueAt(before, 'properties') !== undefined);
}
