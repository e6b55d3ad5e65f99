import type { KubeObject } from '@zakenak/core';
import { isRecord, listAt, recordAt, sameJson, textAt, valueAt } from '../objects/json.ts';

/**
 * True where what lives holds other defaults than the definition gives when `wanted` is applied: in an object that is new, and in what an apply replaces whole (lists and maps that are atomic), of which no
 * former default is left. Anything else keeps the defaults that it was given when it was written
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting).
 */
export function lacksDefaults(
  wanted: KubeObject,
  live: KubeObject,
  definition: KubeObject,
  isNew = false,
): boolean {
  const name = wanted.apiVersion.split('/').at(-1);
  const version = listAt(definition, 'spec', 'versions').find((one) => textAt(one, 'name') === name);
  const schema = valueAt(version, 'schema', 'openAPIV3Schema');
  return Object.entries(recordAt(schema, 'properties')).some(
    ([key, inner]) => key !== 'status' && key !== 'metadata' && lacks(inner, wanted[key], live[key], isNew),
  );
}

/** `isWhole`: nothing of what was there before is left. */
function lacks(schema: unknown, wanted: unknown, there: unknown, isWhole: boolean): boolean {
  if (Array.isArray(wanted)) return Array.isArray(there) && lacksInList(schema, wanted, there, isWhole);
  if (!isRecord(wanted) || !isRecord(there)) return false;
  const isReplaced = isWhole || textAt(schema, 'x-kubernetes-map-type') === 'atomic';
  const properties = recordAt(schema, 'properties');
  const inProperties = Object.entries(properties).some(([key, inner]) => {
    const given = valueAt(inner, 'default');
    if (wanted[key] !== undefined || !isReplaced || given === undefined)
      return lacks(inner, wanted[key], there[key], isReplaced);
    return isRecord(given) && isRecord(there[key])
      ? lacks(inner, given, there[key], true)
      : !isRecord(given) && !sameJson(given, there[key]);
  });
  const others = valueAt(schema, 'additionalProperties');
  return (
    inProperties ||
    Object.keys(wanted).some(
      (key) => !Object.hasOwn(properties, key) && lacks(others, wanted[key], there[key], isReplaced),
    )
  );
}

function lacksInList(
  schema: unknown,
  wanted: readonly unknown[],
  there: readonly unknown[],
  isWhole: boolean,
): boolean {
  const items = valueAt(schema, 'items');
  if (isWhole || (textAt(schema, 'x-kubernetes-list-type') || 'atomic') === 'atomic')
    return wanted.some((item, at) => lacks(items, item, there[at], true));
  const keys = listAt(schema, 'x-kubernetes-list-map-keys').map(String);
  const keyOf = (item: unknown, key: string): unknown =>
    valueAt(item, key) ?? valueAt(items, 'properties', key, 'default');
  return wanted.some((item) => {
    const former = there.find((one) => keys.every((key) => sameJson(keyOf(one, key), keyOf(item, key))));
    return keys.length > 0 && lacks(items, item, former, false);
  });
}
