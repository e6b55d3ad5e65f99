import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import type { ConflictJudge } from './conflict.ts';
import { isRecord, listAt, recordAt, textAt } from './json.ts';
import { refOf } from './object.ts';
import { fieldManager } from './ownership.ts';

const clientSide = new Set(['helm', 'kubectl-client-side-apply', 'before-first-apply']);

/**
 * Hands the fields that client-side tools wrote over to our manager, as client-go's csaupgrade does. Without it a field that leaves the manifest would stay
 * in the object, still owned by the old entry. Writes only where there is such an entry. From whom the project takes nothing (`deploy.conflicts`), nothing is taken here either.
 */
export async function claimFields(
  live: KubeObject,
  ports: Pick<Ports, 'kube'>,
  judge?: Pick<ConflictJudge, 'decide'>,
): Promise<void> {
  const entries = migrateManagedFields(
    listAt(live, 'metadata', 'managedFields'),
    (manager) => judge?.decide(manager) !== 'refuse',
  );
  const { resourceVersion } = live.metadata;
  if (!entries || !resourceVersion) return;
  try {
    await ports.kube.patch(refOf(live), 'json', [
      { op: 'replace', path: '/metadata/managedFields', value: entries },
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
    ]);
  } catch (error) {
    // Somebody wrote in between: the apply that follows decides by what is there then.
    if (!(error instanceof KubeStatusError && [409, 422].includes(error.status))) throw error;
  }
}

/** The entries after the hand-over; undefined where there is nothing to hand over. */
export function migrateManagedFields(
  entries: readonly unknown[],
  mayTake: (manager: string) => boolean = () => true,
): readonly unknown[] | undefined {
  const old = entries.filter(
    (entry) =>
      clientSide.has(textAt(entry, 'manager')) &&
      mayTake(textAt(entry, 'manager')) &&
      textAt(entry, 'operation') === 'Update' &&
      textAt(entry, 'subresource') === '',
  );
  if (old.length === 0) return undefined;
  const ours = entries.find(
    (entry) =>
      textAt(entry, 'manager') === fieldManager &&
      textAt(entry, 'operation') === 'Apply' &&
      textAt(entry, 'subresource') === '',
  );
  const target = ours ?? old[0];
  // Paths of another version may not exist in this one: like client-go, leave them to nobody.
  const version = textAt(target, 'apiVersion');
  const sets = [
    ...(ours ? [ours] : []),
    ...old.filter((entry) => textAt(entry, 'apiVersion') === version),
  ].map((entry) => recordAt(entry, 'fieldsV1'));
  const merged = {
    ...(isRecord(target) ? target : {}),
    manager: fieldManager,
    operation: 'Apply',
    fieldsV1: sets.reduce(unite, {}),
  };
  return [...entries.filter((entry) => entry !== ours && !old.includes(entry)), merged];
}

function unite(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const united: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const former = united[key];
    united[key] = isRecord(former) && isRecord(value) ? unite(former, value) : value;
  }
  return united;
}
