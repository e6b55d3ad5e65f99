import type { KubeObject } from '@zakenak/core';
import { KubernetesYamlError, type KubernetesYamlOptions, openList, readKubernetesYaml } from '@zakenak/helm';
import { badYaml } from '../errors.ts';
import { isRecord, recordAt, textAt } from './json.ts';
import { isKubeObject } from './object.ts';

/** One document of a rendered text. */
export interface ManifestDocument {
  /** The template or file it came from: `chart/templates/service.yaml`. */
  readonly source: string;
  /** The text, without separator. */
  readonly text: string;
  readonly object: KubeObject;
}

/** How a text is read. */
export interface ReadOptions extends KubernetesYamlOptions {
  /** Lines before the text in its file. */
  readonly linesBefore?: number;
}

/** Reads YAML as kubectl does. Throws ZakenakError `rollout/bad-yaml` with the position. */
export function parseYaml(
  text: string,
  path: string,
  { linesBefore = 0, ...options }: ReadOptions = {},
): readonly unknown[] {
  try {
    return readKubernetesYaml(text, options).documents;
  } catch (thrown) {
    if (!(thrown instanceof KubernetesYamlError)) throw thrown;
    throw badYaml(`${path}:${thrown.line + linesBefore}:${thrown.column}`, thrown.message);
  }
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
      .flatMap((list) => openList(list).map(({ value, path }) => ({ value: ofHook(list, value), path })))
      .map(({ value, path: inList }) => {
        const object = asObject(value, position);
        // What is one of a List's items stands for itself: the List's text begins with another.
        return { source, text: inList.length > 0 ? JSON.stringify(object) : ownText(part), object };
      });
  });
}

/** An item of a List that is a hook: Helm looks at the List alone, and runs all its items (helm: pkg/release/v1/util/manifest_sorter.go). */
function ofHook(list: unknown, item: unknown): unknown {
  const all = Object.entries(recordAt(list, 'metadata', 'annotations'));
  if (list === item || !isRecord(item) || !all.some(([key]) => key === 'helm.sh/hook')) return item;
  const hook = Object.fromEntries(all.filter(([key]) => key.startsWith('helm.sh/hook')));
  const annotations = { ...recordAt(item, 'metadata', 'annotations'), ...hook };
  return { ...item, metadata: { ...recordAt(item, 'metadata'), annotations } };
}

/** Without the empty lines around it, but with everything that means something: the first line's indentation, and in what a text block at the end ends. */
function ownText(part: string): string {
  const text = part.replace(/^(?:[ \t]*\r?\n)+/, '');
  return /[|>]/.test(text) ? text.replace(/\r?\n$/, '') : text.replace(/(?<![ \t\r\n])[ \t\r\n]+$/, '');
}

/** The texts between `---` lines, without a byte order mark. */
function splitDocuments(text: string): readonly { readonly part: string; readonly linesBefore: number }[] {
  const parts: { part: string; linesBefore: number }[] = [];
  let linesBefore = 0;
  for (const part of text.replace(/^\uFEFF/, '').split(/^---(?:[ \t]+(?:#.*)?)?\r?$|^---(?=[ \t]+[^\s#])/m)) {
    if (part.trim() !== '') parts.push({ part, linesBefore });
    linesBefore += part.split('\n').length - 1;
  }
  return parts;
}

function asObject(value: unknown, position: string): KubeObject {
  if (isKubeObject(value)) return value;
  const generated =
    textAt(value, 'metadata', 'generateName') === '' ? '' : '; what generateName names, no Helm finds again';
  throw badYaml(
    position,
    `this is no Kubernetes object: apiVersion, kind and metadata.name are needed${generated}`,
  );
}
