import type { KubeObject } from '@zakenak/core';
import type { FieldPath, PathStep } from '../objects/field-path.ts';
import { isRecord, listAt, recordAt, sameJson, textAt } from '../objects/json.ts';
import { elementMatcher, isElementPart } from '../objects/list-element.ts';
import { type ConflictJudge, commonJudge } from './conflict.ts';
import {
  type FieldWriter,
  isHand,
  type ManagedChild,
  managedChildren,
  managedEntries,
} from './field-writer.ts';
import { fieldManager } from './ownership.ts';

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
  const found = new Map<string, ForeignField>();
  for (const { writer, fields } of managedEntries(live)) {
    // A debugger (kubectl debug) stays in its pod: the server takes none out again.
    if (!isHand(writer.manager) || writer.subresource === 'ephemeralcontainers') continue;
    const walk = (children: readonly ManagedChild[], want: unknown, path: FieldPath): void => {
      for (const child of children) {
        const here = [...path, child.step];
        // The server writes null where it keeps nothing (a Role's rules).
        if (isOutside(here) || child.value === null) continue;
        const inner = wantedChild(want, child);
        // A map that is new is told by its keys, as ignore rules name them; a list's new element as a whole.
        const parts = 'key' in child.step ? managedChildren(child.fields, child.value) : [];
        if (inner !== undefined) walk(managedChildren(child.fields, child.value), inner, here);
        else if (parts.length > 0) walk(parts, undefined, here);
        else found.set(JSON.stringify(here), { path: here, value: child.value, writer });
      }
    };
    walk(managedChildren(fields, live), desired, []);
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
function wantedChild(want: unknown, { step, value, part }: ManagedChild): unknown {
  if ('key' in step) return isRecord(want) ? (want[step.key] ?? undefined) : undefined;
  if (!Array.isArray(want)) return undefined;
  if (isElementPart(part)) return want.find(elementMatcher(part, 'wanted'));
  if (isRecord(value) && step.name) return want.find((item) => textAt(item, 'name') === step.name);
  return want.find((item) => sameJson(item, value));
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Fields that leave the release and that others wrote since from whom it takes (`deploy.conflicts`; people's tools where nothing is said), by the entry of managedFields that holds them, as field sets (fieldsV1). No apply takes away what another
 * manager holds too: they must become ours alone before they can go. Replicas that were scaled stay, and what people added beside the release (`former`) is theirs, but for what cannot be there together with what is wanted.
 */
export function leavingFields(
  desired: KubeObject,
  live: KubeObject,
  former: KubeObject | undefined,
  judge: Pick<ConflictJudge, 'decide'> = commonJudge,
): ReadonlyMap<unknown, Fields> {
  const entries = former ? listAt(live, 'metadata', 'managedFields') : [];
  const hasRivals = /^(?:apps\/|batch\/|v1$)/.test(desired.apiVersion);
  const takenFrom = entries.filter((entry) => {
    const manager = textAt(entry, 'manager');
    const isOfObject =
      textAt(entry, 'subresource') === '' && textAt(entry, 'apiVersion') === desired.apiVersion;
    return isOfObject && manager !== fieldManager && judge.decide(manager) === 'take';
  });
  const sets = takenFrom.map(
    (entry) => [entry, leaving(recordAt(entry, 'fieldsV1'), live, former, desired, hasRivals)] as const,
  );
  return new Map(sets.filter(([, set]) => Object.keys(set).length > 0));
}

/** Of a field set, what the former object held and the wanted one does not. */
function leaving(
  fields: Fields,
  value: unknown,
  former: unknown,
  wanted: unknown,
  hasRivals: boolean,
): Fields {
  const parts = managedChildren(fields, value).flatMap((child): readonly (readonly [string, Fields])[] => {
    const was = wantedChild(former, child);
    const want = wantedChild(wanted, child);
    // What was added to an element of a list cannot stay without it, nor in the place of what is wanted.
    const goesWhole =
      was === undefined
        ? hasRivals && isRival(child, wanted)
        : want === undefined && isElementPart(child.part);
    if (goesWhole) return [[child.part, child.fields]];
    if (was === undefined && want === undefined) return [];
    const inner = leaving(child.fields, child.value, was, want, hasRivals);
    const isWhole = want === undefined && (Object.hasOwn(child.fields, '.') || isEmpty(child.fields));
    const own = isWhole && !isEmpty(child.fields) ? { '.': {} } : {};
    return isWhole || !isEmpty(inner) ? [[child.part, { ...own, ...inner }]] : [];
  });
  return Object.fromEntries(parts);
}

/** Fields of a pod of which one alone may be there (k8s.io/api: core/v1 EnvVar, ProbeHandler, VolumeSource). */
const rivals: readonly ReadonlySet<string>[] = [
  ['value', 'valueFrom'],
  ['exec', 'grpc', 'httpGet', 'tcpSocket'],
  [
    ...['configMap', 'secret', 'emptyDir', 'hostPath', 'persistentVolumeClaim', 'projected', 'downwardAPI'],
    ...['csi', 'ephemeral', 'image', 'nfs', 'iscsi'],
  ],
].map((names) => new Set(names));

/** True for a field beside which what is wanted is refused. Keys of plain maps (a nodeSelector) are called as they like: there both are texts. */
function isRival({ step, value }: ManagedChild, wanted: unknown): boolean {
  if (!('key' in step) || !isRecord(wanted) || (wanted[step.key] ?? undefined) !== undefined) return false;
  const others = rivals.find((names) => names.has(step.key)) ?? [];
  return [...others].some(
    (name) => (wanted[name] ?? undefined) !== undefined && [value, wanted[name]].some(isRecord),
  );
}

const isEmpty = (fields: Fields): boolean => Object.keys(fields).length === 0;

/**
 * Keys of a Secret's data that our manager wrote as stringData, as Helm 4 does, and that are not wanted any more: it owns the text it wrote, not the key that became of it, and no
 * apply would take that away.
 */
export function leftOfStringData(live: KubeObject, desired: KubeObject): readonly FieldPath[] {
  if (live.apiVersion !== 'v1' || live.kind !== 'Secret') return [];
  const entries = listAt(live, 'metadata', 'managedFields').filter(
    (entry) => textAt(entry, 'manager') === fieldManager && textAt(entry, 'operation') === 'Apply',
  );
  const wanted = recordAt(desired, 'data');
  return entries
    .flatMap((entry) => Object.keys(recordAt(entry, 'fieldsV1', 'f:stringData')))
    .filter((field) => field.startsWith('f:'))
    .map((field) => field.slice('f:'.length))
    .filter((key) => Object.hasOwn(recordAt(live, 'data'), key) && !Object.hasOwn(wanted, key))
    .map((key) => [{ key: 'data' }, { key }]);
}
