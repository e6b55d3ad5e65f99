import { type KubeObject, KubeStatusError, type Ports, ZakenakError } from '@zakenak/core';
import { type FieldConflict, isApplyConflict, judgeConflicts } from './conflict.ts';
import { diffObjects } from './diff.ts';
import type { Kinds } from './kinds.ts';
import { describe, refOf, sameBody } from './object.ts';
import { type Owner, ownerOf, sameOwner } from './ownership.ts';
import type { PlannedObject } from './plan.ts';

/** Who writes the fields: Helm's own name, so that Helm and we follow each other up. */
export const fieldManager = 'helm';

/** What a dry run needs to know of the rest of the plan. */
export interface DryRunContext {
  readonly owner: Owner;
  readonly kinds: Kinds;
  /** Namespaces that this plan creates: the server cannot dry-run into them yet. */
  readonly newNamespaces: ReadonlySet<string>;
}

/** A planned object with what the plan itself does not show. */
export interface PreparedObject {
  readonly planned: PlannedObject;
  /** What is applied; absent for objects that go. */
  readonly desired?: KubeObject;
  /** What was there. */
  readonly live?: KubeObject;
}

/**
 * Decides what to do with one object: a GET, then a server-side apply as dry run, compared with what lives. Whatever makes the dry run fail is
 * `unknown`, never "in sync".
 */
export async function planObject(
  desired: KubeObject,
  context: DryRunContext,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal?: AbortSignal,
): Promise<PreparedObject> {
  const ref = refOf(desired);
  const decided = (
    planned: Omit<PlannedObject, 'ref' | 'diff' | 'conflicts'> & Partial<PlannedObject>,
    live?: KubeObject,
  ): PreparedObject => ({
    planned: {
      ref,
      diff: [],
      conflicts: [],
      ...planned,
      ...(live?.metadata.uid ? { uid: live.metadata.uid } : {}),
    },
    desired,
    ...(live ? { live } : {}),
  });
  const early = planWithoutServer(desired, context);
  if (early) return decided(early);
  try {
    const live = await ports.kube.get(ref, signal);
    const refused = live && refuseOwner(live, context.owner);
    if (refused) return decided({ action: 'unknown', reason: refused, blockedBy: 'owner' }, live);
    if (live?.metadata.deletionTimestamp)
      return decided({ action: 'unknown', reason: 'it is being deleted' }, live);
    const { result, conflicts } = await dryRun(desired, ports, signal);
    const diff = diffObjects(live, result, ports.redactor);
    if (conflicts.some(({ decision }) => decision === 'refuse'))
      return decided(
        { action: 'unknown', reason: conflictReason(conflicts), conflicts, blockedBy: 'manager' },
        live,
      );
    if (!live) return decided({ action: 'create', reason: 'it does not exist', diff }, live);
    if (result && sameBody(live, result))
      return decided({ action: 'noop', reason: 'unchanged', conflicts }, live);
    const reason = ownerOf(live) ? 'it differs' : 'it is taken over: no release owned it';
    return decided({ action: 'apply', reason, diff, conflicts }, live);
  } catch (error) {
    return decided(await planFailure(desired, error, ports, signal));
  }
}

/** Objects that the server cannot judge because this plan brings their namespace or kind first. */
function planWithoutServer(
  desired: KubeObject,
  { kinds, newNamespaces }: DryRunContext,
): Pick<PlannedObject, 'action' | 'reason'> | undefined {
  const kind = kinds.find(desired);
  if (!kind)
    return { action: 'unknown', reason: `the cluster serves no ${desired.apiVersion} ${desired.kind}` };
  if (kind.from === 'set') return { action: 'create', reason: 'its kind is defined by this plan' };
  if (newNamespaces.has(desired.metadata.namespace ?? ''))
    return { action: 'create', reason: `namespace ${desired.metadata.namespace} is created by this plan` };
  return undefined;
}

function refuseOwner(live: KubeObject, owner: Owner): string | undefined {
  const other = ownerOf(live);
  return other && !sameOwner(other, owner)
    ? `it belongs to the release ${other.namespace}/${other.name}`
    : undefined;
}

async function dryRun(
  desired: KubeObject,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<{ readonly result?: KubeObject; readonly conflicts: readonly FieldConflict[] }> {
  try {
    return { result: await ports.kube.apply(desired, { fieldManager, dryRun: true }, signal), conflicts: [] };
  } catch (error) {
    if (!(error instanceof KubeStatusError && isApplyConflict(error))) throw error;
    const conflicts = judgeConflicts(error);
    if (conflicts.some(({ decision }) => decision === 'refuse')) return { conflicts };
    const result = await ports.kube.apply(desired, { fieldManager, dryRun: true, force: true }, signal);
    return { result, conflicts };
  }
}

function conflictReason(conflicts: readonly FieldConflict[]): string {
  const refused = conflicts.filter(({ decision }) => decision === 'refuse');
  return refused.map(({ field, manager }) => `${field} is owned by ${manager}`).join('; ');
}

const immutable =
  /field is immutable|is immutable|may not be changed|updates to statefulset spec for fields other|cannot change roleRef|cannot be changed/i;
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
): Promise<Pick<PlannedObject, 'action' | 'reason'> & Partial<PlannedObject>> {
  if (error instanceof ZakenakError && error.code !== 'kube/unknown-kind') throw error;
  if (!(error instanceof KubeStatusError || error instanceof ZakenakError)) throw error;
  const message = ports.redactor.redact(error.message);
  if (isImmutable(error) && !neverRecreated.has(desired.kind)) {
    const live = await ports.kube.get(refOf(desired), signal);
    return {
      action: 'recreate',
      reason: `a field of it cannot be changed in place: ${message}`,
      diff: diffObjects(live, desired, ports.redactor),
      ...(live?.metadata.uid ? { uid: live.metadata.uid } : {}),
    };
  }
  const gone = error instanceof KubeStatusError && error.status === 404;
  return {
    action: 'unknown',
    reason: gone ? `${describe(refOf(desired))} has no namespace: ${message}` : message,
  };
}
