import type { KubeObject } from '@zakenak/core';
import { constructFromEvents, EVENT_ID, type Event, parseEvents, type Schema, YAMLException } from 'js-yaml';
import { badYaml } from './errors.ts';
import { isRecord, listAt } from './json.ts';
import { isKubeObject } from './object.ts';
import { kubernetesTags } from './yaml-tags.ts';

/** One document of a rendered text. */
export interface ManifestDocument {
  /** The template or file it came from: `chart/templates/service.yaml`. */
  readonly source: string;
  /** The text, without separator. */
  readonly text: string;
  readonly object: KubeObject;
}

/** How a text is read. */
export interface ReadOptions {
  /** `refuse` (where nothing is said): a repeated key is an error. `last`: the last one holds, as for kubectl and Helm. */
  readonly repeatedKeys?: 'refuse' | 'last';
  /** `refuse` (where nothing is said): an integer over 2^53, which JavaScript cannot hold, is an error. `round`: it loses its last digits. */
  readonly largeNumbers?: 'refuse' | 'round';
  /** Lines before the text in its file. */
  readonly linesBefore?: number;
}

// What aliases repeat is written out again wherever it goes: to helm, into a record, to the server.
const mostExpanded = 64 * 1024 * 1024;
const deepest = 1_000;

const exactTags = kubernetesTags(true);
const roundingTags = kubernetesTags(false);

/**
 * Reads YAML as kubectl does: `0644` is 420, `yes` is true, dates are text (yaml-tags.ts). Throws ZakenakError `rollout/bad-yaml` with the position.
 */
export function parseYaml(text: string, path: string, options: ReadOptions = {}): readonly unknown[] {
  const { repeatedKeys = 'refuse', largeNumbers = 'refuse', linesBefore = 0 } = options;
  const schema = largeNumbers === 'refuse' ? exactTags : roundingTags;
  const reading: Reading = { source: text, shape: withoutTabs(text), events: [], moved: new Map() };
  try {
    readEvents(reading);
    const { source, events } = reading;
    const documents = constructFromEvents(events, { source, schema, json: repeatedKeys === 'last' });
    if (text.includes('*')) for (const value of documents) checkAliases(value);
    return documents;
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const { line, column } = thrown.mark ?? placeOfScalar(reading, schema) ?? { line: 0, column: 0 };
    const place = `${line + 1 + linesBefore}:${column + 1 - (reading.moved.get(line) ?? 0)}`;
    throw badYaml(`${path}:${place}`, thrown.reason);
  }
}

/** A text on its way to values. */
interface Reading {
  source: string;
  /** The same as it is taken apart: see withoutTabs. */
  shape: string;
  events: Event[];
  /** Spaces put before a line, by its number from 0. */
  readonly moved: Map<number, number>;
}

/**
 * Spaces in place of the tabs that do not indent: between tokens they mean the same, but the reader trips over one before a bracket; what stands within a text is taken from the
 * source itself. Tabs after an indicator of a list stay, which Go's reader refuses.
 */
function withoutTabs(text: string): string {
  if (!text.includes('\t')) return text;
  const replace = (_line: string, lead: string, rest: string): string => lead + rest.replaceAll('\t', ' ');
  return text.replace(/^([\t ]*(?:[-?][\t ]+)*)(.*)$/gm, replace);
}

const step = ' '.repeat(256);
const mostRead = 64 * 1024 * 1024;

/**
 * Go's reader lets the lines within brackets and quotes begin where they like (`]` below the key is in many charts), the one here wants them indented: it is given them so, for
 * where such a line begins means nothing. Throws YAMLException.
 */
function readEvents(reading: Reading): void {
  for (let read = 0; ; ) {
    read += reading.shape.length;
    try {
      reading.events = parseEvents(reading.shape, { maxDepth: deepest });
      return;
    } catch (thrown) {
      const isMovable = thrown instanceof YAMLException && thrown.reason === 'deficient indentation';
      if (!isMovable || !thrown.mark || read > mostRead) throw thrown;
      const { line, column, position } = thrown.mark;
      const moved = reading.moved.get(line) ?? 0;
      if (moved > 2 * step.length) throw thrown;
      const indent = (text: string): string =>
        text.slice(0, position - column) + step + text.slice(position - column);
      reading.source = indent(reading.source);
      reading.shape = indent(reading.shape);
      reading.moved.set(line, moved + step.length);
    }
  }
}

