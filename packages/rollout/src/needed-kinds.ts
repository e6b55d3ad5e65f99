import type { KubeObject, KubeResource } from '@zakenak/core';
import { definedKinds } from './kinds.ts';

/** A kind by its two names. */
export type ServedKind = Pick<KubeResource, 'apiVersion' | 'kind'>;

/** What is asked of a rendering here. */
interface Rendering {
  readonly release: { readonly name: string; readonly needs?: readonly string[] };
  /** Whether it can ask which kinds the cluster serves. */
  readonly asks: boolean;
  readonly crds: readonly KubeObject[];
  readonly documents: readonly { readonly object: KubeObject }[];
}

/**
 * A release comes after those that it needs, so it is rendered for a cluster that serves the kinds that they define: by the cluster as it is now a first deploy would leave out what the second one
 * would bring. `renderings` in the order of their needs.
 */
export async function withNeededKinds<R extends Rendering>(
  renderings: readonly R[],
  resources: readonly ServedKind[],
  renderAgain: (release: R['release'], kinds: readonly ServedKind[]) => Promise<R>,
): Promise<readonly R[]> {
  const nameOf = ({ apiVersion, kind }: ServedKind): string => `${apiVersion}/${kind}`;
  const served = new Set(resources.map(nameOf));
  const brought = new Map<string, readonly ServedKind[]>();
  const done: R[] = [];
  for (const first of renderings) {
    const { name, needs = [] } = first.release;
    const needed = needs.flatMap((need) => brought.get(need) ?? []);
    const rendering = needed.length > 0 && first.asks ? await renderAgain(first.release, needed) : first;
    const objects = [...rendering.crds, ...rendering.documents.map(({ object }) => object)];
    const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    const own = definedKinds(definitions).filter((kind) => !served.has(nameOf(kind)));
    brought.set(name, [...needed, ...own]);
    done.push(rendering);
  }
  return done;
}
