import type { Location, Ports } from '@zakenak/core';
import { type ChartSources, openSource } from './chart-sources.ts';
import {
  indexKeys,
  type KeyIndex,
  locateKey,
  locateKind,
  locateOccurrence,
  valuesWrittenAt,
} from './key-index.ts';
import type { Rendered } from './manifests.ts';
import { createValuesReader, findValue } from './place.ts';
import type { ValuesSet } from './values-set.ts';

/** A field of a rendered object. */
interface Field {
  /** From the document's top. */
  readonly path: readonly (string | number)[];
  /** What the finding is shown at: the field's own key, or another one near it. */
  readonly key: string;
  /** Where the key's value begins in the rendered text, where that is known. */
  readonly offset?: number;
}

/**
 * The template that an object came from, at the line that writes the field; where `toYaml` wrote it, the key of the values; where neither is found the line of what it is
 * in, or the one that begins the object's kind.
 */
export type PlaceObject = (
  rendered: Rendered,
  values: ValuesSet | undefined,
  field?: Field,
) => Promise<Location>;

/** Places the objects of one chart; each template and each object is read once, however much is found in it. */
export function createPlacer(sources: ChartSources, ports: Pick<Ports, 'files'>): PlaceObject {
  const templates = new Map<string, Promise<{ readonly location: Location; readonly index: KeyIndex }>>();
  const objects = new WeakMap<Rendered, KeyIndex>();
  const readValues = createValuesReader(ports);
  const open = async (source: string) => {
    const { location, text } = await openSource(sources, source.slice(source.indexOf('/') + 1), ports);
    return { location, index: indexKeys(text) };
  };
  return async (rendered, values, field) => {
    const opening = templates.get(rendered.source) ?? open(rendered.source);
    templates.set(rendered.source, opening);
    const { location, index } = await opening;
    const { kind, source } = rendered;
    const at = (startLine: number | undefined): Location => ({
      ...location,
      ...(startLine ? { startLine } : {}),
    });
    if (field === undefined) return at(locateKind(index, kind));
    const { offset, key, path } = field;
    const own = objects.get(rendered) ?? indexKeys(rendered.text);
    objects.set(rendered, own);
    const locate = (name: string): number | undefined =>
      offset === undefined
        ? locateKey(index, kind, name)
        : locateOccurrence(index, own, { kind, key: name, offset });
    for (const [depth, name] of [[path.length, key] as const, ...[...path.entries()].reverse()]) {
      const line = typeof name === 'string' ? locate(name) : undefined;
      if (line === undefined) continue;
      const base = valuesWrittenAt(index, line);
      if (!base) return at(line);
      const below = path.slice(depth + 1).filter((part) => typeof part === 'string');
      const found = await findValue([...subchartsOf(source), ...base, ...below], sources, values, readValues);
      return found?.isWhole ? found.location : at(line);
    }
    return at(locateKind(index, kind));
  };
}

/** Under whose names the parent's values hold those of a template's chart: `web/charts/db/templates/a.yaml` has `db`. */
function subchartsOf(source: string): readonly string[] {
  const [inside = ''] = source.split('/templates/');
  return [...inside.matchAll(/\/charts\/([^/]+)/g)].map(([, name = '']) => name);
}
