import { type KubeObject, type KubeRef, type Ports, ZakenakError } from '@zakenak/core';

/** Waits until none of the objects exists any more, at most `timeoutMs`; false where some still do. */
export async function waitGone(
  refs: readonly KubeRef[],
  timeoutMs: number,
  context: { readonly ports: Pick<Ports, 'kube' | 'clock'>; readonly signal: AbortSignal },
): Promise<boolean> {
  const deadline = context.ports.clock.monotonicMs() + timeoutMs;
  let left = refs;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const found = await Promise.all(left.map((ref) => getIfServed(ref, context.ports)));
    left = left.filter((_, index) => found[index] !== undefined);
    if (left.length === 0) return true;
    if (context.ports.clock.monotonicMs() >= deadline) return false;
    await context.ports.clock.sleep(pauseMs, context.signal);
  }
}

/** The object, or undefined where it or its very kind does not exist. */
export async function getIfServed(
  ref: KubeRef,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await ports.kube.get(ref, signal);
  } catch (error) {
    if (error instanceof ZakenakError && error.code === 'kube/unknown-kind') return undefined;
    throw error;
  }
}
