import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { pointerStep } from '../objects/field-path.ts';
import { isRecord, recordAt, sameJson, textAt } from '../objects/json.ts';
import { elementKeys, elementMatcher, isElementPart, isSameElement } from '../objects/list-element.ts';
import { refOf } from '../objects/object.ts';
import { isEmptiedToNull, withEmpties, withoutEmptied } from './emptied-fields.ts';
import { type Claim, claimedEntries } from './managed-fields.ts';
import { fieldManager } from './ownership.ts';
import { strayFields, unite } from './server-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What an apply will come to after the fields that client-side tools (Helm 3, kubectl) wrote were handed over to our manager: fields of theirs that nobody wants any
 * more go. A server-side dry run cannot show that, since the hand-over is a write: it leaves those fields, or refuses what they make impossible together
 * with the new ones. Undefined where nothing goes. After structured-merge-diff, merge/update.go.
 */
function foretell(
  desired: KubeObject,
  live: KubeObject,
  claim: Omit<Claim, 'desired'>,
): KubeObject | undefined {
  const migrated = claimedEntries(live, { ...claim, desired }, strayFields(desired, live));
  if (!migrated) return undefined;
  const claimed = recordAt(migrated.at(-1), 'fieldsV1');
  const others = unionOf(migrated.slice(0, -1));
  const kept = shed(live, claimed, desired, others);
  return sameJson(kept, live) ? undefined : (overlay(kept, desired, unite(others, claimed)) as KubeObject);
}

/** How an object is tried. */
interface Trial extends Omit<Claim, 'desired'> {
  readonly force?: boolean;
}

/** What an apply would make of what lives: a dry run, after which fields that are claimed first are gone. Needs no right but `patch`. Throws KubeStatusError. */
export async function tryApply(
  desired: KubeObject,
  live: KubeObject | undefined,
  { force, ...claim }: Trial,
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<KubeObject> {
  const options = { fieldManager, dryRun: true, ...(force ? { force } : {}) };
  const foretold = live && foretell(desired, live, claim);
  if (!foretold)
    return kube.apply(desired, options, signal).catch(async (error: unknown) => {
      if (!(live && isEmptiedToNull(error))) throw error;
      return withEmpties(await kube.apply(withoutEmptied(desired, live), options, signal), desired);
    });
  // It tells of conflicts; what the old fields make impossible is told by the second try, without them.
  await kube.apply(desired, options, signal).catch((error: unknown) => {
    if (!(error instanceof KubeStatusError && error.status === 422)) throw error;
  });
  return kube.patch(refOf(live), 'json', wholeBody(foretold, live), { dryRun: true }, signal);
}

/** JSON Patch (RFC 6902) from one state of an object to another. */
function wholeBody(wanted: KubeObject, live: KubeObject): readonly object[] {
  const { labels = {}, annotations = {} } = wanted.metadata;
  const parts = Object.keys({ ...live, ...wanted }).filter((key) => !untouched.has(key));
  return [
    { op: 'add', path: '/metadata/labels', value: labels },
    { op: 'add', path: '/metadata/annotations', value: annotations },
    ...parts.map((key) => ({
      ...(wanted[key] === undefined ? { op: 'remove' } : { op: 'add', value: wanted[key] }),
      path: pointerStep(key),
    })),
  ];
}

const untouched = new Set(['apiVersion', 'kind', 'metadata', 'status']);

function unionOf(entries: readonly unknown[]): Fields {
  return entries
    .filter((entry) => textAt(entry, 'subresource') !== 'status')
    .map((entry) => recordAt(entry, 'fieldsV1'))
    .reduce(unite, {});
}

/** The value without what is ours, not wanted and nobody else's. */
function shed(value: unknown, ours: Fields, wanted: unknown, others: Fields): unknown {
  if (isRecord(value)) {
    const kept = Object.entries(value).flatMap(([key, inner]) => {
      const sub = ours[`f:${key}`];
      if (!isRecord(sub) || key === 'status') return [[key, inner] as const];
      const rest = shedChild(inner, sub, isRecord(wanted) ? wanted[key] : undefined, others[`f:${key}`]);
      return rest === undefined ? [] : [[key, rest] as const];
    });
    return Object.fromEntries(kept);
  }
  if (!Array.isArray(value)) return value;
  return value.flatMap((item: unknown) => {
    const name = nameOf(item, ours);
    if (name === undefined) return [item];
    const rest = shedChild(item, recordAt(ours, name), elementOf(wanted, name), others[name]);
    // Its keys stay with an element that somebody still holds.
    return rest === undefined ? [] : [isRecord(rest) ? { ...elementKeys(name), ...rest } : rest];
  });
}

function shedChild(value: unknown, ours: Fields, wanted: unknown, others: unknown): unknown {
  const isWanted = wanted !== undefined && wanted !== null;
  if (!isWanted && !isRecord(others)) return undefined;
  return shed(value, ours, isWanted ? wanted : {}, isRecord(others) ? others : {});
}

/** The wanted value over the one that is there, merged where any field set says that such a map or list is. */
function overlay(value: unknown, wanted: unknown, fields: Fields | undefined): unknown {
  const isAtomic = fields !== undefined && Object.keys(fields).length === 0;
  if (isRecord(value) && isRecord(wanted) && !isAtomic) {
    const merged = Object.entries(wanted)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => {
        const sub = fields?.[`f:${key}`];
        return [key, overlay(value[key], inner, isRecord(sub) ? sub : undefined)] as const;
      });
    return { ...value, ...Object.fromEntries(merged) };
  }
  const part = Object.keys(fields ?? {}).find(isElementPart);
  if (!Array.isArray(value) || !Array.isArray(wanted) || part === undefined) return withoutNulls(wanted);
  const live: readonly unknown[] = value;
  const used = new Set<unknown>();
  const merged = wanted.map((item: unknown) => {
    const former = live.find((candidate) => isSameElement(candidate, item, part));
    if (former === undefined) return withoutNulls(item);
    used.add(former);
    return overlay(former, item, recordAt(fields, nameOf(former, fields ?? {}) ?? ''));
  });
  return [...merged, ...live.filter((item) => !used.has(item))];
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNulls(inner)]));
}

/** The name under which a field set speaks of a live element. */
function nameOf(item: unknown, fields: Fields): string | undefined {
  return Object.keys(fields).find((part) => elementMatcher(part, 'live')(item));
}

function elementOf(wanted: unknown, name: string): unknown {
  return Array.isArray(wanted) ? wanted.find(elementMatcher(name, 'wanted')) : undefined;
}
