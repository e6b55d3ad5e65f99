import type { KubeObject, Ports } from '@zakenak/core';
import { describe, refOf } from '../objects/object.ts';
import { firstOf } from './release-progress.ts';
import { judgeAnswered, type KnownKinds } from './wait-mode.ts';

const mostObjects = 5;

/** Returns what tells how many objects are ready, and of the first few that are not why. Its cost does not grow with their number. */
export function createWaitReport(
  subject: string,
  total: number,
  pending: ReadonlyMap<string, KubeObject>,
  { ports, kinds }: { readonly ports: Pick<Ports, 'progress'>; readonly kinds?: KnownKinds },
): () => void {
  return () => {
    if (total === 0) return;
    const waitingFor = firstOf(pending.values(), mostObjects).map((object) => ({
      kind: 'object' as const,
      name: describe(refOf(object)),
      reason: judgeAnswered(object, kinds).reason,
    }));
    const count = { done: total - pending.size, total };
    const more = pending.size > 0 ? { waitingFor, waitingForTotal: pending.size } : {};
    const state = pending.size > 0 ? 'waiting' : 'done';
    ports.progress.emit({ stage: 'wait', subject, state, count, ...more });
  };
}
