import type { KubeObject } from '@zakenak/core';
import { listAt, recordAt, textAt, valueAt } from './json.ts';

/**
 * Fields that a definition's versions had and have no more: `v1 spec.size`, `v1 spec.ports[].name`. The API server drops them from every object that is read and written from then on
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning).
 */
export function fieldsDropped(live: KubeObject, desired: KubeObject): readonly string[] {
  return listAt(desired, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    const former = listAt(live, 'spec', 'versions').find((one) => textAt(one, 'name') === name);
    const [before, after] = [former, version].map((one) => valueAt(one, 'schema', 'openAPIV3Schema'));
    return dropped(before, after, '').map((path) => `${name} ${path}`);
  });
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
