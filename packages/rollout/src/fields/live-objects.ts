import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { keyOf } from '../objects/object.ts';
import { managedBy } from './ownership.ts';

/** The cluster's side of a plan, read with as few requests as it takes. */
export interface LiveObjects {
  /**
   * The object as it lives. Undefined where it does not exist, and also for one that no release owns: those are not looked for one by one where many objects of a
   * kind were listed at once.
   */
  find(ref: KubeRef, signal?: AbortSignal): Promise<KubeObject | undefined>;
}

// From here on one LIST costs less than the GETs.
const fewest = 3;

type Group = Pick<KubeRef, 'apiVersion' | 'kind' | 'namespace'>;

/** Reads the objects of a kind and namespace together where the refs name at least three of them, else one by one. Nothing is asked before `find` is. */
export function createLiveObjects(refs: readonly KubeRef[], { kube }: Pick<Ports, 'kube'>): LiveObjects {
  const counts = new Map<string, number>();
  for (const ref of refs) counts.set(groupId(ref), (counts.get(groupId(ref)) ?? 0) + 1);
  const lists = new Map<string, Promise<ReadonlyMap<string, KubeObject> | undefined>>();
  const listOf = (ref: KubeRef, signal?: AbortSignal) => {
    const id = groupId(ref);
    const list = lists.get(id) ?? listOwned(ref, kube, signal);
    lists.set(id, list);
    return list;
  };
  return {
    async find(ref, signal) {
      const list = (counts.get(groupId(ref)) ?? 0) < fewest ? undefined : await listOf(ref, signal);
      return list ? list.get(keyOf(ref)) : kube.get(ref, signal);
    },
  };
}

/** Every object of the kind that Helm or we own; undefined where the account may only read single ones. */
async function listOwned(
  { apiVersion, kind, namespace }: Group,
  kube: Ports['kube'],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, KubeObject> | undefined> {
  const place = namespace === undefined ? {} : { namespace };
  const selector = { apiVersion, kind, ...place, labelSelector: `${managedBy}=Helm` };
  try {
    const { items } = await kube.list(selector, signal);
    const name = ({ metadata }: KubeObject): string =>
      keyOf({ apiVersion, kind, ...place, name: metadata.name });
    return new Map(items.map((item) => [name(item), item]));
  } catch (error) {
    if (error instanceof KubeStatusError && [403, 405].includes(error.status)) return undefined;
    throw error;
  }
}

function groupId({ apiVersion, kind, namespace }: Group): string {
  return `${apiVersion}/${kind}/${namespace ?? ''}`;
}
