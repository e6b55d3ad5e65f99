import type { KubeObject, Redactor } from '@zakenak/core';
import { type FieldPath, type PathStep, pathText } from './field-path.ts';
import { isRecord, sameJson, textAt } from './json.ts';
import { comparable } from './object.ts';

/** One field that changes. Values are text, already masked; absent means that the field is not there. */
export interface FieldChange {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

const longestValue = 200;
/**
 * All that is shown of a Secret. Of annotations only Helm's: clients and controllers keep whole copies of what they applied in others
 * (`kubectl.kubernetes.io/last-applied-configuration` and its like).
 */
const shownOfSecrets =
  /^(?:apiVersion|kind|type|immutable|metadata\.(?:name|namespace|labels|finalizers|annotations\."(?:meta\.)?helm\.sh\/))/;

/** A field in which two states of an object differ, with its values as they are. Lists of the same things in another order differ as a whole. */
export interface FieldDifference {
  readonly path: FieldPath;
  readonly before: unknown;
  readonly after: unknown;
}

/** The fields in which two states of an object differ, without what only the server or controllers write. Values are not masked. */
export function differencesOf(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
): readonly FieldDifference[] {
  const found: FieldDifference[] = [];
  const walk = (path: FieldPath, a: unknown, b: unknown): void => {
    if (sameJson(a, b)) return;
    const parts = childrenOf(a, b);
    // Parts that are alike in a whole that is not: an order, something empty, or a null.
    if (parts?.some(([, x, y]) => !sameJson(x, y)))
      for (const [step, x, y] of parts) walk([...path, step], x, y);
    else found.push({ path, before: a, after: b });
  };
  walk([], before && comparable(before), after && comparable(after));
  return found;
}

/** The differences as text. Of values of Secrets the length is left; every other text passes the redactor. */
export function diffObjects(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
  redactor: Pick<Redactor, 'redact'>,
): readonly FieldChange[] {
  const kind = after?.kind ?? before?.kind ?? '';
  return differencesOf(before, after).map((difference) => {
    const path = pathText(difference.path);
    const { before: a, after: b } = difference;
    if (childrenOf(a, b) && Array.isArray(a) && Array.isArray(b))
      return { path, before: namesOf(a).join(', '), after: namesOf(b).join(', ') };
    return { path, ...showDifference(kind, difference, redactor) };
  });
}

/** Both values of a field for a person; that they differ is said where what may be shown does not tell. */
export function showDifference(
  kind: string,
  { path, before, after }: FieldDifference,
  redactor: Pick<Redactor, 'redact'>,
): Omit<FieldChange, 'path'> {
  const show = (value: unknown): string => showField(kind, pathText(path), value, redactor);
  if (before === undefined) return after === undefined ? {} : { after: show(after) };
  if (after === undefined) return { before: show(before) };
  const [former, now] = [show(before), show(after)];
  return { before: former, after: former === now ? `${now}, changed` : now };
}

/** A field's value for a person: a Secret's as its length, every other redacted and shortened. `path` is as pathText writes it. */
function showField(kind: string, path: string, value: unknown, redactor: Pick<Redactor, 'redact'>): string {
  if (kind === 'Secret' && !shownOfSecrets.test(path)) return maskValue(value);
  const text = redactor.redact(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > longestValue ? `${text.slice(0, longestValue)}… (${text.length} characters)` : text;
}

/** A hash would tell that two are the same, and whoever guesses what a short one is whether he is right: plans are read by all who read the pull request. */
function maskValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `*** (${text.length} characters)`;
}

type Child = readonly [step: PathStep, a: unknown, b: unknown];

/** Pairs of parts to look into, or undefined where the two values are compared whole. */
function childrenOf(a: unknown, b: unknown): readonly Child[] | undefined {
  if (isRecord(a) && (isRecord(b) || b === undefined)) return recordChildren(a, b ?? {});
  if (isRecord(b) && a === undefined) return recordChildren({}, b);
  if (Array.isArray(a) && Array.isArray(b)) return listChildren(a, b);
  return undefined;
}

function recordChildren(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): readonly Child[] {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  const own = (record: typeof a, key: string): unknown =>
    Object.hasOwn(record, key) ? record[key] : undefined;
  return keys.map((key) => [{ key }, own(a, key), own(b, key)] as const);
}

/** Lists of named things are compared by name, as Kubernetes merges them; others by place. */
function listChildren(a: readonly unknown[], b: readonly unknown[]): readonly Child[] | undefined {
  const names = namesOf([...a, ...b]);
  if (names.every((name) => name !== '')) {
    const byName = (list: readonly unknown[]): Map<string, unknown> =>
      new Map(list.map((item) => [textAt(item, 'name'), item]));
    const [left, right] = [byName(a), byName(b)];
    const all = [...new Set([...left.keys(), ...right.keys()])];
    if (left.size === a.length && right.size === b.length)
      return all.map((name) => [{ at: placeIn(name, a, b), name }, left.get(name), right.get(name)] as const);
  }
  if (![...a, ...b].every(isRecord)) return undefined;
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, at) => [{ at }, a[at], b[at]] as const);
}

function namesOf(list: readonly unknown[]): readonly string[] {
  return list.map((item) => textAt(item, 'name'));
}

function placeIn(name: string, ...lists: readonly (readonly unknown[])[]): number {
  return lists.map((list) => namesOf(list).indexOf(name)).find((place) => place >= 0) ?? 0;
}
