import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { readHistories, removedByLabel, setLabel, standing } from './helm-storage.ts';

/** A release that an earlier rollout of the set deployed and the set no longer has. */
export interface Orphan {
  readonly name: string;
  readonly namespace: string;
  /** Where the set has a release of the same name now: both are called alike, and a deploy does not remove this one. */
  readonly movedTo?: string;
}

type Place = Pick<Orphan, 'name' | 'namespace'>;
type Set = { readonly set: string; readonly releases: readonly Place[] };

/**
 * Finds them by the set's label on Helm's records, in the whole cluster, or in the set's namespaces where the account may see no more. Only releases of which
 * something is there count: deployed, of a removal that did not end, or of an install that failed and was kept.
 */
export async function findOrphans(
  set: Set,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly Orphan[]> {
  const records = await listRecords(set, 'status in (deployed,uninstalling,failed)', ports, signal);
  const left = placesOf(records, set);
  const certain = new Map(
    records
      .filter(({ metadata }) => metadata.labels?.['status'] !== 'failed')
      .map((record) => [keyOf(placeOf(record)), record] as const),
  );
  const failed = left.filter((place) => !certain.has(keyOf(place)));
  const stands = await Promise.all(
    failed.map(async (place) => {
      const histories = await readHistories([place], ports, signal);
      return standing(histories.get(place.name) ?? []) ? [keyOf(place)] : [];
    }),
  );
  const there = new Set([...certain.keys(), ...stands.flat()]);
  const namespaces = new Map(set.releases.map(({ name, namespace }) => [name, namespace]));
  return left
    .filter((place) => there.has(keyOf(place)))
    .map((place) => {
      const movedTo = namespaces.get(place.name);
      return { ...place, ...(movedTo === undefined ? {} : { movedTo }) };
    });
}

/** Releases that were removed, and that the set does not have. */
interface Removed {
  /** By a rollout, which is known. */
  readonly removed: readonly Place[];
  /** By Helm, or by a Zakenak that did not note which rollout it was. */
  readonly unclear: readonly Place[];
}

/** Finds them by Helm's records, which are kept. One whose name the set has elsewhere is left out, and of two of a name the one that went last. */
export async function findRemoved(
  set: Set,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Removed> {
  const records = await listRecords(set, 'status in (uninstalled,uninstalling)', ports, signal);
  const noted = ({ metadata }: KubeObject): boolean => metadata.labels?.[removedByLabel] !== undefined;
  const names = new Set(set.releases.map(({ name }) => name));
  const placesIn = (some: readonly KubeObject[]): readonly Place[] => {
    const inTurn = some.toSorted((a, b) => wentAt(a) - wentAt(b));
    const latest = new Map(inTurn.map((record) => [placeOf(record).name, record]));
    return placesOf([...latest.values()], set).filter(({ name }) => !names.has(name));
  };
  const removed = placesIn(records.filter(noted));
  const known = new Set(removed.map(({ name }) => name));
  return { removed, unclear: placesIn(records).filter(({ name }) => !known.has(name)) };
}

async function listRecords(
  { set, releases }: Set,
  selector: string,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly KubeObject[]> {
  const labelSelector = `owner=helm,${selector},${setLabel}=${set}`;
  const secrets = { apiVersion: 'v1', kind: 'Secret', labelSelector };
  const list = async (namespace?: string): Promise<readonly KubeObject[]> =>
    (await ports.kube.list({ ...secrets, ...(namespace ? { namespace } : {}) }, signal)).items;
  const namespaces = [...new Set(releases.map(({ namespace }) => namespace))];
  return requestOf('Looking for releases that left the set', () =>
    list().catch(async (error: unknown) => {
      if (!(error instanceof KubeStatusError && error.status === 403)) throw error;
      return (await Promise.all(namespaces.map(list))).flat();
    }),
  );
}

/** Releases of records that the set does not have, each once, by name. */
function placesOf(records: readonly KubeObject[], { releases }: Set): readonly Place[] {
  const here = new Set(releases.map(keyOf));
  const places = new Map(records.map(placeOf).map((place) => [keyOf(place), place]));
  return [...places.values()]
    .filter((place) => place.name !== '' && !here.has(keyOf(place)))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function placeOf({ metadata }: KubeObject): Place {
  return { name: metadata.labels?.['name'] ?? '', namespace: metadata.namespace ?? '' };
}

/** When a release went, in seconds, by its record. */
function wentAt({ metadata }: KubeObject): number {
  return Number(metadata.labels?.['modifiedAt']) || 0;
}

function keyOf({ name, namespace }: Place): string {
  return `${name}/${namespace}`;
}
