import { createFinding, createReport, type Finding, type Ports, type Report } from '@zakenak/core';
import { appendEntry } from './audit-trail.ts';
import { stillHeld } from './errors.ts';
import { isPending } from './helm-release.ts';
import { type HelmRecord, newest, readHistories, updateRecord } from './helm-storage.ts';
import { type Journal, readJournal } from './journal.ts';
import { acquireLock, type HolderState, observeHolder } from './lock.ts';
import type { ReleaseRequest, TransactionOptions } from './request.ts';
import { holderOf, lockRequestOf, placeOf } from './transaction.ts';

/** Which set is freed, and how. */
export interface UnlockRequest
  extends Pick<TransactionOptions, 'stateNamespace' | 'holder' | 'isGone' | 'dryRun' | 'leaseSeconds'> {
  readonly set: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
  /** Take the lock from a holder that lives: its next write is refused. */
  readonly force?: boolean;
}

type UnlockPorts = Pick<Ports, 'kube' | 'clock' | 'progress'>;

/** What stands in the way of the next deploy. */
interface Obstacles {
  readonly lock: HolderState;
  readonly journal: Journal | undefined;
  /** Newest revisions that somebody began and that no journal goes on with. */
  readonly stuck: readonly HelmRecord[];
}

/**
 * Frees a set whose deploy died: takes the lock of a holder that has not renewed it for its whole duration, as seen by our own clock, and marks revisions that it
 * left `pending-…` as failed where no journal would go on with them. A living holder is left alone unless `force` is said. Throws ZakenakError `rollout/still-held`.
 */
export async function unlockRollout(
  request: UnlockRequest,
  ports: UnlockPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const place = placeOf(request, ports);
  const [lock, journal, histories] = await Promise.all([
    observeHolder({ ...place, isGone: request.isGone }, ports, signal),
    readJournal(place, ports, signal),
    readHistories(request.releases, ports, signal),
  ]);
  const known = new Set(journal?.releases.map(({ name }) => name));
  const stuck = [...histories].flatMap(([name, history]) => {
    const last = newest(history);
    return last && isPending(last.status) && !known.has(name) ? [last] : [];
  });
  const obstacles = { lock, journal, stuck };
  const isIdle = lock.state === 'free' && stuck.length === 0;
  if (!request.dryRun && !isIdle) await free(request, obstacles, ports, signal);
  return reportOf(request, obstacles);
}

async function free(
  request: UnlockRequest,
  { lock, stuck }: Obstacles,
  ports: UnlockPorts,
  signal?: AbortSignal,
): Promise<void> {
  if (lock.state === 'alive' && !request.force) throw stillHeld(request.set, lock.holder);
  // Whoever took it since then is not the one that was looked at.
  const isGone = (holder: string): boolean => holder === lock.holder;
  const options = { ...request, isGone, lockTimeoutMs: 0 };
  const ours = await acquireLock(lockRequestOf(options, placeOf(request, ports)), ports, signal);
  try {
    const fenced = { ...ports, kube: ports.kube.fenced(() => ours.assertHeld()) };
    if (lock.state !== 'free') await noteTaking(request, lock, fenced);
    for (const record of stuck)
      await updateRecord(
        record,
        { status: 'failed', description: 'Interrupted; freed by zakenak unlock' },
        fenced,
      );
  } finally {
    await ours.release();
  }
}

/** Whoever asks later why a deploy stopped finds it in the audit trail. */
async function noteTaking(request: UnlockRequest, lock: HolderState, ports: UnlockPorts): Promise<void> {
  const [by, at] = [holderOf(request), ports.clock.now().toISOString()];
  const facts = {
    verb: 'unlock',
    outcome: 'taken' as const,
    rollout: '',
    planId: '',
    commit: lock.commit,
    begunBy: by,
    endedBy: by,
    begunAt: at,
    endedAt: at,
    cause: `The lock was taken from ${lock.holder} (${lock.state}).`,
    releases: [],
  };
  await appendEntry(facts, placeOf(request, ports), ports);
}

function reportOf({ set, dryRun, force }: UnlockRequest, { lock, journal, stuck }: Obstacles): Report {
  const repaired = stuck.map(({ secret, version, status }) => ({
    release: secret.metadata.labels?.['name'] ?? '',
    revision: version,
    was: status,
  }));
  return createReport({
    tool: 'unlock',
    verdict: 'passed',
    summary: [lockText(set, lock, dryRun === true), stuckText(repaired, dryRun === true)]
      .filter(Boolean)
      .join(' '),
    findings: journal ? [unfinished(set, journal)] : [],
    outputs: {
      set,
      'lock-state': lock.state,
      'locked-by': lock.holder,
      commit: lock.commit,
      epoch: lock.epoch,
      freed: !dryRun && lock.state !== 'free',
      revisions: repaired,
      ...(journal ? { unfinished: { phase: journal.phase, since: journal.startedAt } } : {}),
    },
    caveats:
      force && !dryRun && lock.state === 'alive'
        ? [`${lock.holder} was alive: it stops at its next write, and the journal tells how far it came.`]
        : [],
  });
}

function lockText(set: string, { state, holder }: HolderState, isDryRun: boolean): string {
  if (state === 'free') return `Nobody holds the lock of ${set}.`;
  const what = state === 'alive' ? 'lives' : 'is gone';
  return isDryRun
    ? `The lock of ${set} is held by ${holder}, who ${what}.`
    : `The lock of ${set} is free; it was held by ${holder}, who ${what === 'lives' ? 'lived' : 'was gone'}.`;
}

function stuckText(
  stuck: readonly { readonly release: string; readonly revision: number; readonly was: string }[],
  isDryRun: boolean,
): string {
  if (stuck.length === 0) return '';
  const names = stuck
    .map(({ release, revision, was }) => `${release} revision ${revision} (${was})`)
    .join(', ');
  return isDryRun ? `Stuck: ${names}.` : `Marked as failed: ${names}.`;
}

function unfinished(set: string, { phase, startedAt }: Journal): Finding {
  const what = phase === 'rolling-back' ? 'rollback' : 'deploy';
  return createFinding({
    ruleId: 'rollout/interrupted',
    severity: 'medium',
    message: `A ${what} of ${set} that began ${startedAt} did not finish.`,
    identity: set,
    remedy: 'Run zakenak deploy to go on with it, or zakenak rollback to put the set back.',
    tool: 'zakenak',
  });
}
