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

type Compare = (before: unknown, after: unknown, path: string) => readonly string[];

function ofVersions(live: KubeObject, desired: KubeObject, compare: Compare): readonly string[] {
  return listAt(desired, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    const former = listAt(live, 'spec', 'versions').find((one) => textAt(one, 'name') === name);
    const [before, after] = [former, version].map((one) => valueAt(one, 'schema', 'openAPIV3Schema'));
    return before && after ? compare(before, after, '').map((path) => `${name} ${path}`) : [];
  });
}

/** Paths below `path` that only the later schema fills in. A field that is new goes with its default. */
function filledIn(before: unknown, after: unknown, path: string): readonly string[] {
  const inner = ([key, at]: readonly [string, string]): readonly string[] => {
    const [former, later] = [before, after].map((schema) => valueAt(schema, key));
    return isRecord(former) && isRecord(later) ? filledIn(former, later, at) : [];
  };
  const formerly = recordAt(before, 'properties');
  const fields = Object.entries(recordAt(after, 'properties')).flatMap(([name, later]) => {
    const former = formerly[name];
    const at = path ? `${path}.${name}` : name;
    if (former === undefined) return [];
    const isNew = valueAt(later, 'default') !== undefined && valueAt(former, 'default') === undefined;
    return isNew ? [at] : filledIn(former, later, at);
  });
  const parts = [
    ['items', `${path}[]`],
    ['additionalProperties', path ? `${path}.*` : '*'],
  ] as const;
  return [...fields, ...parts.flatMap(inner)];
}

/** Paths below `path` that only the former schema has. */
function dropped(before: unknown, after: unknown, path: string): readonly string[] {
  if (!before || !after || isOpen(before, after)) return [];
  const later = recordAt(after, 'properties');
  const fields = Object.entries(recordAt(before, 'properties')).flatMap(([name, inner]) => {
    const at = path ? `${path}.${name}` : name;
    return name in later ? dropped(inner, later[name], at) : [at];
  });
  const nested = [
    dropped(valueAt(before, 'items'), valueAt(after, 'items'), `${path}[]`),
    dropped(
      valueAt(before, 'additionalProperties'),
      valueAt(after, 'additionalProperties'),
      path ? `${path}.*` : '*',
    ),
  ];
  return [...fields, ...nested.flat()];
}

function isOpen(before: unknown, after: unknown): boolean {
  if (valueAt(after, 'x-kubernetes-preserve-unknown-fields') === true) return true;
  const rest = valueAt(after, 'additionalProperties');
  // A map takes whatever was a named field before.
  return rest === true || (rest !== undefined && valueAt(before, 'properties') !== undefined);
}
