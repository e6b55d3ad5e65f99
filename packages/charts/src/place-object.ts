import type { Location, Ports } from '@zakenak/core';
import { type ChartSources, openSource } from './chart-sources.ts';
import { indexKeys, type KeyIndex, locateKey, locateOccurrence } from './key-index.ts';
import type { Rendered } from './manifests.ts';

/** The template that an object came from, at the line that begins its kind or, where it is found, writes `key`; `offset` is where the key's value begins in the rendered text. */
export type PlaceObject = (
  rendered: Rendered,
  at?: { readonly key: string; readonly offset?: number },
) => Promise<Location>;

/** Places the objects of one chart; each template and each object is read once, however much is found in it. */
export function createPlacer(sources: ChartSources, ports: Pick<Ports, 'files'>): PlaceObject {
  const templates = new Map<string, Promise<{ readonly location: Location; readonly index: KeyIndex }>>();
  const objects = new WeakMap<Rendered, KeyIndex>();
  const open = async (source: string) => {
    const { location, text } = await openSource(sources, source.slice(source.indexOf('/') + 1), ports);
    return { location, index: indexKeys(text) };
  };
  return async (rendered, at) => {
    const opening = templates.get(rendered.source) ?? open(rendered.source);
    templates.set(rendered.source, opening);
    const { location, index } = await opening;
    const { kind } = rendered;
    let line: number | undefined;
    if (at?.offset === undefined) line = locateKey(index, kind, at?.key);
    else {
      const own = objects.get(rendered) ?? indexKeys(rendered.text);
      objects.set(rendered, own);
      line = locateOccurrence(index, own, { kind, key: at.key, offset: at.offset });
    }
    return { ...location, ...(line ? { startLine: line } : {}) };
  };
}
