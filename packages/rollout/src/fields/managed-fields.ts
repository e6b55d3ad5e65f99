import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { isRecord, listAt, recordAt, textAt } from '../objects/json.ts';
import { refOf } from '../objects/object.ts';
import type { ConflictJudge } from './conflict.ts';
import { leavingFields } from './foreign-fields.ts';
import { fieldManager, ownerOf } from './ownership.ts';
import { strayFields, unite, without } from './server-fields.ts';

const mostRaces = 5;
const clientSide = new Set(['helm', 'kubectl-client-side-apply', 'before-first-apply']);

/** What is to become of an object whose fields are handed over. */
export interface Claim {
  /** What is about to be applied. */
  readonly desired?: KubeObject | undefined;
  /** What the release held of it until now. */
  readonly former?: KubeObject | undefined;
  /** From whom the project takes nothing (`deploy.conflicts`), nothing is taken here either. */
  readonly judge?: Pick<ConflictJudge, 'decide'> | undefined;
}

/**
 * Hands the fields that client-side tools wrote over to our manager, as client-go's csaupgrade does, and those that have to go although others hold them, or nobody. Without it a field that
 * leaves the manifest would stay in the object, still owned by the old entry. Writes only where there is something to hand over.
 */
export async function claimFields(
  live: KubeObject,
  ports: Pick<Ports, 'kube'>,
  claim: Claim = {},
  races = 0,
): Promise<void> {
  const { desired } = claim;
  const entries = claimedEntries(live, claim, desired && strayFields(desired, live));
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
    if (now) await claimFields(now, ports, claim, races + 1);
  }
}

/** managedFields after the hand-over, ours as the last; undefined where there is nothing to hand over. kubectl's fields of a release's object are a person's: drift, not an upgrade. `stray` are fields of nobody that become ours too. */
export function claimedEntries(
  live: KubeObject,
  { desired, former, judge }: Claim,
  stray?: Fields,
): readonly unknown[] | undefined {
  const mayTake = (manager: string): boolean =>
    (manager === fieldManager || ownerOf(live) === undefined) && judge?.decide(manager) !== 'refuse';
  const leaving = desired ? leavingFields(desired, live, former, judge) : new Map<unknown, Fields>();
  const entries = listAt(live, 'metadata', 'managedFields');
  if (leaving.size === 0) return migrateManagedFields(entries, mayTake, stray);
  const left = entries.flatMap((entry) => {
    const fieldsV1 = without(recordAt(entry, 'fieldsV1'), leaving.get(entry) ?? {});
    return Object.keys(fieldsV1).length > 0 ? [{ ...(entry as Fields), fieldsV1 }] : [];
  });
  return migrateManagedFields(left, mayTake, [...leaving.values()].reduce(unite, stray ?? {}));
}

type Fields = Readonly<Record<string, unknown>>;

/** The entries after the hand-over, ours as the last; undefined where there is nothing to hand over. `stray` become ours too. */
export function migrateManagedFields(
  entries: readonly unknown[],
  mayTake: (manager: string) => boolean = () => true,
  stray: Fields = {},
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
