import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import type { ConflictJudge } from './conflict.ts';
import { isRecord, listAt, recordAt, textAt } from './json.ts';
import { refOf } from './object.ts';
import { fieldManager } from './ownership.ts';
import { unite } from './server-fields.ts';

const mostRaces = 5;
const clientSide = new Set(['helm', 'kubectl-client-side-apply', 'before-first-apply']);

/**
 * Hands the fields that client-side tools wrote over to our manager, as client-go's csaupgrade does. Without it a field that leaves the manifest would stay
 * in the object, still owned by the old entry. Writes only where there is such an entry. From whom the project takes nothing (`deploy.conflicts`), nothing is taken here either. `stray`: fields of nobody that become ours too.
 */
export async function claimFields(
  live: KubeObject,
  ports: Pick<Ports, 'kube'>,
  judge?: Pick<ConflictJudge, 'decide'>,
  stray?: Readonly<Record<string, unknown>>,
  races = 0,
): Promise<void> {
  const entries = migrateManagedFields(
    listAt(live, 'metadata', 'managedFields'),
    (manager) => judge?.decide(manager) !== 'refuse',
    stray,
  );
  const { resourceVersion } = live.metadata;
  if (!entries || !resourceVersion) return;
  try {
    await ports.kube.patch(refOf(live), 'json', [
      { op: 'replace', path: '/metadata/managedFields', value: entries },
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
    ]);
  } catch (error) {
    if (!(error instanceof KubeStatusError && [409, 422].includes(error.status))) throw error;
    // Somebody wrote in between, a controller its status: what is there now is claimed. In the end the apply that follows decides.
    const now = races < mostRaces ? await ports.kube.get(refOf(live)) : undefined;
    if (now) await claimFields(now, ports, judge, stray, races + 1);
  }
}

/** The entries after the hand-over, ours as the last; undefined where there is nothing to hand over. `stray` are fields of nobody that become ours too. */
export function migrateManagedFields(
  entries: readonly unknown[],
  mayTake: (manager: string) => boolean = () => true,
  stray: Readonly<Record<string, unknown>> = {},
): readonly unknown[] | undefined {
  const old = entries.filter(
    (entry) =>
      clientSide.has(textAt(entry, 'manager')) &&
      mayTake(textAt(entry, 'manager')) &&
      textAt(entry, 'operation') === 'Update' &&
      textAt(entry, 'subresource') === '',
  );
  const ours = entries.find(
    (entry) =>
      textAt(entry, 'manager') === fieldManager &&
      textAt(entry, 'operation') === 'Apply' &&
      textAt(entry, 'subresource') === '',
  );
  const target = ours ?? old[0];
  if (!target || (old.length === 0 && Object.keys(stray).length === 0)) return undefined;
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
    fieldsV1: [...sets, stray].reduce(unite, {}),
  };
  return [...entries.filter((entry) => entry !== ours && !old.includes(entry)), merged];
}
