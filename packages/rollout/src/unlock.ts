import { createFinding, createReport, type Finding, type Ports, type Report } from '@zakenak/core';
import { factsOf, type HelmPatience, helmMinutes, mayBeHelms } from './plan/helm-at-work.ts';
import type { ReleaseRequest, TransactionOptions } from './request.ts';
import { appendEntry } from './state/audit-trail.ts';
import { lookInto } from './state/damaged-record.ts';
import { lookAtJournal } from './state/damaged-state.ts';
import type { HelmRecord } from './state/helm-record.ts';
import { isPending } from './state/helm-release.ts';
import { newest, readHistories, updateRecord } from './state/helm-storage.ts';
import type { Journal } from './state/journal-shape.ts';
import { acquireLock, type HolderState, observeHolder, outlastHolder } from './state/lock.ts';
import { stillHeld } from './state/lock-errors.ts';
import { statePlaceOf } from './state/state-place.ts';
import { holderOf, lockRequestOf } from './transaction/transaction.ts';

/** Which set is freed, and how. */
export interface UnlockRequest
  extends Pick<
    TransactionOptions,
    'stateNamespace' | 'holder' | 'isGone' | 'dryRun' | 'leaseSeconds' | 'helmTimeoutMs'
  > {
  readonly set: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
  /** Take the lock from a holder that lives, and mark what Helm may still be at as failed. */
  readonly force?: boolean;
}

type UnlockPorts = Pick<Ports, 'kube' | 'clock' | 'progress'>;

/** What stands in the way of the next deploy. */
interface Obstacles {
  readonly lock: HolderState;
  readonly journal: Journal | undefined;
  /** Newest revisions that somebody began and that no journal goes on with. */
  readonly stuck: readonly HelmRecord[];
  /** The same, of Helm, which may still be at them. */
  readonly young: readonly HelmRecord[];
  /** Records of these that cannot be read, and a journal that cannot: what it would go on with is not known, and none is marked. */
  readonly damage: readonly Finding[];
}

/**
 * Frees a set whose deploy died: takes the lock of a holder that has not renewed it for its whole duration, as seen by our own clock, and marks revisions that were
 * left `pending-…` as failed where no journal would go on with them, those of Helm when it can be at them no more. A living holder and a Helm that may still be at work
 * are left alone unless `force` is said; the lock of a living holder is then free when it can write no more. Throws ZakenakError `rollout/still-held`.
 */
export async function unlockRollout(
  request: UnlockRequest,
  ports: UnlockPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const place = statePlaceOf(request, ports);
  const [lock, { journal, journalDamage }, histories] = await Promise.all([
    observeHolder({ ...place, isGone: request.isGone }, ports, signal),
    lookAtJournal(place, ports, signal),
    readHistories(request.releases, ports, signal),
  ]);
  const known = new Set((journalDamage.length > 0 ? request : journal)?.releases.map(({ name }) => name));
  const pending = [...histories].flatMap(([name, history]) => {
    const last = newest(history);
    return last && isPending(last.status) && !known.has(name) ? [last] : [];
  });
  const damage = [
    ...journalDamage,
    ...pending.flatMap((record) => lookInto(record, () => undefined).damage ?? []),
  ];
  const sound = pending.filter((record) => !lookInto(record, () => undefined).damage);
  const now = ports.clock.now();
  const isYoung = (record: HelmRecord): boolean => !request.force && mayBeHelms(record, now, request);
  const obstacles = {
    lock,
    journal,
    stuck: sound.filter((record) => !isYoung(record)),
    young: sound.filter(isYoung),
    damage,
  };
  const { stuck } = obstacles;
  const isIdle = lock.state === 'free' && stuck.length === 0;
  if (!request.dryRun && !isIdle) await free(request, obstacles, ports, signal);
  return reportOf(request, obstacles, now);
}

async function free(
  request: UnlockRequest,
  { lock, stuck }: Obstacles,
  ports: UnlockPorts,
  signal?: AbortSignal,
): Promise<void> {
  if (lock.state === 'alive' && !request.force) throw stillHeld(request.set, lock.holder);
  const isAlive = lock.state === 'alive';
  // Whoever took it since then is not the one that was looked at.
  const isGone = (holder: string): boolean => holder === lock.holder;
  const options = { ...request, isGone, lockTimeoutMs: 0, ...(isAlive ? inPlaceOf(lock, request) : {}) };
  const ours = await acquireLock(lockRequestOf(options, statePlaceOf(request, ports)), ports, signal);
  let mayWrite = isAlive;
  try {
    const fenced = { ...ports, kube: ours.fence(ports.kube) };
    if (lock.state !== 'free') await noteTaking(request, lock, fenced);
    if (mayWrite) await outlastHolder(ours, lock, request, ports, signal);
    mayWrite = false;
    for (const record of stuck)
      await updateRecord(
        record,
        { status: 'failed', description: 'Interrupted; freed by zakenak unlock' },
        fenced,
      );
  } finally {
    await ours.release({ runOut: mayWrite });
  }
}

/** A name that ends with no process: where this run ends early, even by force, nobody takes it for gone before its Lease, and so the former holder's, has ended. */
function inPlaceOf(
  { holder, leaseSeconds }: HolderState,
  request: UnlockRequest,
): Pick<TransactionOptions, 'holder' | 'leaseSeconds'> {
  return {
    holder: `${holderOf(request)}, waiting until ${holder} can write no more`,
    leaseSeconds: Math.max(leaseSeconds, request.leaseSeconds ?? 0),
  };
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
  await appendEntry(facts, statePlaceOf(request, ports), ports);
}

function reportOf(
  request: UnlockRequest,
  { lock, journal, stuck, young, damage }: Obstacles,
  now: Date,
): Report {
  const { set, dryRun, force } = request;
  const repaired = stuck.map(({ secret, version, status }) => ({
    release: secret.metadata.labels?.['name'] ?? '',
    revision: version,
    was: status,
  }));
  return createReport({
    tool: 'unlock',
    // What was asked for was not done.
    verdict: young.length + damage.length > 0 && !dryRun ? 'failed' : 'passed',
    summary: [lockText(set, lock, dryRun === true), stuckText(repaired, dryRun === true)]
      .filter(Boolean)
      .join(' '),
    findings: [
      ...(journal ? [unfinished(set, journal)] : []),
      ...young.map((record) => helmAtWork(record, now, request)),
      ...damage,
    ],
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

function helmAtWork(record: HelmRecord, now: Date, patience: HelmPatience): Finding {
  const { release: name, pending } = factsOf(record, now);
  const { seconds } = pending;
  return createFinding({
    ruleId: 'rollout/helm-at-work',
    severity: 'high',
    message: `${name}: revision ${record.version} is ${record.status} for ${seconds} s: a Helm may still be at it, which holds no lock.`,
    identity: `${name} ${record.version}`,
    remedy: `Let it end. Where none runs any more, say --force; without it the revision is marked as failed ${helmMinutes(patience)} minutes after it began (deploy.helmTimeout).`,
    tool: 'zakenak',
  });
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
