import { asZakenakError, createFinding, type Finding } from '@zakenak/core';
import type { HelmRecord } from './helm-record.ts';
import type { HelmRelease } from './helm-release.ts';

/** What was read from a record, or the finding that names it where that cannot be done. */
export type Look<T> =
  | { readonly value: T; readonly damage?: never }
  | { readonly damage: Finding; readonly value?: never };

/** Looks into a record for a report: one that is damaged keeps nobody from seeing the others. Never throws; who acts on a record reads it without this. */
export function lookInto<T>(record: HelmRecord, look: (release: HelmRelease) => T): Look<T> {
  try {
    return { value: look(record.release()) };
  } catch (thrown) {
    return { damage: damageOf(record, thrown) };
  }
}

/** The finding of a record that cannot be read. */
export function damageOf({ secret: { metadata } }: HelmRecord, thrown: unknown): Finding {
  // What was thrown may quote the record, and with it secrets that nobody could learn.
  const isUnread = asZakenakError(thrown).code === 'rollout/bad-record';
  return createFinding({
    ruleId: 'rollout/bad-record',
    severity: 'high',
    message: `${metadata.labels?.['name'] ?? ''}: Helm’s record ${metadata.name} ${isUnread ? 'cannot be read' : 'holds no whole release'}.`,
    identity: metadata.name,
    remedy:
      'Look at it with helm history. Delete the Secret where Helm cannot read it either: an older revision is then the newest.',
    tool: 'zakenak',
  });
}
