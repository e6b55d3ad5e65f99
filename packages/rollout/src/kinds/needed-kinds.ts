import type { KubeObject, KubeResource } from '@zakenak/core';
import type { GraphNode } from './graph.ts';
import { definedKinds } from './kinds.ts';

/** A kind by its two names. */
export type ServedKind = Pick<KubeResource, 'apiVersion' | 'kind'>;

/** The kinds that releases define for those that need them, while all are rendered. */
export interface NeededKinds {
  /** What the releases that this one needs define, directly or not, as soon as they are rendered. */
  of(release: GraphNode, signal?: AbortSignal): Promise<readonly ServedKind[]>;
  /** Tells what a release was rendered to. */
  settle(release: GraphNode, objects: readonly KubeObject[]): void;
}

/**
 * A release comes after those that it needs, so it is rendered for a cluster that serves the kinds that they define: by the cluster as it is now a first deploy would leave out what the second one
 * would bring, or refuse to be rendered. A release waits for none that comes later in the order of their needs.
 */
export function createNeededKinds(releases: readonly GraphNode[]): NeededKinds {
  const defined = new Map(
    releases.map(({ name }) => [name, Promise.withResolvers<readonly ServedKind[]>()] as const),
  );
  const needed = new Map<string, ReadonlySet<string>>();
  for (const { name, needs = [] } of releases)
    needed.set(name, new Set(needs.flatMap((need) => [need, ...(needed.get(need) ?? [])])));
  return {
    async of({ name }, signal) {
      const kinds = Promise.all(
        [...(needed.get(name) ?? [])].map((need) => defined.get(need)?.promise ?? []),
      );
      return (await orAborted(kinds, signal)).flat();
    },
    settle({ name }, objects) {
      const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
      defined.get(name)?.resolve(definedKinds(definitions));
    },
  };
}

/** A release that fails tells no kinds: those that wait for them are stopped. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
