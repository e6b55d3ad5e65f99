import type { KubeObject } from '@zakenak/core';
import {
  type Document,
  type DocumentOptions,
  LineCounter,
  type ParseOptions,
  parseAllDocuments,
  type SchemaOptions,
  type ToJSOptions,
} from 'yaml';
import { badYaml } from './errors.ts';
import { isRecord } from './json.ts';
import { isKubeObject } from './object.ts';

/** One document of a rendered text. */
export interface ManifestDocument {
  /** The template or file it came from: `chart/templates/service.yaml`. */
  readonly source: string;
  /** The text, without separator. */
  readonly text: string;
  readonly object: KubeObject;
}

// kubectl reads YAML 1.1 through go-yaml v2: octals and yes/no as in 1.1, but dates and base 60 numbers stay text.
const kubernetesYaml: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  uniqueKeys: true,
  customTags: (tags) =>
    tags.filter(
      (tag) =>
        typeof tag === 'string' ||
        !(tag.tag.endsWith(':timestamp') || ('format' in tag && tag.format === 'TIME')),
    ),
};
const expansion: ToJSOptions = { maxAliasCount: 100 };

/** Reads YAML as kubectl does: `0644` is 420, `yes` is true, a repeated key is an error. Throws ZakenakError `rollout/bad-yaml` with the position. */
export function parseYaml(text: string, path: string): readonly unknown[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...kubernetesYaml, lineCounter: lines });
  if (!Array.isArray(documents)) return [];
  return (documents as readonly Document[]).map((document) => {
    const [error] = document.errors;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw badYaml(`${path}:${line}:${col}`, error.message.split('\n')[0] ?? error.message);
    }
    try {
      return document.toJS(expansion) as unknown;
    } catch (thrown) {
      throw badYaml(`${path}:1:1`, thrown instanceof Error ? thrown.message : String(thrown));
    }
  });
}

/**
 * Splits a text at its `---` lines and reads each document; empty ones are dropped and Lists opened. `# Source:` comments name the origin.
 * Throws ZakenakError `rollout/bad-yaml`, also for a document that is no Kubernetes object.
 */
export function parseManifests(text: string, path: string): readonly ManifestDocument[] {
  return splitDocuments(text).flatMap((part) => {
    const source = /^# Source: (.+)$/m.exec(part)?.[1]?.trim() ?? path;
    return parseYaml(part, source)
      .filter((value) => value !== null && value !== undefined)
      .flatMap((value) => openList(value, source).map((object) => ({ source, text: part.trim(), object })));
  });
}

/** The texts between `---` lines. */
function splitDocuments(text: string): readonly string[] {
  return text.split(/^---(?:[ \t].*)?\r?$/m).filter((part) => part.trim() !== '');
}

function openList(value: unknown, source: string): readonly KubeObject[] {
  if (isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items']))
    return value['items'].flatMap((item) => openList(item, source));
  if (!isKubeObject(value))
    throw badYaml(
      `${source}:1:1`,
      'this is no Kubernetes object: apiVersion, kind and metadata.name are needed',
    );
  return [value];
}
