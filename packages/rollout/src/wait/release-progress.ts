import { type Ports, tagProgress } from '@zakenak/core';

/** The same context; what it tells is told as part of the release. */
export function aboutRelease<C extends { readonly ports: Pick<Ports, 'progress'> }>(
  release: string,
  context: C,
): C {
  const { ports } = context;
  return { ...context, ports: { ...ports, progress: tagProgress(ports.progress, { release }) } };
}

/** Tells one more of `total` parts each time it is called. */
export function createTally(
  stage: string,
  subject: string,
  total: number,
  { ports }: { readonly ports: Pick<Ports, 'progress'> },
): () => void {
  let done = 0;
  return () => {
    done += 1;
    ports.progress.emit({ stage, subject, state: 'waiting', count: { done, total } });
  };
}

/** The first `count` of many, without a look at the others. */
export function firstOf<T>(items: Iterable<T>, count: number): readonly T[] {
  const found: T[] = [];
  for (const item of items) {
    if (found.length === count) break;
    found.push(item);
  }
  return found;
}
