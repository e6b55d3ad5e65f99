import type { KubeObject } from '@zakenak/core';
import { type Document, LineCounter, parseAllDocuments } from 'yaml';
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

// Against exponential expansion; a plain anchor may be used this often.
const mostAliases = 10_000;
// What aliases repeat is written out again wherever it goes: to helm, into a record, to the server.
const mostExpanded = 64 * 1024 * 1024;

/**
 * Reads YAML as kubectl does: `0644` is 420, `yes` is true, dates are text (yaml-tags.ts). Throws ZakenakError `rollout/bad-yaml` with the position.
 */
export function parseYaml(text: string, path: string, options: ReadOptions = {}): readonly unknown[] {
  const { repeatedKeys = 'refuse', largeNumbers = 'refuse', linesBefore = 0 } = options;
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    uniqueKeys: repeatedKeys === 'refuse',
    customTags: kubernetesTags(largeNumbers === 'refuse'),
    lineCounter: lines,
    logLevel: 'error',
    prettyErrors: false,
  });
  if (!Array.isArray(documents)) return [];
  return (documents as readonly Document[]).map((document) => {
    const [error] = document.errors;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw badYaml(`${path}:${line + linesBefore}:${col}`, error.message);
    }
    try {
      const value = plain(document.toJS({ maxAliasCount: mostAliases, mapAsMap: true }), new Map());
      if (text.includes('*') && expandedSize(value, new Map()) > mostExpanded)
        throw new Error('its aliases make it larger than 64 MiB');
      return value;
    } catch (thrown) {
      throw badYaml(
        `${path}:${1 + linesBefore}:1`,
        thrown instanceof Error ? thrown.message : String(thrown),
      );
    }
  });
}

/** Maps as JSON objects, with kubectl's keys. What an alias repeats stays one object. */
function plain(value: unknown, done: Map<unknown, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const former = done.get(value);
  if (former !== undefined) return former;
  if (Array.isArray(value)) {
    const list = value.map((item) => plain(item, done));
    done.set(value, list);
    return list;
  }
  if (!(value instanceof Map)) return value;
  const entries = [...value].map(([key, item]): readonly [string, unknown] => {
    if (key === null || typeof key === 'object') throw new Error('a key is text, a number or a boolean');
    return [String(key), plain(item, done)];
  });
  const record = Object.fromEntries(entries);
  done.set(value, record);
  return record;
}

/** About how many characters a value takes when what aliases repeat is written out. */
function expandedSize(value: unknown, known: Map<unknown, number>): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  const former = known.get(value);
  if (former !== undefined) return former;
  const size = Object.entries(value).reduce(
    (total, [key, part]) => total + key.length + expandedSize(part, known),
    0,
  );
  known.set(value, size);
  return size;
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
