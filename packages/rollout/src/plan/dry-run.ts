import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { endingNamespace, namespaceEnding } from '../errors.ts';
import { tryApply } from '../fields/claimed-fields.ts';
import {
  type ConflictJudge,
  commonJudge,
  type createConflictJudges,
  type FieldConflict,
  isApplyConflict,
  refusedText,
} from '../fields/conflict.ts';
import { leftOfEmptyLists } from '../fields/emptied-fields.ts';
import { leftOfStringData } from '../fields/foreign-fields.ts';
import { isApplied } from '../fields/is-applied.ts';
import { findKept, type Kept } from '../fields/kept.ts';
import type { LiveObjects } from '../fields/live-objects.ts';
import { type Owner, ownerOf, sameOwner } from '../fields/ownership.ts';
import { staysHeadless } from '../fields/server-fields.ts';
import type { Tolerance } from '../fields/tolerance.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { diffObjects } from '../objects/diff.ts';
import { endedByItself, removesItself } from '../objects/ended-job.ts';
import { type FieldPath, withValueAt } from '../objects/field-path.ts';
import { sameJson } from '../objects/json.ts';
import { describe, refOf, sameBody } from '../objects/object.ts';
import { isSilentApi, isUnserved, whyUnserved } from '../objects/unserved.ts';
import type { PlannedObject } from './plan.ts';

/** What a dry run needs to know of the rest of the plan. */
export interface DryRunContext {
  readonly owner: Owner;
  /** The releases of the plan: what another one of them owned, and holds no more, moves here. */
  readonly owners?: readonly Owner[];
  readonly kinds: Kinds;
  /** Namespaces that this plan creates: the server cannot dry-run into them yet. */
  readonly newNamespaces: ReadonlySet<string>;
  /** What is there. */
  readonly live: LiveObjects;
  /** Differences that are left alone. */
  readonly tolerance?: Tolerance;
  /** Whose fields of an object are taken over; what holds everywhere where nothing is said. */
  readonly judgeFor?: ReturnType<typeof createConflictJudges>;
  /** What the deployed revision holds of an object: only such a one may be left missing, and what leaves it goes. */
  readonly formerOf?: (ref: KubeRef) => KubeObject | undefined;
  /** A revision is gone back to: what the server lets nobody take back stays. */
  readonly goesBack?: boolean;
}

/** A planned object with what the plan itself does not show. */
export interface PreparedObject {
  readonly planned: PlannedObject;
  /** What is applied; absent for objects that go. */
  readonly desired?: KubeObject;
  /** What was there. */
  readonly live?: KubeObject;
  /** Fields that are left as they are in the cluster. */
  readonly kept?: Kept;
  /** Fields that are not wanted and that no apply takes away. */
  readonly foreign?: readonly FieldPath[];
  /** The server refused to try it. */
  readonly isRefused?: true;
  /** False for the object as a server applied it that does not know yet how its definition has changed. */
  readonly isFilled?: (applied: KubeObject) => boolean;
  /** What the release held of it until now. */
  readonly former?: KubeObject | undefined;
  /** Whose fields may be taken over when it is applied; what holds everywhere where absent. */
  readonly judge?: ConflictJudge;
}

/**
 * Decides what to do with one object: what lives is compared with what is wanted by its managed fields, and where that does not prove that they are the same, by a
 * server-side apply as dry run. Whatever makes the dry run fail is `unknown`, never "in sync".
 */
