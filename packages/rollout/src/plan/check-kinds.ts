import type { KubeRef, Ports } from '@zakenak/core';
import { unknownKinds } from '../errors.ts';
import { describe, groupOf, placeObject, refOf } from '../objects/object.ts';
import { type HookEvent, hookObject, hooksFor } from '../render/hook.ts';
import type { PreparedRelease, PreparedRollout } from './prepared.ts';

/**
 * Refuses a plan with objects or hooks of kinds that the cluster does not serve and the set does not define. Asks the cluster nothing that is not known already.
 * Throws ZakenakError `rollout/unknown-kind`, which names all of them, and `kube/unavailable-api`.
 */
export async function checkKinds(
  { releases, rendered: { kinds } }: Pick<PreparedRollout, 'releases' | 'rendered'>,
  { kube }: Pick<Ports, 'kube'>,
): Promise<void> {
  const missing = new Map<string, { readonly ref: KubeRef; readonly objects: string[] }>();
  for (const release of releases) {
    const objects = release.planned.objects.filter(({ action }) => action === 'unknown');
    for (const ref of [...objects.map(({ ref }) => ref), ...hookRefs(release)]) {
      if (kinds.find(ref)) continue;
      const kind = `${ref.apiVersion} ${ref.kind}`;
      const known = missing.get(kind) ?? { ref, objects: [] };
      known.objects.push(`${release.planned.name}: ${describe(ref)}`);
      missing.set(kind, known);
    }
  }
  if (missing.size === 0) return;
  const silent = await kube.unavailableApis();
  for (const { ref } of missing.values()) if (silent.includes(ref.apiVersion)) await kube.get(ref);
  const served = await kube.resources();
  throw unknownKinds(
    [...missing.values()].map(({ ref: { apiVersion, kind }, objects }) => {
      const alike = served.filter(
        (other) => other.kind === kind && groupOf(other.apiVersion) === groupOf(apiVersion),
      );
      return { apiVersion, kind, objects, elsewhere: alike.map((other) => other.apiVersion) };
    }),
  );
}

/** The objects of the hooks that a release's plan runs. */
function hookRefs({ rendered, planned }: PreparedRelease): readonly KubeRef[] {
  const events = new Set(planned.hooks.map(({ event }) => event as HookEvent));
  const hooks = new Set([...events].flatMap((event) => hooksFor(rendered.hooks, event)));
  return [...hooks].flatMap((hook) => {
    const object = hookObject(hook);
    return object ? [refOf(placeObject(object, rendered.namespace, { namespaced: true }))] : [];
  });
}
