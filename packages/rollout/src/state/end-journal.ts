import { asZakenakError, type Ports } from '@zakenak/core';
import { type AuditOutcome, appendEntry } from './audit-trail.ts';
import { type JournalPlace, listJournal, removeJournal } from './journal.ts';
import type { Journal } from './journal-shape.ts';
import { isLockGone } from './lock-errors.ts';

/** How what the journal tells of has ended. */
export interface Ending {
  readonly outcome: AuditOutcome;
  /** Redacted. */
  readonly cause?: string;
  /** Revisions of releases that were put back; the others are at what the plan said, or at what they were before where nothing was carried out. */
  readonly revisions?: ReadonlyMap<string, number>;
}

/**
 * Ends a rollout: writes its entry of the audit trail, then removes the journal. Killed in between, the next run finds the journal and ends it once more: an end may be told twice, never not at
 * all. A trail that cannot be written keeps no rollout from ending, and its report says so; who has the lock no more has nothing to end, and throws `rollout/lock-lost`.
 */
export async function endJournal(
  journal: Journal,
  { outcome, cause = '', revisions = new Map() }: Ending,
  place: JournalPlace,
  {
    ports,
    warn = ports.log.warn,
  }: { readonly ports: Pick<Ports, 'kube' | 'clock' | 'log'>; readonly warn?: (text: string) => void },
): Promise<void> {
  const facts = {
    verb: journal.verb,
    outcome,
    rollout: journal.rollout,
    planId: journal.planId,
    commit: journal.commit,
    begunBy: journal.begunBy,
    endedBy: journal.by,
    begunAt: journal.startedAt,
    endedAt: ports.clock.now().toISOString(),
    cause,
    releases: journal.releases.map(({ name, namespace, fromRevision, toRevision }) => ({
      name,
      namespace,
      from: fromRevision,
      to: revisions.get(name) ?? (outcome === 'rolled-back' ? fromRevision : toRevision),
    })),
  };
  // Asked for beside the entry: nobody else changes the journal while the lock is held.
  const listed = listJournal(place, ports);
  listed.catch(() => undefined);
  await appendEntry(facts, place, ports).catch((error: unknown) => {
    // Another holder has ended it meanwhile, and there is no journal whose removal would be refused.
    if (isLockGone(error)) throw error;
    const { message, remedy } = asZakenakError(error);
    warn(
      `The audit trail could not be written, and may lack the entry of this rollout: ${message} ${remedy}`,
    );
  });
  await removeJournal(place, ports, await listed);
}