export async function planObject(
  desired: KubeObject,
  context: DryRunContext,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal?: AbortSignal,
): Promise<PreparedObject> {
  const ref = refOf(desired);
  const subject = { release: context.owner.name, ref };
  const freed = (field: string): string | undefined => context.tolerance?.freedBy?.(subject, field);
  const judge = context.judgeFor?.(subject, freed) ?? commonJudge;
  const claim = { judge, former: context.formerOf?.(ref) };
  const decided = (planned: Decision, live?: KubeObject, kept?: Kept): PreparedObject => ({
    planned: {
      ref,
      diff: [],
      conflicts: [],
      ...planned,
      ...(live?.metadata.uid ? { uid: live.metadata.uid } : {}),
    },
    desired: kept?.applied ?? desired,
    ...claim,
    ...(live ? { live } : {}),
    ...(kept ? { kept } : {}),
  });
  const early = planWithoutServer(desired, context);
  if (early?.action === 'unknown') return decided({ ...early, reason: await whyUnserved(ref, ports) });
  let owned: KubeObject | undefined;
  try {
    if (early) {
      const older = await findOlder(desired, claim.former, context, ports, signal);
      const differs = {
        ...early,
        action: 'apply',
        diff: diffObjects(older, desired, ports.redactor),
      } as const;
      return older ? decided(refuse(older, context) ?? differs, older) : decided(early);
    }
    owned = await context.live.find(ref, signal);
    const refused = owned && refuse(owned, context);
    if (refused) return decided(refused, owned);
    // No field that is ours tells of these.
    const empty = owned ? leftOfEmptyLists(owned, desired, claim.former) : [];
    if (owned && empty.length === 0 && isApplied(desired, owned, claim))
      return decided({ action: 'noop', reason: 'unchanged' }, owned);
    if (!owned && removesItself(desired) && sameJson(claim.former, desired))
      return decided({ action: 'noop', reason: endedByItself });
    if (owned && staysHeadless(desired, owned)) {
      const reason = 'a Service is headless for its life';
      return decided(
        { action: 'recreate', reason, diff: diffObjects(owned, desired, ports.redactor) },
        owned,
      );
    }
    const kept = await findKept(desired, owned, context, ports, signal);
    if (kept && !owned) return decided({ action: 'noop', reason: kept.rules.join('; ') }, owned, kept);
    const tried = await dryRun(kept?.applied ?? desired, owned, claim, ports, signal);
    const live = owned ?? (doesExist(tried) ? await ports.kube.get(ref, signal) : undefined);
    const refusedLate = !owned && live && refuse(live, context);
    const foreign = live ? [...leftOfStringData(live, desired), ...empty] : [];
    const decision = refusedLate || judgeDryRun(live, withoutFields(tried, foreign), context, ports);
    return { ...decided(decision, live, kept), ...(foreign.length > 0 ? { foreign } : {}) };
  } catch (error) {
    const { live = owned, ...failure } = await planFailure(desired, error, ports, signal);
    const isRefused = failure.action === 'unknown' && isRefusal(error);
    return { ...decided(failure, live), ...(isRefused ? { isRefused } : {}) };
  }
}

type Decision = Pick<PlannedObject, 'action' | 'reason'> & Partial<PlannedObject>;

/** What the server made of an apply that it did not carry out; without a result where another manager's field is in the way. */
interface DryRun {
  readonly result?: KubeObject;
  readonly conflicts: readonly FieldConflict[];
}

/** The result of an apply that would create the object was never stored: it has no version. */
function doesExist({ result, conflicts }: DryRun): boolean {
  return conflicts.length > 0 || Boolean(result?.metadata.resourceVersion);
}

/** What the server would make of it once these are taken away. */
function withoutFields(tried: DryRun, paths: readonly FieldPath[]): DryRun {
  if (!tried.result) return tried;
  return {
    ...tried,
    result: paths.reduce((whole, path) => withValueAt(whole, path, undefined), tried.result),
  };
}

function judgeDryRun(
  live: KubeObject | undefined,
  { result, conflicts }: DryRun,
  { owner }: DryRunContext,
  { redactor }: Pick<Ports, 'redactor'>,
): Decision {
  if (conflicts.some(({ decision }) => decision === 'refuse'))
    return { action: 'unknown', reason: refusedText(conflicts), conflicts, blockedBy: 'manager' };
  if (live && result && sameBody(live, result)) return { action: 'noop', reason: 'unchanged', conflicts };
  const diff = diffObjects(live, result, redactor);
  if (!live) return { action: 'create', reason: 'it does not exist', diff };
  return { action: 'apply', reason: applyReason(ownerOf(live), owner), diff, conflicts };
}

function applyReason(former: Owner | undefined, owner: Owner): string {
  if (!former) return 'it is taken over: no release owned it';
  return sameOwner(former, owner) ? 'it differs' : `it moves here from the release ${former.name}`;
}

