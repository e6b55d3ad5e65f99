import { createFinding, type Finding, type Ports, ZakenakError } from '@zakenak/core';
import { type JournalPlace, readJournal } from './journal.ts';
import type { Journal } from './journal-shape.ts';

/**
 * Reads, for a report, what Zakenak itself keeps in the cluster: what is damaged keeps nobody from seeing the rest, and is the finding that says how to get on without it. Who acts on
 * it reads it without this. Throws what reading it throws besides.
 */
export async function lookAtState<T>(
  read: () => Promise<T>,
): Promise<{ readonly value?: T; readonly damage: readonly Finding[] }> {
  try {
    return { value: await read(), damage: [] };
  } catch (thrown) {
    if (!(thrown instanceof ZakenakError && thrown.code === 'rollout/damaged-state')) throw thrown;
    const { code: ruleId, message, remedy } = thrown;
    return { damage: [createFinding({ ruleId, severity: 'high', message, remedy, tool: 'zakenak' })] };
  }
}

/** The journal, or that it cannot be read. */
export interface JournalLook {
  readonly journal: Journal | undefined;
  /** A rollout is unfinished, and which one is not known. */
  readonly journalDamage: readonly Finding[];
}

/** Looks at the journal for a report. */
export async function lookAtJournal(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<JournalLook> {
  const { value, damage } = await lookAtState(() => readJournal(place, ports, signal));
  return { journal: value, journalDamage: damage };
}
