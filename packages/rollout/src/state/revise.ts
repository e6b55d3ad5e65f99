import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';

const tries = 4;

/** Writes an object made from the one that is there, undefined for none; made anew where somebody else wrote in between. One read and one write; throws KubeStatusError. */
export async function reviseObject(
  ref: KubeRef,
  make: (live: KubeObject | undefined) => KubeObject,
  { kube }: Pick<Ports, 'kube'>,
): Promise<void> {
  for (let left = tries; ; left--) {
    const live = await kube.get(ref);
    const { metadata, ...rest } = make(live);
    const { resourceVersion } = live?.metadata ?? {};
    const object = { ...rest, metadata: { ...metadata, ...(resourceVersion ? { resourceVersion } : {}) } };
    try {
      await (live ? kube.replace(object) : kube.create(object));
      return;
    } catch (error) {
      if (!(error instanceof KubeStatusError && error.status === 409) || left <= 1) throw error;
    }
  }
}
