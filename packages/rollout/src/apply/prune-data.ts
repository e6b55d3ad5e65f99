import { dataKinds } from '../objects/data-kinds.ts';
import { kindRank } from '../objects/kind-order.ts';
import { describe, keyOf, refOf } from '../objects/object.ts';
import type { PreparedRollout } from '../plan/prepared.ts';
import { endJournal } from '../state/end-journal.ts';
import { type JournalPlace, writeHead } from '../state/journal.ts';
import type { Doomed, Journal } from '../state/journal-shape.ts';
import { removeObject } from './apply-object.ts';
import type { RunContext } from './run-context.ts';

/**
 * What goes last: claims, definitions and namespaces that the set no longer has; also what an interrupted run was still to delete, unless it is wanted again. */
export function dataToPrune(
  { releases, rendered }: PreparedRollout,
  interrupted: readonly Doomed[] = [],
): readonly Doomed[] {
  const planned = releases
    .flatMap(({ objects }) => objects)
    .filter(({ planned }) => planned.action === 'delete' && dataKinds.has(planned.ref.kind))
    .map(({ planned: { ref, uid } }) => ({ ref, ...(uid ? { uid } : {}) }));
  const wanted = rendered.releases.flatMap(({ objects, crds }) => [...objects, ...crds].map(refOf));
  const settled = new Set([...planned.map(({ ref }) => ref), ...wanted].map(keyOf));
  return [...planned, ...interrupted.filter(({ ref }) => !settled.has(keyOf(ref)))];
}

/** Ends a rollout that succeeded: from here on it only goes forward. Deletes what is left to delete and removes the journal. */
export async function finishJournal(
  journal: Journal,
  place: JournalPlace,
  context: Pick<RunContext, 'ports' | 'observer' | 'signal' | 'warn'>,
): Promise<void> {
  const { prune = [] } = journal;
  if (prune.length > 0) {
    await writeHead({ ...journal, phase: 'pruning' }, place, context.ports);
    const ordered = [...prune].sort((a, b) => kindRank(b.ref.kind) - kindRank(a.ref.kind));
    for (const { ref, uid } of ordered) {
      const about = { stage: 'prune', subject: describe(ref), object: ref };
      context.ports.progress.emit({ ...about, state: 'started' });
      await removeObject(ref, uid, context);
      context.ports.progress.emit({ ...about, state: 'done' });
    }
  }
  await endJournal(journal, { outcome: 'completed' }, place, context);
}
