import type { KubeObject, KubeRef, Ports } from '@zakenak/core';
import { differencesOf } from '../objects/diff.ts';
import { type FieldPath, pathText, valueAtPath, withValueAt } from '../objects/field-path.ts';
import { sameJson } from '../objects/json.ts';
import { describe, refOf } from '../objects/object.ts';
import { tryApply } from './claimed-fields.ts';
import type { Owner } from './ownership.ts';
import type { Tolerance } from './tolerance.ts';
import { type StayingField, withWhatStays } from './what-stays.ts';

/** What of an object a deploy leaves as it is in the cluster. */
export interface Kept {
  /** The object as the release wants it. */
  readonly wanted: KubeObject;
  /** The object as it is applied: as wanted, with the live values of what is kept. */
  readonly applied: KubeObject;
  readonly paths: readonly FieldPath[];
  /** Field and rule, one phrase each. */
  readonly rules: readonly string[];
}

/** The object with the given fields as they are in the cluster: applying it does not move them, and takes them from nobody. */
export function keepLive(wanted: KubeObject, live: KubeObject, paths: readonly FieldPath[]): KubeObject {
  return paths.reduce((object, path) => withValueAt(object, path, valueAtPath(live, path)), wanted);
}

/** Who is asked, and what of it may be left alone. */
interface KeepContext {
  readonly owner: Owner;
  readonly tolerance?: Tolerance | undefined;
  readonly formerOf?: (ref: KubeRef) => KubeObject | undefined;
  /** What the server lets nobody take back stays; a deploy is told so where it asks for it anew. */
  readonly goesBack?: boolean | undefined;
}

/**
 * What of the object is left alone; undefined where nothing is. Asks for one more dry run, which takes every field and so shows every difference, and only for an
 * object that a rule or an autoscaler concerns. What the API server lets nobody take back is left alone without asking. Throws what the dry run throws.
 */
export async function findKept(
  wanted: KubeObject,
  live: KubeObject | undefined,
  { owner, tolerance, formerOf, goesBack }: KeepContext,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Kept | undefined> {
  const subject = { release: owner.name, ref: refOf(wanted) };
  const former = formerOf?.(subject.ref);
  const stays = withWhatStays(wanted, live);
  if (stays && (goesBack || stays.fields.every((field) => isAsked(field, wanted, former)))) {
    const rest = await findTolerated(stays.object, live, former, { owner, tolerance }, ports, signal);
    const told = stays.fields.map(({ path, rule }) => `${pathText(path)} (${rule})`);
    const rules = [...told, ...(rest?.rules ?? [])];
    return { wanted: stays.object, applied: stays.object, paths: [], ...rest, rules };
  }
  return findTolerated(wanted, live, former, { owner, tolerance }, ports, signal);
}

/** True where the deployed revision asks for the same: nothing of it was changed by who deploys. */
function isAsked({ path }: StayingField, wanted: KubeObject, former: KubeObject | undefined): boolean {
  return former !== undefined && sameJson(valueAtPath(former, path), valueAtPath(wanted, path));
}

async function findTolerated(
  wanted: KubeObject,
  live: KubeObject | undefined,
  former: KubeObject | undefined,
  { owner, tolerance }: Pick<KeepContext, 'owner' | 'tolerance'>,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Kept | undefined> {
  const subject = { release: owner.name, ref: refOf(wanted) };
  if (!tolerance?.concerns(subject)) return undefined;
  if (!live) {
    const whole = { path: [], before: undefined, after: wanted };
    const rule = former ? tolerance.ruleFor(subject, whole, undefined) : undefined;
    return rule === undefined ? undefined : { wanted, applied: wanted, paths: [], rules: [rule] };
  }
  const forced = await tryApply(wanted, live, { force: true, former }, ports, signal);
  return keptOf(wanted, live, forced, { owner, tolerance });
}

/** What of the way from `live` to `goal` is left alone. */
export function keptOf(
  wanted: KubeObject,
  live: KubeObject,
  goal: KubeObject,
  { owner, tolerance }: { readonly owner: Owner; readonly tolerance: Tolerance },
): Kept | undefined {
  const subject = { release: owner.name, ref: refOf(wanted) };
  const left = differencesOf(live, goal).flatMap((difference) => {
    const rule = tolerance.ruleFor(subject, difference, live);
    return rule === undefined
      ? []
      : [{ path: difference.path, text: `${pathText(difference.path)} (${rule})` }];
  });
  if (left.length === 0) return undefined;
  const paths = left.map(({ path }) => path);
  return { wanted, applied: keepLive(wanted, live, paths), paths, rules: left.map(({ text }) => text) };
}

/** What a plan leaves as it is, one sentence each: nothing is left alone silently. */
export function keptRemarks(
  releases: readonly { readonly objects: readonly KeptObject[] }[],
): readonly string[] {
  return releases.flatMap(({ objects }) =>
    objects.flatMap(({ planned, kept }) =>
      kept ? [`${describe(planned.ref)} is left as it is in the cluster: ${kept.rules.join('; ')}.`] : [],
    ),
  );
}

interface KeptObject {
  readonly planned: { readonly ref: KubeRef };
  readonly kept?: Kept;
}
