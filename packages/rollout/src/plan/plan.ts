import { firstFew, type KubeRef } from '@zakenak/core';
import type { FieldConflict } from '../fields/conflict.ts';
import type { FieldChange } from '../objects/diff.ts';
import { digestOf } from '../objects/json.ts';
import { describe, keyOf } from '../objects/object.ts';
import type { UnstableObject } from '../render/unstable-render.ts';
import type { Orphan } from '../state/orphans.ts';

/** What happens to an object. `keep`: no longer in the release but annotated to stay. `unknown`: the dry run failed; blocks the plan. */
export type ObjectAction = 'create' | 'apply' | 'noop' | 'recreate' | 'delete' | 'keep' | 'unknown';

/** One object of a plan. */
export interface PlannedObject {
  readonly ref: KubeRef;
  readonly action: ObjectAction;
  /** Why, one phrase. */
  readonly reason: string;
  /** Of the live object. */
  readonly uid?: string;
  /** What keeps an `unknown` object from being deployed, where that is known: another release owns it, or another manager a field. */
  readonly blockedBy?: 'owner' | 'manager';
  readonly diff: readonly FieldChange[];
  readonly conflicts: readonly FieldConflict[];
}

/** What happens to a release. `correct`: objects are put back as its deployed revision has them; no revision is written and no hook runs. */
type ReleaseAction = 'install' | 'upgrade' | 'rollback' | 'uninstall' | 'correct' | 'noop';

/** The actions that write a revision and run hooks. */
export type RevisionAction = Exclude<ReleaseAction, 'noop' | 'correct'>;

/** One release of a plan. */
export interface PlannedRelease {
  readonly name: string;
  readonly namespace: string;
  readonly action: ReleaseAction;
  readonly reason: string;
  /** `name-version`. */
  readonly chart: string;
  /** Revision that is deployed now, or stands where the release goes; 0 for none: what a rollback goes back to. */
  readonly fromRevision: number;
  /** Revision that the deploy writes; equal to the newest one where nothing is to be done. */
  readonly toRevision: number;
  readonly needs: readonly string[];
  readonly digests: { readonly chart: string; readonly values: string; readonly manifest: string };
  readonly createsNamespace: boolean;
  readonly objects: readonly PlannedObject[];
  /** What another rendering of the same chart and values would have made otherwise; absent where there is nothing. */
  readonly unstable?: readonly UnstableObject[];
  /** Hooks that will run, in order. */
  readonly hooks: readonly { readonly event: string; readonly kind: string; readonly name: string }[];
}

/** Something that a rollback cannot put back. */
export interface Irreversible {
  readonly release: string;
  readonly what: string;
  readonly why: string;
  /** Data may be lost: a deploy needs `allow-irreversible`. */
  readonly needsConsent: boolean;
}

/** What a deploy will do, decided before anything is written. The same cluster and the same input give the same plan and the same id. */
export interface Plan {
  readonly schemaVersion: 1;
  /** SHA-256 of the canonical JSON of everything else, hex. */
  readonly id: string;
  readonly set: string;
  readonly cluster: { readonly uid: string; readonly version: string };
  readonly releases: readonly PlannedRelease[];
  /** Releases that the set once deployed and no longer has, and that stay: removing them was not asked for, or they moved. */
  readonly orphans: readonly Orphan[];
  readonly irreversible: readonly Irreversible[];
}

/** Completes a plan with its id. */
export function sealPlan(plan: Omit<Plan, 'id'>): Plan {
  return { ...plan, id: digestOf(plan) };
}

/** True when a plan read from outside is what was sealed: its id fits its content, so what was shown is what will be done. */
export function isSealed({ id, ...content }: Plan): boolean {
  return digestOf(content) === id;
}

/** True when the cluster already holds what the plan asks for. */
export function isNoop(plan: Plan): boolean {
  return plan.releases.every(({ action }) => action === 'noop');
}

/** How many objects each action touches. */
export function countActions(releases: readonly PlannedRelease[]): Readonly<Record<ObjectAction, number>> {
  const counts = { create: 0, apply: 0, noop: 0, recreate: 0, delete: 0, keep: 0, unknown: 0 };
  for (const { objects } of releases) for (const { action } of objects) counts[action] += 1;
  return counts;
}

const anyDifference = 'its content differs';

