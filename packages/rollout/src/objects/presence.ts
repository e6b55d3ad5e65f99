import type { KubeObject, KubeRef, Ports } from '@zakenak/core';
import { isSilentApi, isUnserved } from './unserved.ts';

/** Waits until none of the objects exists any more, at most `timeoutMs`; false where some still do. */
export async function waitGone(
  refs: readonly KubeRef[],
  timeoutMs: number,
  context: { readonly ports: Pick<Ports, 'kube' | 'clock'>; readonly signal: AbortSignal },
): Promise<boolean> {
  const deadline = context.ports.clock.monotonicMs() + timeoutMs;
  let left = refs;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const isThere = await Promise.all(left.map((ref) => mayBeThere(ref, context.ports)));
    left = left.filter((_, index) => isThere[index]);
    if (left.length === 0) return true;
    if (context.ports.clock.monotonicMs() >= deadline) return false;
    await context.ports.clock.sleep(pauseMs, context.signal);
  }
}

/** What cannot be asked for just now counts as there. */
async function mayBeThere(ref: KubeRef, ports: Pick<Ports, 'kube'>): Promise<boolean> {
  try {
    return (await getIfServed(ref, ports)) !== undefined;
  } catch (error) {
    if (isSilentApi(error)) return true;
    throw error;
  }
}

/** The object, or undefined where it or its very kind does not exist. Throws `kube/unavailable-api` where that is not known. */
export async function getIfServed(
  ref: KubeRef,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await ports.kube.get(ref, signal);
  } catch (error) {
    if (isUnserved(error)) return undefined;
    throw error;
  }
}
