import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { isMadeByOthers } from '../fields/field-writer.ts';
import { type Owner, ownerOf, sameOwner } from '../fields/ownership.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { textAt } from '../objects/json.ts';
import { keyOf, refOf } from '../objects/object.ts';
import { getIfServed } from '../objects/presence.ts';
import { recordedObjects } from '../render/from-record.ts';
import type { HelmHistory } from '../state/helm-record.ts';
import { newest } from '../state/helm-storage.ts';
import type { PreparedObject } from './dry-run.ts';

/** The objects of the deployed revision by their keys, read when they are first asked for; what did not change is not read again. */
export function deployedObjects(
  rendered: { readonly manifest: string; readonly objects: readonly KubeObject[] },
  history: HelmHistory,
  kinds: Kinds,
): () => ReadonlyMap<string, KubeObject> {
  const read = (): readonly KubeObject[] => {
    const release = newest(history, 'deployed')?.release();
    if (release?.manifest === rendered.manifest) return rendered.objects;
    return release ? recordedObjects(release, kinds) : [];
  };
  let objects: ReadonlyMap<string, KubeObject> | undefined;
  return () => {
    objects ??= new Map(read().map((object) => [keyOf(refOf(object)), object]));
    return objects;
  };
}

/**
 * What earlier revisions hold: the deployed one and all that came after it, since an interrupted or failed revision may have left objects too. Revisions with the very
 * manifest `known` are left out.
 */
export function formerObjects(history: HelmHistory, kinds: Kinds, known?: string): readonly KubeObject[] {
  const from = newest(history, 'deployed')?.version ?? 0;
  const objects = new Map<string, KubeObject>();
  for (const record of history.filter(({ version }) => version >= from)) {
    const release = record.release();
    if (known !== undefined && release.manifest === known) continue;
    for (const object of recordedObjects(release, kinds)) objects.set(keyOf(refOf(object)), object);
  }
  return [...objects.values()];
}

/** From when on what a release that goes holds is its own: what is older was there before it, and stays. Times of the API server's clock. */
export interface Since {
  /** When its install was first tried, of one that only ever failed. */
  readonly triedSince?: string;
  /** When it was first deployed, of one that goes as if it had never been there. */
  readonly cameAt?: string;
}

/** That alone of what holds it. */
export function sinceOf({ triedSince, cameAt }: { readonly [K in keyof Since]?: string | undefined }): Since {
  return {
    ...(triedSince === undefined ? {} : { triedSince }),
    ...(cameAt === undefined ? {} : { cameAt }),
  };
}

/**
 * Plans the removal of objects that an earlier revision held and this one does not, where they still are ours. What is of a kind that is no longer served is gone. What is older than
 * `owner` tells stays.
 */
export async function planPrune(
  stale: readonly KubeObject[],
  owner: Owner & Since,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal?: AbortSignal,
): Promise<readonly PreparedObject[]> {
  const plans = stale.map(async (object): Promise<PreparedObject | undefined> => {
    const ref = refOf(object);
    try {
      const live = await getIfServed(ref, ports, signal);
      const of = live && ownerOf(live);
      if (!live || live.metadata.deletionTimestamp || (of && !sameOwner(of, owner))) return undefined;
      const stays = reasonToStay(object, live, owner);
      const planned = stays
        ? { action: 'keep' as const, reason: stays }
        : { action: 'delete' as const, reason: 'the release no longer has it' };
      const uid = live.metadata.uid ? { uid: live.metadata.uid } : {};
      return { planned: { ref, ...planned, ...uid, diff: [], conflicts: [] }, live, former: object };
    } catch (error) {
      if (!(error instanceof KubeStatusError)) throw error;
      const reason = ports.redactor.redact(error.message);
      return { planned: { ref, action: 'unknown', reason, diff: [], conflicts: [] } };
    }
  });
  return (await Promise.all(plans)).filter((plan) => plan !== undefined);
}

function reasonToStay(
  object: KubeObject,
  live: KubeObject,
  { triedSince, cameAt }: Since,
): string | undefined {
  if (isToStay(object) || isToStay(live)) return 'annotated helm.sh/resource-policy: keep';
  if (!ownerOf(live) && isMadeByOthers(live)) return 'somebody else made it';
  // Whole seconds of the API server's clock, the record's too, which was written first.
  const madeAt = textAt(live, 'metadata', 'creationTimestamp');
  if (triedSince !== undefined && madeAt < triedSince) return 'it was there before the install that failed';
  return cameAt !== undefined && madeAt < cameAt ? 'it was there before the release' : undefined;
}

/** True for what outlives its release, as with Helm. */
export function isToStay({ metadata }: KubeObject): boolean {
  return metadata.annotations?.['helm.sh/resource-policy'] === 'keep';
}

/** True for what lives of a release of the plan and is wanted by none: it is pruned. */
export function leavingOf(
  releases: readonly (Owner & { readonly objects: readonly KubeObject[] })[],
): (live: KubeObject) => boolean {
  const wanted = new Set(releases.flatMap(({ objects }) => objects.map((object) => keyOf(refOf(object)))));
  return (live) => {
    const owner = ownerOf(live);
    const isOurs = owner !== undefined && releases.some((release) => sameOwner(release, owner));
    return isOurs && !wanted.has(keyOf(refOf(live))) && !isToStay(live);
  };
}
