import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { ReleaseFailure } from '../failure.ts';
import { type ConflictJudge, commonJudge, isApplyConflict, refusedText } from '../fields/conflict.ts';
import { isEmptiedToNull, lostEmpty, withoutEmptied } from '../fields/emptied-fields.ts';
import { type Kept, keepLive } from '../fields/kept.ts';
import { type Claim, claimFields } from '../fields/managed-fields.ts';
import { fieldManager } from '../fields/ownership.ts';
import { removeFields } from '../fields/remove-fields.ts';
import { describe, refOf } from '../objects/object.ts';
import { waitGone } from '../objects/presence.ts';
import { isSilentApi } from '../objects/unserved.ts';
import { isImmutable, type PreparedObject } from '../plan/dry-run.ts';
import type { WaitContext } from '../wait/wait.ts';

const goneTimeoutMs = 60_000;
const webhookTimeoutMs = 60_000;
// Servers learn of a changed definition within a moment, each for itself.
const schemaTimeoutMs = 5_000;

/** Carries out what was planned for one object; returns its state afterwards, or undefined where it is gone. Throws ReleaseFailure. */
export async function applyPrepared(
  { planned, desired, live, kept, foreign = [], ...more }: PreparedObject,
  context: WaitContext,
): Promise<KubeObject | undefined> {
  const { ref, action, uid } = planned;
  const { judge, former, isRefused, isFilled } = more;
  switch (action) {
    case 'noop':
    case 'keep':
      return live;
    case 'delete':
      await removeObject(ref, uid, context);
      return undefined;
    case 'recreate':
      await recreate(ref, uid, context);
      return desired && applyObject(desired, context, { judge });
    case 'create':
    case 'apply':
      if (live) await claimLive(live, context, { judge, desired, former });
      if (foreign.length > 0) await removeFields(ref, foreign, desired, context.ports);
      return (
        desired && applyObject(desired, context, { kept, judge, former: live, isEarly: isRefused, isFilled })
      );
    case 'unknown':
      throw new ReleaseFailure('rollout/unknown-object', `${describe(ref)}: ${planned.reason}`, ref);
  }
}

/** An object that lives in another version is claimed in the one that is applied: by then the server may not serve the other. */
async function claimLive(live: KubeObject, { ports }: WaitContext, claim: Claim): Promise<void> {
  const { desired = live } = claim;
  const there = live.apiVersion === desired.apiVersion ? live : await ports.kube.get(refOf(desired));
  if (there) await claimFields(there, ports, claim);
}

/** Server-side apply; takes fields only from managers that a deploy may follow up; webhooks that are not up yet are given a minute. */
export async function applyObject(
  desired: KubeObject,
  context: WaitContext,
  options: ApplyWay = {},
): Promise<KubeObject> {
  const { kube, clock, progress } = context.ports;
  const begunMs = clock.monotonicMs();
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 4_000)) {
    try {
      const applied = await applyOnce(desired, kube, options);
      const isDone = options.isFilled?.(applied) ?? true;
      if (isDone || clock.monotonicMs() >= begunMs + schemaTimeoutMs) return applied;
    } catch (error) {
      const patienceMs = isTransient(error)
        ? (options.patienceMs ?? webhookTimeoutMs)
        : options.isEarly && isUntyped(error)
          ? schemaTimeoutMs
          : 0;
      if (clock.monotonicMs() >= begunMs + patienceMs) throw failureOf(desired, error);
      progress.emit({
        stage: 'apply',
        subject: describe(refOf(desired)),
        object: refOf(desired),
        state: 'waiting',
        message: `trying again: ${(error as KubeStatusError).message}`,
      });
    }
    await clock.sleep(pauseMs, context.signal);
  }
}

/** How an object is applied. */
interface ApplyWay {
  /** Milliseconds for which a webhook that is not up is tried again; a minute where nothing is said. */
  readonly patienceMs?: number;
  /** Take every field. */
  readonly force?: boolean;
  /** The definition of its kind changed a moment ago: the server may not know it yet. */
  readonly isEarly?: boolean | undefined;
  /** Whether it holds the defaults of its definition as that is now. */
  readonly isFilled?: PreparedObject['isFilled'];
  /** The object as it was. */
  readonly former?: KubeObject | undefined;
  /** Fields that are left as they are in the cluster, whatever they are by then. */
  readonly kept?: Kept | undefined;
  /** Whose fields may be taken; what holds everywhere where nothing is said. */
  readonly judge?: ConflictJudge | undefined;
}

