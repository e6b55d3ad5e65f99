import { createLimiter, type KubeObject, type Ports } from '@zakenak/core';
import { createLiveObjects } from '../fields/live-objects.ts';
import type { Tolerance } from '../fields/tolerance.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { learnFromObjects } from '../objects/learn-secrets.ts';
import { refOf } from '../objects/object.ts';
import { readTolerance } from '../policy/drift-policy.ts';
import type { DriftSettings } from '../policy/drift-rules.ts';
import { renderFromRecord } from '../render/from-record.ts';
import { learnFromKept, learnFromRelease } from '../render/learn-releases.ts';
import type { RenderedRelease } from '../render/rendered.ts';
import { defaultTimeoutMs, type ReleaseRequest } from '../request.ts';
import type { HelmHistory, HelmRecord } from '../state/helm-record.ts';
import { newest } from '../state/helm-storage.ts';
import { compareObject, type ObjectDrift } from './drift.ts';

/** A release as it was deployed, and how each of its objects stands now. */
export interface ComparedRelease {
  readonly rendered: RenderedRelease;
  readonly history: HelmHistory;
  readonly objects: readonly ObjectDrift[];
  readonly tolerance: Tolerance;
}

/**
 * The releases of a set as Helm's records say they were deployed. Those without a deployed revision are absent, and those whose record is damaged where `onDamage` is
 * given; else that is thrown.
 */
export function deployedReleases(
  releases: readonly Pick<ReleaseRequest, 'name' | 'needs' | 'timeoutMs'>[],
  histories: ReadonlyMap<string, HelmHistory>,
  kinds: Kinds,
  onDamage?: (record: HelmRecord, thrown: unknown) => void,
): readonly { readonly rendered: RenderedRelease; readonly history: HelmHistory }[] {
  const found = releases.flatMap(({ name, needs = [], timeoutMs = defaultTimeoutMs }) => {
    const history = histories.get(name) ?? [];
    const record = newest(history, 'deployed');
    if (!record) return [];
    try {
      return [{ rendered: renderFromRecord(record, kinds, { needs, timeoutMs }), history }];
    } catch (error) {
      if (!onDamage) throw error;
      onDamage(record, error);
      return [];
    }
  });
  const names = new Set(found.map(({ rendered }) => rendered.name));
  return found.map(({ rendered, history }) => ({
    rendered: { ...rendered, needs: rendered.needs.filter((need) => names.has(need)) },
    history,
  }));
}

// As planning does: reads and dry runs are cheap for the server, and one client must not fill its queue.
const parallelRequests = 32;

/** Compares every object of the releases with the cluster. */
export async function compareReleases(
  releases: ReturnType<typeof deployedReleases>,
  settings: DriftSettings,
  kinds: Kinds,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal?: AbortSignal,
): Promise<readonly ComparedRelease[]> {
  const everything = releases.flatMap(({ rendered }) => rendered.objects);
  const tolerance = await readTolerance(settings, everything, kinds, ports, signal);
  // Their values may stand in arguments and variables that differ.
  for (const { rendered, history } of releases) {
    learnFromRelease(rendered, ports.redactor);
    learnFromKept(history, ports.redactor);
  }
  const live = createLiveObjects(everything.map(refOf), ports);
  const limit = createLimiter(parallelRequests);
  const compare = (owner: RenderedRelease, tolerance: Tolerance) => (object: KubeObject) =>
    limit(() => compareObject(object, { owner, kinds, tolerance, live }, ports, signal));
  const compared = await Promise.all(
    releases.map(async ({ rendered, history }) => ({
      rendered,
      history,
      tolerance,
      objects: await Promise.all(rendered.objects.map(compare(rendered, tolerance))),
    })),
  );
  for (const { rendered, objects } of compared)
    learnFromObjects(
      objects.flatMap(({ live }) => live ?? []),
      ports.redactor,
      [rendered.name, rendered.namespace],
    );
  return compared;
}

/** The worst of the objects: one that could not be compared makes the whole unknown. */
export function worstDrift(objects: readonly ObjectDrift[]): ObjectDrift['state'] {
  const has = (state: ObjectDrift['state']): boolean => objects.some((object) => object.state === state);
  return has('unknown') ? 'unknown' : has('drifted') ? 'drifted' : 'in-sync';
}
