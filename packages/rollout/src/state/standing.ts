import type { Ports } from '@zakenak/core';
import type { RolloutRequest } from '../request.ts';
import type { HelmHistory } from './helm-record.ts';
import { readHistories } from './helm-storage.ts';
import { findOrphans, type Orphan } from './orphans.ts';

/** Where the releases of a set stand: what was deployed of them, and what left the set. */
export interface Standing {
  readonly histories: ReadonlyMap<string, HelmHistory>;
  readonly orphans: readonly Orphan[];
}

/** Reads it; what discovery and the server's version tell is asked for at the same time, since rendering needs it next. */
export async function readStanding(
  request: RolloutRequest,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Standing> {
  const [orphans, histories] = await Promise.all([
    findOrphans(request, ports, signal),
    readHistories(request.releases, ports, signal),
    ports.kube.version(),
    ports.kube.resources(),
  ]);
  const removed = removedOf(request, orphans);
  if (removed.length === 0) return { histories, orphans };
  return { histories: new Map([...histories, ...(await readHistories(removed, ports, signal))]), orphans };
}

/** Of those that left the set, what a deploy removes. */
export function removedOf({ prune }: RolloutRequest, orphans: readonly Orphan[]): readonly Orphan[] {
  if (!prune) return [];
  // Of two of one name, left in two namespaces, one after the other: in a plan they would be called alike.
  const first = new Map([...orphans].reverse().map((orphan) => [orphan.name, orphan]));
  return orphans.filter((orphan) => orphan.movedTo === undefined && first.get(orphan.name) === orphan);
}