// An autoscaler may move a field that is left to it just between our look and our write.
const mostRaces = 5;

async function applyOnce(
  desired: KubeObject,
  kube: Ports['kube'],
  { force = false, kept, judge, former }: ApplyWay,
  races = 0,
): Promise<KubeObject> {
  try {
    const applied = await kube.apply(desired, { fieldManager, force });
    // What was full and is to be empty is taken away by the first apply, and put there as empty by the second.
    return lostEmpty(desired, applied, former) ? await kube.apply(desired, { fieldManager, force }) : applied;
  } catch (error) {
    if (former && isEmptiedToNull(error)) {
      await applyOnce(withoutEmptied(desired, former), kube, { force, kept, judge }, races);
      return applyOnce(desired, kube, { force, kept, judge }, races);
    }
    if (!(error instanceof KubeStatusError && isApplyConflict(error))) throw error;
    const conflicts = (judge ?? commonJudge)(error);
    if (conflicts.every(({ decision }) => decision === 'take'))
      return kube.apply(desired, { fieldManager, force: true });
    const live = kept && races < mostRaces ? await kube.get(refOf(desired)) : undefined;
    if (kept && live)
      return applyOnce(
        keepLive(kept.wanted, live, kept.paths),
        kube,
        { force, kept, judge, former },
        races + 1,
      );
    const fields = refusedText(conflicts);
    throw new ReleaseFailure('rollout/conflict', `${describe(refOf(desired))}: ${fields}`, refOf(desired));
  }
}

/** Deletes an object and waits a while for its end. Nothing to delete is no error. */
export async function removeObject(
  ref: KubeRef,
  uid: string | undefined,
  context: WaitContext,
): Promise<void> {
  try {
    await context.ports.kube.delete(ref, { propagation: 'Background', ...(uid ? { uid } : {}) });
  } catch (error) {
    // Another object of that name has taken its place: it is not ours to delete.
    if (error instanceof KubeStatusError && error.status === 409) return;
    throw error instanceof KubeStatusError
      ? new ReleaseFailure('rollout/delete-failed', `${describe(ref)}: ${error.message}`, ref)
      : error;
  }
}

async function recreate(ref: KubeRef, uid: string | undefined, context: WaitContext): Promise<void> {
  await removeObject(ref, uid, context);
  if (!(await waitGone([ref], goneTimeoutMs, context)))
    throw new ReleaseFailure(
      'rollout/delete-failed',
      `${describe(ref)}: it is still there after a minute`,
      ref,
    );
}

const transient =
  /failed calling webhook|conversion webhook .* failed|connection refused|no endpoints available|not yet (?:established|available)/i;

function isTransient(error: unknown): boolean {
  if (!(error instanceof KubeStatusError)) return false;
  if (error.status >= 500 && transient.test(error.message)) return true;
  // Others wrote it again and again while the server tried to merge.
  if (error.status === 409 && error.reason === 'Conflict' && error.causes.length === 0) return true;
  // A namespace or its default service account made a moment ago may not be everywhere yet.
  return error.status === 403 && /error looking up service account|no API token found/.test(error.message);
}

function isUntyped(error: unknown): boolean {
  return error instanceof KubeStatusError && /not declared in schema|unknown field/.test(error.message);
}

function failureOf(desired: KubeObject, error: unknown): unknown {
  const ref = refOf(desired);
  if (isSilentApi(error))
    return new ReleaseFailure('rollout/apply-failed', `${describe(ref)}: ${error.message}`, ref);
  if (!(error instanceof KubeStatusError)) return error;
  const ruleId = isImmutable(error)
    ? 'rollout/immutable'
    : error.status === 403
      ? 'rollout/forbidden'
      : 'rollout/apply-failed';
  return new ReleaseFailure(ruleId, `${describe(ref)}: ${error.message}`, ref);
}
