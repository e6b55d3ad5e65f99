import { countBefore } from '@zakenak/core';
import {
  constructFromEvents,
  EVENT_ID,
  type Event,
  FAILSAFE_SCHEMA,
  getScalarValue,
  parseEvents,
  type Schema,
  YAMLException,
} from 'js-yaml';
import { kubernetesTags } from './kubernetes-tags.ts';

/** How a text is read. */
export interface KubernetesYamlOptions {
  /** `refuse` (where nothing is said): a repeated key is an error. `last`: the last one holds, as for kubectl and Helm. */
  readonly repeatedKeys?: 'refuse' | 'last';
  /** `refuse` (where nothing is said): an integer over 2^53, which JavaScript cannot hold, is an error. `round`: it loses its last digits. */
  readonly largeNumbers?: 'refuse' | 'round';
  /** `typed` (where nothing is said), or `text`: every scalar is the text that is written, `1.10` is not 1.1. */
  readonly scalars?: 'typed' | 'text';
}

/** What was read. */
export interface KubernetesYaml {
  /** One value for each document, of JSON's types. */
  readonly documents: readonly unknown[];
  /** Where the value at a path of the first document is written, in UTF-16 units from the text's beginning; of one that is not written out the nearest that is. */
  offsetOf(path: readonly (string | number)[]): number;
}

/** A text that Kubernetes could not read either, or that would not be the same to us; counted from 1. */
export class KubernetesYamlError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(reason: string, { line, column }: { readonly line: number; readonly column: number }) {
    super(reason);
    this.line = line;
    this.column = column;
  }
}

// What aliases repeat is written out again wherever it goes: to helm, into a record, to the server.
const mostExpanded = 64 * 1024 * 1024;
const deepest = 1_000;

const exactTags = kubernetesTags(true);
const roundingTags = kubernetesTags(false);

/**
 * Reads YAML as kubectl and Helm do (sigs.k8s.io/yaml over go-yaml v2): `0644` is 420, `yes` is true, dates are text. Compared with kubectl in test/e2e/yaml.test.ts. Throws
 * KubernetesYamlError.
 */
export function readKubernetesYaml(
  text: string,
  { repeatedKeys = 'refuse', largeNumbers = 'refuse', scalars = 'typed' }: KubernetesYamlOptions = {},
): KubernetesYaml {
  const typed = largeNumbers === 'refuse' ? exactTags : roundingTags;
  const schema = scalars === 'text' ? FAILSAFE_SCHEMA : typed;
  const reading: Reading = { source: text, shape: withoutTabs(text), events: [], moved: new Map() };
  try {
    readEvents(reading);
    const { source, events } = reading;
    const documents = constructFromEvents(events, { source, schema, json: repeatedKeys === 'last' });
    if (text.includes('*')) for (const value of documents) checkAliases(value);
    return { documents, offsetOf: createOffsets(reading) };
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const { line, column } = thrown.mark ?? placeOfScalar(reading, schema) ?? { line: 0, column: 0 };
    const place = { line: line + 1, column: column + 1 - (reading.moved.get(line) ?? 0) };
    throw new KubernetesYamlError(thrown.reason, place);
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
 * source itself. Those after a list's indicator stay: Go's reader refuses them.
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

/** Follows a path through the events, of a repeated key by the last one. Every node's children are looked for once, however many paths lead through it. */
function createOffsets({ events, source, moved }: Reading): KubernetesYaml['offsetOf'] {
  const families = new Map<number, ReturnType<typeof childrenOf>>();
  const childOf = (at: number, step: string | number): number | undefined => {
    const family = families.get(at) ?? childrenOf(events, source, at);
    families.set(at, family);
    return family.get(step);
  };
  let lines: readonly number[] | undefined;
  return (path) => {
    let [at, offset] = [1, startOf(events[1]) ?? 0];
    for (const step of path) {
      const next = childOf(at, step);
      if (next === undefined) break;
      at = next;
      offset = startOf(events[at]) ?? offset;
    }
    if (moved.size === 0) return offset;
    lines ??= [...source.matchAll(/\r\n|\n|\r/g)].map(({ index, 0: end }) => index + end.length);
    const line = countBefore(lines, offset + 1);
    const added = [...moved].reduce((sum, [place, spaces]) => (place <= line ? sum + spaces : sum), 0);
    return offset - added;
  };
}

/** Undefined for a value that is nothing. */
function startOf(event: Event | undefined): number | undefined {
  if (!event) return undefined;
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart - 1;
  if (event.type === EVENT_ID.SCALAR) return event.valueStart < 0 ? undefined : event.valueStart;
  return 'start' in event ? event.start : undefined;
}

/** The indexes of a node's children: of a map's values by their keys, of a list's items by their numbers. */
function childrenOf(
  events: readonly Event[],
  source: string,
  at: number,
): ReadonlyMap<string | number, number> {
  const parent = events[at];
  const isMap = parent?.type === EVENT_ID.MAPPING;
  const found = new Map<string | number, number>();
  if (!isMap && parent?.type !== EVENT_ID.SEQUENCE) return found;
  for (let index = 0, next = at + 1; events[next] && events[next]?.type !== EVENT_ID.POP; index++) {
    const key = events[next];
    const value = isMap ? endOf(events, next) : next;
    found.set(isMap && key?.type === EVENT_ID.SCALAR ? getScalarValue(source, key) : index, value);
    next = endOf(events, value);
  }
  return found;
}

/** The index after a node and everything in it. */
function endOf(events: readonly Event[], at: number): number {
  let depth = 0;
  for (let next = at; next < events.length; next++) {
    const type = events[next]?.type;
    if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) depth += 1;
    else if (type === EVENT_ID.POP) depth -= 1;
    if (depth === 0) return next + 1;
  }
  return events.length;
}

/** One object of a document, and the path to it. */
export interface PlacedObject {
  readonly value: unknown;
  readonly path: readonly (string | number)[];
}

/** The objects of a `List` or a list of one kind, whose items may leave that kind out (apimachinery: unstructured/helpers.go); else the value itself. */
export function openList(value: unknown, path: PlacedObject['path'] = []): readonly PlacedObject[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ value, path }];
  const { apiVersion, kind, items } = value as { apiVersion?: unknown; kind?: unknown; items?: unknown };
  if (typeof kind !== 'string' || !kind.endsWith('List') || items === undefined) return [{ value, path }];
  const inherited = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -4) };
  return (Array.isArray(items) ? items : []).flatMap((item: unknown, index) => {
    const isMap = typeof item === 'object' && item !== null && !Array.isArray(item);
    return openList(isMap ? { ...inherited, ...item } : item, [...path, 'items', index]);
  });
}
