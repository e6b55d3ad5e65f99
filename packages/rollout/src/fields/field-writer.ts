import type { KubeObject } from '@zakenak/core';
import type { FieldPath, PathStep } from '../objects/field-path.ts';
import { isRecord, listAt, recordAt, textAt } from '../objects/json.ts';
import { elementMatcher } from '../objects/list-element.ts';
import { fieldManager } from './ownership.ts';

/** Who wrote a field, as the API server keeps it in metadata.managedFields. */
export interface FieldWriter {
  readonly manager: string;
  /** `Apply` or `Update`. */
  readonly operation: string;
  /** RFC 3339; '' where the server says nothing. */
  readonly time: string;
  /** `scale` and its like; '' for the object itself. */
  readonly subresource: string;
  /** The field is gone, so nobody owns it: the last person's tool that wrote the object since the deploy. */
  readonly isLikely?: true;
}

type Fields = Readonly<Record<string, unknown>>;

/** One entry of managedFields. */
export interface ManagedEntry {
  readonly writer: FieldWriter;
  readonly fields: Fields;
}

/** The tools by which people change objects by hand: kubectl, k9s, Lens, and browsers (the dashboard). */
const hands = [/^kubectl/, /^k9s/, /^node-fetch$/, /^Lens/i, /^dashboard/, /^Mozilla/];

/** True for the name of a tool by which a person, not a controller, writes. */
export function isHand(manager: string): boolean {
  return hands.some((pattern) => pattern.test(manager));
}

/** The entries of an object, without those of its status. */
export function managedEntries(live: KubeObject): readonly ManagedEntry[] {
  return listAt(live, 'metadata', 'managedFields')
    .filter((entry) => textAt(entry, 'subresource') !== 'status')
    .map((entry) => ({
      writer: {
        manager: textAt(entry, 'manager'),
        operation: textAt(entry, 'operation'),
        time: textAt(entry, 'time'),
        subresource: textAt(entry, 'subresource'),
      },
      fields: recordAt(entry, 'fieldsV1'),
    }));
}

/** True for what neither Helm nor we wrote: whatever we make carries our manager's name. What tells of no writer counts as ours. */
export function isMadeByOthers(live: KubeObject): boolean {
  const entries = managedEntries(live);
  return entries.length > 0 && !entries.some(({ writer }) => writer.manager === fieldManager);
}

/** Who wrote a field of a live object last, ourselves only where nobody else did; undefined where nothing tells. */
export function writerOf(live: KubeObject, path: FieldPath): FieldWriter | undefined {
  const entries = managedEntries(live);
  const owners = entries.filter(({ fields }) => owns(fields, live, path)).map(({ writer }) => writer);
  const others = owners.filter(({ manager }) => manager !== fieldManager);
  return newest(others) ?? newest(owners) ?? likelyRemover(entries);
}

function likelyRemover(entries: readonly ManagedEntry[]): FieldWriter | undefined {
  const writers = entries.map(({ writer }) => writer);
  const ours = newest(writers.filter(({ manager }) => manager === fieldManager));
  const since = writers.filter(({ manager, time }) => isHand(manager) && time >= (ours?.time ?? ''));
  const found = newest(since);
  return found && { ...found, isLikely: true };
}

function newest(writers: readonly FieldWriter[]): FieldWriter | undefined {
  return writers.toSorted((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))[0];
}

/** True where the set holds the field, a part of it, or a whole that is owned as one. */
function owns(fields: Fields, value: unknown, path: FieldPath): boolean {
  const [step, ...rest] = path;
  if (!step) return true;
  const found = stepInto(fields, value, step);
  if (!found) return false;
  return Object.keys(found.fields).length === 0 || owns(found.fields, found.value, rest);
}

function stepInto(fields: Fields, value: unknown, step: PathStep): ManagedChild | undefined {
  return managedChildren(fields, value).find(({ step: own }) => sameStep(own, step));
}

function sameStep(a: PathStep, b: PathStep): boolean {
  if ('key' in a || 'key' in b) return 'key' in a && 'key' in b && a.key === b.key;
  return a.name !== undefined && b.name !== undefined ? a.name === b.name : a.at === b.at;
}

/** A part of a field set with what it speaks of in the live object. */
export interface ManagedChild {
  /** What speaks of it in the set: `f:spec`, `k:{"name":"web"}`. */
  readonly part: string;
  readonly step: PathStep;
  readonly value: unknown;
  readonly fields: Fields;
}

/** The parts of a field set that the live value has (fieldsV1: k8s.io/apimachinery, sigs.k8s.io/structured-merge-diff fieldpath/serialize.go). */
export function managedChildren(fields: Fields, value: unknown): readonly ManagedChild[] {
  return Object.entries(fields).flatMap(([key, inner]): readonly ManagedChild[] => {
    const sub = isRecord(inner) ? inner : {};
    const text = key.slice(2);
    if (key.startsWith('f:')) {
      const found = isRecord(value) ? value[text] : undefined;
      return found === undefined ? [] : [{ part: key, step: { key: text }, value: found, fields: sub }];
    }
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    const at = key.startsWith('i:') ? Number(text) : list.findIndex(elementMatcher(key, 'live'));
    if (at < 0 || at >= list.length) return [];
    const name = textAt(list[at], 'name');
    const step = { at, ...(name ? { name } : {}) };
    return [{ part: key, step, value: list[at], fields: sub }];
  });
}