/** What differs between an approved plan and the one that would be carried out now, in words; empty when they are the same. */
export function comparePlans(approved: Plan, now: Plan): readonly string[] {
  if (approved.id === now.id) return [];
  const moved: string[] = [];
  if (approved.cluster.uid !== now.cluster.uid) moved.push('it was made for another cluster');
  else if (approved.cluster.version !== now.cluster.version)
    moved.push(`the cluster runs ${now.cluster.version}, not ${approved.cluster.version}`);
  if (approved.set !== now.set) moved.push(`it was made for the set '${approved.set}'`);
  for (const release of now.releases) {
    const former = approved.releases.find(({ name }) => name === release.name);
    if (!former) moved.push(`the release '${release.name}' is new`);
    else moved.push(...compareReleases(former, release));
  }
  for (const { name } of approved.releases)
    if (!now.releases.some((release) => release.name === name)) moved.push(`the release '${name}' is gone`);
  return moved.length > 0 ? moved : [anyDifference];
}

function compareReleases(former: PlannedRelease, now: PlannedRelease): readonly string[] {
  if (digestOf(former) === digestOf(now)) return [];
  if (former.fromRevision !== now.fromRevision)
    return [`'${now.name}' is at revision ${now.fromRevision}, not ${former.fromRevision}`];
  if (digestOf(former.digests) !== digestOf(now.digests)) return [`'${now.name}' renders differently`];
  if (digestOf(former.objects) !== digestOf(now.objects))
    return [`the cluster's objects of '${now.name}' have changed (${movedObjects(former, now)})`];
  if (former.toRevision !== now.toRevision)
    return [`'${now.name}' would become revision ${now.toRevision}, not ${former.toRevision}`];
  return [`'${now.name}' is asked for differently`];
}

const mostNamed = 3;

/** The first objects of which another thing is planned than before. */
function movedObjects(former: PlannedRelease, now: PlannedRelease): string {
  const [before, after] = [former, now].map(
    ({ objects }) => new Map(objects.map((object) => [keyOf(object.ref), object])),
  );
  const moved = [...former.objects, ...now.objects]
    .filter(({ ref }) => digestOf(before?.get(keyOf(ref)) ?? '') !== digestOf(after?.get(keyOf(ref)) ?? ''))
    .map(({ ref }) => describe(ref));
  return firstFew([...new Set(moved)], mostNamed) || 'their order';
}

/**
 * The same for a plan whose carrying out was interrupted: part of it is done. What is left has to be part of it, release by release and object by object.
 */
export function compareRest(approved: Plan, now: Plan): readonly string[] {
  const asOf = (plan: Plan): Plan => ({
    ...plan,
    irreversible: [],
    releases: plan.releases.map((release) => ({ ...release, ...progress })),
  });
  const [before, after] = [asOf(approved), asOf(now)];
  const moved = comparePlans({ ...before, id: 'approved' }, { ...after, id: 'now' });
  const more = now.releases.flatMap((release) => {
    const former = approved.releases.find(({ name }) => name === release.name);
    return former ? beyond(former, release) : [];
  });
  return [...moved.filter((difference) => difference !== anyDifference), ...more];
}

/** What carrying a plan out changes about it. */
const progress = {
  action: 'noop',
  reason: '',
  fromRevision: 0,
  toRevision: 0,
  createsNamespace: false,
  objects: [],
  hooks: [],
} as const satisfies Partial<PlannedRelease>;

/** What may be left to do with an object of which a part was planned; one that was made by then may have to be applied once more, and one that was recreated to be created. */
const restOf: Readonly<Record<ObjectAction, readonly ObjectAction[]>> = {
  create: ['create', 'apply'],
  apply: ['apply'],
  recreate: ['recreate', 'create', 'apply'],
  delete: ['delete'],
  noop: [],
  keep: [],
  unknown: [],
};

function beyond(former: PlannedRelease, now: PlannedRelease): readonly string[] {
  if (former.action === 'noop' && now.action !== 'noop') return [`'${now.name}' was to stay as it is`];
  const planned = new Map(former.objects.map((object) => [keyOf(object.ref), object.action]));
  const isRest = ({ ref, action }: PlannedObject): boolean =>
    action === 'noop' || action === 'keep' || restOf[planned.get(keyOf(ref)) ?? 'noop'].includes(action);
  const [first] = now.objects.filter((object) => !isRest(object));
  return first ? [`${describe(first.ref)} of '${now.name}' was to be left alone and would be changed`] : [];
}