/** Where the first scalar stands that its tag refuses: it is not told where it is. */
function placeOfScalar(
  { events, source }: Reading,
  schema: Schema,
): { readonly line: number; readonly column: number } | undefined {
  for (const event of events) {
    if (event.type !== EVENT_ID.SCALAR) continue;
    try {
      const document = { type: EVENT_ID.DOCUMENT, explicitStart: false, explicitEnd: false, directives: [] };
      constructFromEvents([document, event, { type: EVENT_ID.POP }], { source, schema });
    } catch {
      const lines = source.slice(0, event.valueStart).split('\n');
      return { line: lines.length - 1, column: lines.at(-1)?.length ?? 0 };
    }
  }
  return undefined;
}

/** Against exponential expansion: kubectl's own measure (go-yaml v2: decode.go), and what one document may come to. Throws YAMLException. */
function checkAliases(value: unknown): void {
  const sizes = new Map<unknown, Size>();
  const { nodes, characters } = sizeOf(value, sizes);
  const single =
    1 + [...sizes.keys()].reduce<number>((sum, part) => sum + Object.keys(part as object).length, 0);
  const repeated = nodes - single;
  const share = Math.min(0.99, Math.max(0.1, 0.99 - (0.89 * (nodes - 400_000)) / 3_600_000));
  if (repeated > 100 && nodes > 1_000 && repeated / nodes > share)
    throw new YAMLException('it consists of aliases almost wholly');
  if (characters > mostExpanded) throw new YAMLException('its aliases make it larger than 64 MiB');
}

interface Size {
  readonly nodes: number;
  readonly characters: number;
}

/** What a value comes to when everything that aliases repeat is written out. */
function sizeOf(value: unknown, known: Map<unknown, Size>): Size {
  if (typeof value === 'string') return { nodes: 1, characters: value.length };
  if (typeof value !== 'object' || value === null) return { nodes: 1, characters: 1 };
  const former = known.get(value);
  if (former) return former;
  let [nodes, characters] = [1, 0];
  for (const [key, part] of Object.entries(value)) {
    const size = sizeOf(part, known);
    nodes += size.nodes;
    characters += key.length + size.characters;
  }
  known.set(value, { nodes, characters });
  return { nodes, characters };
}

/**
 * Splits a text at its `---` lines and reads each document; empty ones are dropped and Lists opened. `# Source:` comments name the origin; positions are
 * lines of the file, or of the rendered document where there is such a comment. A repeated key counts as kubectl and Helm count it: the last one holds.
 * Throws ZakenakError `rollout/bad-yaml`, also for a document that is no Kubernetes object.
 */
export function parseManifests(text: string, path: string): readonly ManifestDocument[] {
  return splitDocuments(text).flatMap(({ part, linesBefore }) => {
    const rendered = /^# Source: (.+)$/m.exec(part)?.[1]?.trim();
    const source = rendered ?? path;
    const before = rendered === undefined ? linesBefore : 0;
    const [lead = ''] = /^(?:[ \t]*(?:#.*)?\r?\n)*/.exec(part) ?? [];
    const position = `${source}:${before + lead.split('\n').length}:1`;
    return parseYaml(part, source, { linesBefore: before, repeatedKeys: 'last' })
      .filter((value) => value !== null && value !== undefined)
      .flatMap((value) => openList(value, position).map((object) => ({ source, text: part.trim(), object })));
  });
}

/** The texts between `---` lines, without a byte order mark. */
function splitDocuments(text: string): readonly { readonly part: string; readonly linesBefore: number }[] {
  const parts: { part: string; linesBefore: number }[] = [];
  let linesBefore = 0;
  for (const part of text.replace(/^\uFEFF/, '').split(/^---(?:[ \t].*)?\r?$/m)) {
    if (part.trim() !== '') parts.push({ part, linesBefore });
    linesBefore += part.split('\n').length - 1;
  }
  return parts;
}

/** The objects of a `List` or a list of one kind, whose items may leave that kind out (apimachinery: unstructured/helpers.go). */
function openList(value: unknown, position: string): readonly KubeObject[] {
  const kind = isRecord(value) && typeof value['kind'] === 'string' ? value['kind'] : '';
  if (isRecord(value) && kind.endsWith('List') && value['items'] !== undefined) {
    const inherited = kind === 'List' ? {} : { apiVersion: value['apiVersion'], kind: kind.slice(0, -4) };
    return listAt(value, 'items').flatMap((item) =>
      openList(isRecord(item) ? { ...inherited, ...item } : item, position),
    );
  }
  if (!isKubeObject(value))
    throw badYaml(position, 'this is no Kubernetes object: apiVersion, kind and metadata.name are needed');
  return [value];
}
