import { firstFew, type Ports } from '@zakenak/core';
import { definedKinds } from '../kinds/kinds.ts';
import { describe, groupOf } from '../objects/object.ts';
import type { JournalRelease } from '../state/journal-shape.ts';

const mostNamed = 5;

/**
 * Kinds of what was there before a rollout that the cluster has no more, in whichever version, and that no definition brings back that is put back itself: their objects went with a definition that somebody
 * deleted. A kind whose own server does not answer counts as there.
 */
export async function findLostKinds(
  releases: readonly Pick<JournalRelease, 'baseline'>[],
  { kube }: Pick<Ports, 'kube'>,
): Promise<ReadonlySet<string>> {
  const before = releases.flatMap(({ baseline }) => baseline.flatMap((object) => object.before ?? []));
  const sought = new Set(before.map(kindOf));
  for (const { kind, apiVersion } of await kube.resources()) sought.delete(kindOf({ kind, apiVersion }));
  const comesBack = definedKinds(before.filter(({ kind }) => kind === 'CustomResourceDefinition'));
  for (const kind of comesBack) sought.delete(kindOf(kind));
  if (sought.size === 0) return sought;
  const silent = new Set((await kube.unavailableApis()).map(groupOf));
  return new Set(
    before
      .filter((object) => sought.has(kindOf(object)) && !silent.has(groupOf(object.apiVersion)))
      .map(kindOf),
  );
}

/** The release without what went with its definition. */
export function withoutLostKinds<T extends Pick<JournalRelease, 'baseline'>>(
  release: T,
  lost: ReadonlySet<string>,
): T {
  return {
    ...release,
    baseline: release.baseline.filter(({ ref, before }) => !before || !lost.has(kindOf(ref))),
  };
}

/** What of the releases is lost with its kind. */
export function lostObjects(
  releases: readonly Pick<JournalRelease, 'baseline'>[],
  lost: ReadonlySet<string>,
): readonly string[] {
  return releases
    .flatMap(({ baseline }) => baseline)
    .filter(({ ref, before }) => before && lost.has(kindOf(ref)))
    .map(({ ref }) => describe(ref))
    .sort();
}

/** What is told of them, as a sentence. */
export function describeLostObjects(objects: readonly string[]): string {
  const [does, kind] = objects.length === 1 ? ['does', 'kind'] : ['do', 'kinds'];
  return `${firstFew(objects, mostNamed)} ${does} not come back: somebody deleted the definition of the ${kind}; everything else is as it was before.`;
}

function kindOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string {
  return `${groupOf(apiVersion)} ${kind}`;
}