/** Objects that the server cannot judge because this plan brings their namespace or kind first. */
function planWithoutServer(
  desired: KubeObject,
  { kinds, newNamespaces }: DryRunContext,
): Pick<PlannedObject, 'action' | 'reason'> | undefined {
  const kind = kinds.find(desired);
  if (!kind) return { action: 'unknown', reason: 'its kind is not known' };
  if (kind.from === 'set') return { action: 'create', reason: 'its kind is defined by this plan' };
  if (newNamespaces.has(desired.metadata.namespace ?? ''))
    return { action: 'create', reason: `namespace ${desired.metadata.namespace} is created by this plan` };
  return undefined;
}

/** The object in the version in which the release held it until now, where the version that is wanted comes with this plan. */
async function findOlder(
  { apiVersion }: KubeObject,
  former: KubeObject | undefined,
  { kinds }: DryRunContext,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<KubeObject | undefined> {
  const isOther = former && former.apiVersion !== apiVersion && kinds.find(former)?.from === 'cluster';
  return isOther ? ports.kube.get(refOf(former), signal) : undefined;
}

/** True where the server judged the object itself. */
function isRefusal(error: unknown): boolean {
  return error instanceof KubeStatusError && ![403, 404].includes(error.status);
}

/** Why a live object is left alone. */
function refuse(live: KubeObject, { owner, owners = [owner] }: DryRunContext): Decision | undefined {
  const other = ownerOf(live);
  if (other && !owners.some((one) => sameOwner(one, other)))
    return {
      action: 'unknown',
      reason: `it belongs to the release ${other.namespace}/${other.name}`,
      blockedBy: 'owner',
    };
  return live.metadata.deletionTimestamp ? { action: 'unknown', reason: 'it is being deleted' } : undefined;
}

async function dryRun(
  desired: KubeObject,
  owned: KubeObject | undefined,
  claim: Pick<PreparedObject, 'former'> & { readonly judge: ConflictJudge },
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<DryRun> {
  try {
    return { result: await tryApply(desired, owned, claim, ports, signal), conflicts: [] };
  } catch (error) {
    if (!(error instanceof KubeStatusError && isApplyConflict(error))) throw error;
    const conflicts = claim.judge(error);
    if (conflicts.some(({ decision }) => decision === 'refuse')) return { conflicts };
    return { result: await tryApply(desired, owned, { ...claim, force: true }, ports, signal), conflicts };
  }
}

const immutable =
  /field is immutable|is immutable|may not be changed|may not change once set|updates to statefulset spec for fields other|pod updates may not (?:change fields other|add or remove containers)|existing toleration can not be modified|updates to [\w.]+ are forbidden|cannot change roleRef|cannot be changed/i;
// Deleting one of these deletes data or everything inside.
const neverRecreated = new Set([
  'PersistentVolumeClaim',
  'PersistentVolume',
  'Namespace',
  'CustomResourceDefinition',
]);

/** True for the server's answer to a change of a field that cannot change. */
export function isImmutable(error: unknown): boolean {
  return error instanceof KubeStatusError && error.status === 422 && immutable.test(error.message);
}

async function planFailure(
  desired: KubeObject,
  error: unknown,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal?: AbortSignal,
): Promise<Decision & { readonly live?: KubeObject }> {
  if (!(error instanceof KubeStatusError || isUnserved(error) || isSilentApi(error))) throw error;
  const ending = error instanceof KubeStatusError ? endingNamespace(error) : undefined;
  if (ending !== undefined) throw namespaceEnding(ending);
  const message = ports.redactor.redact(error.message);
  if (isImmutable(error) && !neverRecreated.has(desired.kind)) {
    const live = await ports.kube.get(refOf(desired), signal);
    return {
      action: 'recreate',
      reason: `a field of it cannot be changed in place: ${message}`,
      diff: diffObjects(live, desired, ports.redactor),
      // What a rollback goes back to.
      ...(live ? { live } : {}),
    };
  }
  const gone = error instanceof KubeStatusError && error.status === 404;
  return {
    action: 'unknown',
    reason: gone ? `${describe(refOf(desired))} has no namespace: ${message}` : message,
  };
}
