import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { type FieldPath, placeOf } from '../objects/field-path.ts';
import { isRecord, textAt } from '../objects/json.ts';
import { writerOf } from './field-writer.ts';
import { fieldManager } from './ownership.ts';

/** True where something that was full and is to be empty is not there any more. What was not there before, the server may simply not keep when it is empty. */
export function lostEmpty(wanted: unknown, there: unknown, former: unknown): boolean {
  if (isRecord(wanted)) {
    const entries = Object.entries(wanted);
    if (entries.length === 0) return (there ?? undefined) === undefined && isRecord(former);
    if (!isRecord(there) || !isRecord(former)) return false;
    return entries.some(([key, inner]) => lostEmpty(inner, there[key], former[key]));
  }
  if (!(Array.isArray(wanted) && Array.isArray(former))) return false;
  if (wanted.length === 0) return (there ?? undefined) === undefined && former.length > 0;
  if (!Array.isArray(there)) return false;
  return (
    wanted.length === there.length &&
    wanted.some((inner, at) => lostEmpty(inner, there[at], elementLike(inner, former, at)))
  );
}

/**
 * True for the server's refusal of the null that a server-side apply of a custom resource leaves where the last of a map's keys or a list's elements goes
 * (kubernetes-sigs/structured-merge-diff, typed/remove.go); built-in kinds lose the field there.
 */
export function isEmptiedToNull(error: unknown): boolean {
  return (
    error instanceof KubeStatusError && error.status === 422 && /Invalid value: "?null"?:/.test(error.message)
  );
}

/** The wanted object without what is full now and is to be empty; itself where there is no such thing. */
export function withoutEmptied<T>(wanted: T, live: unknown): T {
  if (Array.isArray(wanted) && Array.isArray(live))
    return wanted.map((inner: unknown, at) => withoutEmptied(inner, elementLike(inner, live, at))) as T;
  if (!(isRecord(wanted) && isRecord(live))) return wanted;
  const kept = Object.entries(wanted)
    .filter(([key, inner]) => !(isHollow(inner) && isFull(live[key])))
    .map(([key, inner]) => [key, withoutEmptied(inner, live[key])]);
  return Object.fromEntries(kept) as T;
}

/** What is there with the empty maps and lists that are wanted and that it lacks. */
export function withEmpties<T>(there: T, wanted: unknown): T {
  if (Array.isArray(there) && Array.isArray(wanted))
    return there.map((inner: unknown, at) => withEmpties(inner, elementLike(inner, wanted, at))) as T;
  if (!(isRecord(there) && isRecord(wanted))) return there;
  const inner = Object.entries(there).map(([key, value]) => [key, withEmpties(value, wanted[key])]);
  const empties = Object.entries(wanted).filter(
    ([key, value]) => isHollow(value) && (there[key] ?? undefined) === undefined,
  );
  return Object.fromEntries([...inner, ...empties]) as T;
}

/** True for an empty map or list, and for a map of nothing else. */
function isHollow(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.values(value).every(isHollow);
}

function isFull(value: unknown): boolean {
  return (isRecord(value) || Array.isArray(value)) && Object.keys(value).length > 0;
}

/** The element of the same name, else the one at the same place. */
function elementLike(wanted: unknown, list: readonly unknown[], at: number): unknown {
  const name = textAt(wanted, 'name');
  return list[placeOf(list, name === '' ? { at } : { at, name })];
}

/**
 * Lists that were empty in the release, leave it, and are still there as empty: a list of a custom resource whose elements are merged (`x-kubernetes-list-type`) is nobody's where it has none, so that a server-side apply
 * never takes it away (kubernetes-sigs/structured-merge-diff). One that others write whole stays.
 */
export function leftOfEmptyLists(
  live: KubeObject,
  desired: KubeObject,
  former: KubeObject | undefined,
): readonly FieldPath[] {
  return emptyLists(former, desired, live, []).filter((path) => {
    const writer = writerOf(live, path);
    return !writer || writer.isLikely || writer.manager === fieldManager;
  });
}

function emptyLists(former: unknown, wanted: unknown, there: unknown, path: FieldPath): readonly FieldPath[] {
  if (Array.isArray(former) && Array.isArray(there)) {
    if (former.length === 0 && there.length === 0) return (wanted ?? undefined) === undefined ? [path] : [];
    return there.flatMap((inner: unknown, at) => {
      const name = textAt(inner, 'name');
      const like = (list: unknown): unknown =>
        Array.isArray(list) ? elementLike(inner, list, at) : undefined;
      const step = name === '' ? { at } : { at, name };
      return emptyLists(like(former), like(wanted), inner, [...path, step]);
    });
  }
  if (!(isRecord(former) && isRecord(there))) return [];
  return Object.entries(former).flatMap(([key, inner]) =>
    emptyLists(inner, isRecord(wanted) ? wanted[key] : undefined, there[key], [...path, { key }]),
  );
}
