import { createLimiter, type KubeObject, type Ports } from '@zakenak/core';
import { createKinds } from '../kinds/kinds.ts';
import { learnFromObjects } from '../objects/learn-secrets.ts';
import { keyOf, refOf } from '../objects/object.ts';
import { readTolerance } from '../policy/drift-policy.ts';
import { mindingHeld } from '../policy/held-rules.ts';
import type { RenderedRelease } from '../render/rendered.ts';
import type { TransactionOptions } from '../request.ts';
import { readHistories } from '../state/helm-storage.ts';
import { compareReleases, deployedReleases } from './compare-releases.ts';
import type { CorrectionRequest } from './correction.ts';
import { compareObject, type ObjectDrift } from './drift.ts';

/** An object of the set, whose it is and how it stands. */
export interface WatchedObject {
  readonly owner: RenderedRelease;
  readonly drift: ObjectDrift;
}

/** A set as it was deployed, and how each of its objects stood when it was last compared. */
export interface WatchedSet {
  readonly objects: ReadonlyMap<string, WatchedObject>;
  /** resourceVersions of Helm's records, by key: another one tells of a deploy. */
  readonly records: ReadonlyMap<string, string>;
  /** Compares the named objects again, each with a GET and a dry run at most; returns those of the set. */
  check(keys: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}

const parallelRequests = 32;

/** Reads what is deployed, and compares all of it. */
export async function readWatchedSet(
  request: CorrectionRequest & TransactionOptions,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal: AbortSignal,
): Promise<WatchedSet> {
  const { drift } = mindingHeld(request, ports);
  const [histories, resources] = await Promise.all([
    readHistories(request.releases, ports, signal),
    ports.kube.resources(),
  ]);
  const kinds = createKinds(resources, []);
  const deployed = deployedReleases(request.releases, histories, kinds);
  const compared = await compareReleases(deployed, drift, kinds, ports, signal);
  const objects = new Map<string, WatchedObject>();
  for (const { rendered, objects: drifts } of compared)
    for (const drift of drifts) objects.set(keyOf(drift.ref), { owner: rendered, drift });
  const limit = createLimiter(parallelRequests);
  const checkOne = async (
    key: string,
    tolerance: Awaited<ReturnType<typeof readTolerance>>,
  ): Promise<void> => {
    const watched = objects.get(key);
    if (!watched) return;
    const { owner, drift } = watched;
    const context = { owner, kinds, tolerance, live: { find: async () => undefined } };
    const seen = await limit(() => compareObject(drift.desired, context, ports, signal));
    learnFromObjects(seen.live ? [seen.live] : [], ports.redactor, [owner.name, owner.namespace]);
    objects.set(key, { owner, drift: seen });
  };
  const records = [...histories.values()].flat().map(({ secret }) => secret);
  return {
    objects,
    records: new Map(records.map((secret) => [keyOf(refOf(secret)), secret.metadata.resourceVersion ?? ''])),
    async check(keys, signal) {
      const known = keys.filter((key) => objects.has(key));
      const desired: KubeObject[] = known.flatMap((key) => objects.get(key)?.drift.desired ?? []);
      const tolerance = await readTolerance(drift, desired, kinds, ports, signal);
      await Promise.all(known.map((key) => checkOne(key, tolerance)));
      return known;
    },
  };
}

/** What the watched objects are, release by release, in the order of their names. */
export function byRelease(objects: ReadonlyMap<string, WatchedObject>) {
  const releases = new Map<string, ObjectDrift[]>();
  for (const { owner, drift } of objects.values())
    releases.set(owner.name, [...(releases.get(owner.name) ?? []), drift]);
  return [...releases].map(([name, drifts]) => ({
    rendered: { name },
    objects: drifts.toSorted((a, b) => (keyOf(refOf(a.desired)) < keyOf(refOf(b.desired)) ? -1 : 1)),
  }));
}
