import type { RunContext } from '../apply/run-context.ts';
import { createHealthRules } from '../health/health-rules.ts';
import { createKinds } from '../kinds/kinds.ts';
import { endJournal } from '../state/end-journal.ts';
import type { JournalPlace } from '../state/journal.ts';
import type { Journal } from '../state/journal-shape.ts';
import { type RollbackResult, rollBack } from './rollback.ts';

/** Puts back every release of a journal that is rolling back, and removes the journal when that succeeded. Running it again goes on where it stopped. */
export async function putBackSet(
  journal: Journal,
  place: JournalPlace,
  context: Omit<RunContext, 'kinds' | 'rollout'>,
): Promise<RollbackResult> {
  const { ports } = context;
  ports.progress.emit({ stage: 'rollback', subject: journal.set, state: 'started' });
  // Definitions may have come or gone since the plan was made.
  ports.kube.refreshDiscovery();
  const kinds = createKinds(await ports.kube.resources(), [], createHealthRules(context.health ?? []));
  const result = await rollBack(journal, journal.releases, { ...context, kinds, rollout: journal.rollout });
  const isWhole = result.failures.length === 0;
  const gone = journal.releases.filter(({ namespace }) => result.lost?.includes(namespace));
  const revisions = new Map([
    ...gone.map(({ name }) => [name, 0] as const),
    ...result.restored.map(({ name, revision }) => [name, revision] as const),
  ]);
  const ending = { outcome: 'rolled-back', cause: journal.reason ?? '', revisions } as const;
  if (isWhole) await endJournal(journal, ending, place, context);
  ports.progress.emit({ stage: 'rollback', subject: journal.set, state: isWhole ? 'done' : 'failed' });
  return result;
}
