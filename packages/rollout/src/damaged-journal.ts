import { createFinding, type Finding, type Ports, ZakenakError } from '@zakenak/core';
import { type Journal, type JournalPlace, readJournal } from './journal.ts';

/** The journal, or the finding that says how to get on without it where it cannot be read. */
export interface JournalLook {
  readonly journal: Journal | undefined;
  /** A rollout is unfinished, and which one is not known. */
  readonly journalDamage: readonly Finding[];
}

/** Looks into the journal for a report: a damaged one keeps nobody from seeing the rest. Who acts on a journal reads it without this. Throws what reading it throws. */
export async function lookAtJournal(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<JournalLook> {
  try {
    return { journal: await readJournal(place, ports, signal), journalDamage: [] };
  } catch (thrown) {
    if (!(thrown instanceof ZakenakError && thrown.code === 'rollout/damaged-state')) throw thrown;
    const { code: ruleId, message, remedy } = thrown;
    const finding = {
      ruleId,
      severity: 'high',
      message,
      remedy,
      identity: place.set,
      tool: 'zakenak',
    } as const;
    return { journal: undefined, journalDamage: [createFinding(finding)] };
  }
}
