import { createHash } from 'node:crypto';
import type { KubeObject } from '@zakenak/core';
import { ownedBy } from '../fields/ownership.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { canonicalJson, digestOf } from '../objects/json.ts';
import { placeObject } from '../objects/object.ts';
import type { HelmRecord } from '../state/helm-record.ts';
import { type HelmRelease, recordedManifests } from '../state/helm-release.ts';
import { askedFor } from '../state/helm-storage.ts';
import { inputsLabel } from '../state/inputs.ts';
import { isHook, openHooks } from './hook.ts';
import type { RenderedRelease } from './rendered.ts';

/**
 * A stored revision as if it had just been rendered: what a rollback goes back to, and what `status` compares the cluster with. Definitions of crds/ folders
 * are not part of it: Helm never puts them back.
 */
export function renderFromRecord(
  record: HelmRecord,
  kinds: Kinds,
  facts: Pick<RenderedRelease, 'needs' | 'timeoutMs'>,
): RenderedRelease {
  const release = record.release();
  const inputs = record.secret.metadata.labels?.[inputsLabel];
  const asked = askedFor(record);
  const manifest = release.manifest ?? '';
  const values = release.config ?? {};
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  return {
    name: release.name,
    namespace: release.namespace,
    ...facts,
    chart: release.chart,
    values,
    manifest,
    ...(inputs ? { inputs } : {}),
    ...(asked ? { asked } : {}),
    crds: [],
    objects: recordedObjects(release, kinds),
    hooks: openHooks(release.hooks ?? []),
    digests: {
      chart: digestOf(release.chart),
      values: sha256(canonicalJson(values)),
      manifest: sha256(manifest),
    },
  };
}

/** A stored revision that is to go: its hooks run, and nothing of its objects is wanted any more. */
export function renderRemoval(
  record: HelmRecord,
  kinds: Kinds,
  facts: Pick<RenderedRelease, 'needs' | 'timeoutMs'>,
): RenderedRelease {
  return { ...renderFromRecord(record, kinds, facts), objects: [], crds: [] };
}

/** The objects of a stored revision as they were applied: hooks left out, namespace and ownership filled in. */
export function recordedObjects(release: HelmRelease, kinds: Kinds): readonly KubeObject[] {
  return recordedManifests(release)
    .map(({ object }) => object)
    .filter((object) => !isHook(object))
    .map((object) => ownedBy(placeObject(object, release.namespace, kinds.find(object)), release));
}
