import { exitCodes, ZakenakError } from '@zakenak/core';

/** Somebody else deploys the set. */
export function locked(set: string, holder: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/locked',
    message: `The set '${set}' is being deployed by ${holder}.`,
    remedy: 'Wait for that deploy, or raise lock-timeout.',
    exitCode: exitCodes.refused,
  });
}

/** Somebody who lives holds the lock that is to be freed. */
export function stillHeld(set: string, holder: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/still-held',
    message: `The lock of the set '${set}' is held by ${holder}, who lives: it was renewed while we looked.`,
    remedy: 'Wait for that deploy or cancel it where it runs; --force takes the lock from it all the same.',
    exitCode: exitCodes.refused,
  });
}

/** What is told of a renewal that has had no answer. */
export const unanswered =
  'its renewal was not answered in time (a server or a credential plugin that takes long, or this process was stopped)';

/** The lock could not be kept; `failure` is what the server said to the last renewal, absent where none was tried, `heldUp` what it said to one that is still tried again. */
export function lockNotRenewed(set: string, failure?: string, heldUp?: string): ZakenakError {
  const said = failure === unanswered ? (heldUp ?? failure) : failure;
  const why = said ?? 'this process was stopped, or its machine was suspended';
  return new ZakenakError({
    code: 'rollout/lock-lost',
    message: `The lock of the set '${set}' was not renewed in time, and nothing was written any more: ${why.replace(/\.$/, '')}.`,
    remedy:
      'Mend what is named, let another deploy that has begun meanwhile finish, then run the same command again.',
    exitCode: exitCodes.outside,
  });
}

/** The lock was lost while working. */
export function lockLost(set: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/lock-lost',
    message: `The lock of the set '${set}' was lost to another deploy.`,
    remedy: 'Let the other deploy finish, then run this one again.',
    exitCode: exitCodes.outside,
  });
}

/** A deploy of a newer commit asked for the lock. */
export function preempted(set: string, by: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/preempted',
    message: `This deploy of '${set}' stopped between two operations: ${by} comes after it and goes on from here.`,
    remedy: 'Look at the newer deploy; nothing has to be run again.',
    exitCode: exitCodes.refused,
  });
}

/** True for what a write is refused with by a lock that is ours no more. */
export function isLockGone(error: unknown): error is ZakenakError {
  return error instanceof ZakenakError && ['rollout/lock-lost', 'rollout/preempted'].includes(error.code);
}

/** What is known of a revision that a Helm may be at. */
export interface HelmRevision {
  readonly release: string;
  readonly namespace: string;
  readonly revision: number;
  /** Absent where it was begun just now: its number was free a moment ago. */
  readonly pending?: { readonly status: string; readonly seconds: number };
}

/** A Helm may be at work on a release: it holds no lock, and a deploy beside it would break it. `minutes`: how long it counts as being at it. */
export function helmAtWork({
  release,
  namespace,
  revision,
  pending,
  minutes,
}: HelmRevision & { readonly minutes?: number }): ZakenakError {
  const until =
    minutes === undefined ? '' : `, and counts as at work for ${minutes} minutes (deploy.helmTimeout)`;
  const state = pending ? `is ${pending.status} for ${pending.seconds} s${until}` : 'was begun just now';
  return new ZakenakError({
    code: 'rollout/helm-at-work',
    message: `A Helm may be at work on ${release} in ${namespace}: revision ${revision} ${state}.`,
    remedy:
      'Let it end, then run the same command again; where none runs any more, run zakenak unlock --force.',
    exitCode: exitCodes.refused,
  });
}
