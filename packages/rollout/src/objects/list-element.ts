import { isRecord, recordAt, sameJson } from './json.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Tells the item of a list that a part of a field set speaks of: `k:{…}` by its keys, `v:…` by its value. A key that the schema fills in may be missing in what
 * is wanted. The part is read once. After fieldsV1 (sigs.k8s.io/structured-merge-diff, fieldpath/serialize-pe.go).
 */
export function elementMatcher(part: string, side: 'live' | 'wanted'): (item: unknown) => boolean {
  if (!isElementPart(part)) return () => false;
  const named = parse(part);
  if (part.startsWith('v:')) return (item) => sameJson(named, item);
  if (!isRecord(named)) return () => false;
  const keys = Object.entries(named);
  return (item) =>
    isRecord(item) &&
    keys.every(([key, value]) => {
      const own = keyOf(item, key);
      return sameJson(own, value) || (side === 'wanted' && own === undefined);
    });
}

/** True for a part of a field set that speaks of an element by its keys or its value. */
export function isElementPart(part: string): boolean {
  return part.startsWith('k:') || part.startsWith('v:');
}

/** The keys by which a part of a field set names an element; none where it is named by its value. */
export function elementKeys(part: string): Fields {
  return part.startsWith('k:') ? recordAt(parse(part)) : {};
}

/** True for two items that are the same element of a list whose elements are named as `part` is. */
export function isSameElement(a: unknown, b: unknown, part: string): boolean {
  if (part.startsWith('v:') || !isRecord(a) || !isRecord(b)) return sameJson(a, b);
  return Object.keys(elementKeys(part)).every((key) => sameJson(keyOf(a, key), keyOf(b, key)));
}

// The one key of Kubernetes' own lists that its schema fills in (io.k8s.api.core.v1.ContainerPort, ServicePort).
const defaults: Fields = { protocol: 'TCP' };

function keyOf(item: Fields, key: string): unknown {
  return item[key] ?? defaults[key];
}

function parse(part: string): unknown {
  try {
    return JSON.parse(part.slice(2));
  } catch {
    return undefined;
  }
}
