import { nearest, type Ports, ZakenakError } from '@zakenak/core';
import { badYaml, sopsFailed } from '../errors.ts';
import { isRecord, valueAt } from '../objects/json.ts';
import { parseYaml } from '../objects/manifest.ts';
import type { ValuesLayer } from '../request.ts';
import { missingFile } from './missing-file.ts';
import { decryptValues, isEncrypted, lostMetadata, type SopsPorts } from './sops.ts';

type Values = Readonly<Record<string, unknown>>;

/** The ports that reading values reaches. */
export type ValuesPorts = Pick<Ports, 'files'> & SopsPorts;

/** A values file. */
interface ValuesFile {
  readonly text: string;
  /** Decrypted. */
  readonly values: Values;
}

type FileLayer = Exclude<ValuesLayer, ImageLayer | { readonly values: unknown }>;

/** Reads a values file; undefined where it is not there and need not be. */
export type ReadValuesFile = (layer: FileLayer) => Promise<ValuesFile | undefined>;

/** Each file is read, parsed and decrypted once for all that ask. Throws what `readValues` throws of a file. */
export function createValuesFiles(ports: ValuesPorts, signal?: AbortSignal): ReadValuesFile {
  const read = new Map<string, Promise<ValuesFile>>();
  return async (layer) => {
    const path = await ports.files.resolve(layer.file);
    const isOptional = 'optional' in layer && layer.optional === true;
    if (isOptional && !(await ports.files.stat(path))) return undefined;
    const known = read.get(path) ?? readFile({ ...layer, path }, ports, signal);
    read.set(path, known);
    return known;
  };
}

/** What reading values takes besides. */
interface ValuesOptions {
  /** The chart's own, which tell how it takes an image. */
  readonly defaults?: Values;
  /** Where several releases are read: by what they share. */
  readonly read?: ReadValuesFile;
}

/**
 * Reads and merges layers as helm merges `-f` files: maps are merged, everything else is replaced, null stays to remove a chart's default. Files that SOPS encrypted are decrypted.
 * Throws ZakenakError `rollout/missing-file`, `rollout/bad-yaml`, also for a misspelt release in an environment's file, and what decrypting throws.
 */
export async function readValues(
  layers: readonly ValuesLayer[],
  ports: ValuesPorts,
  signal?: AbortSignal,
  { defaults = {}, read = createValuesFiles(ports, signal) }: ValuesOptions = {},
): Promise<Values> {
  let merged: Values = {};
  for (const layer of layers) {
    const over = 'image' in layer ? placeImage(layer, [merged, defaults]) : await readLayer(layer, read);
    merged = mergeValues(merged, over);
  }
  return merged;
}

/** As the chart takes an image: charts have it as text, or as a map. */
function placeImage({ image, valuesPath }: ImageLayer, below: readonly Values[]): Values {
  const path = valuesPath.split('.');
  const former = below.map((values) => valueAt(values, ...path)).find((value) => value !== undefined);
  const { repository, digest } = image;
  return nest(typeof former === 'string' ? `${repository}@${digest}` : { repository, digest }, valuesPath);
}

type ImageLayer = Extract<ValuesLayer, { readonly image: unknown }>;

/** `over` on top of `base`. A key may be anything, `__proto__` too: it is a key like another, as for helm. */
export function mergeValues(base: Values, over: Values): Values {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const former = merged.get(key);
    merged.set(key, isRecord(former) && isRecord(value) ? mergeValues(former, value) : value);
  }
  return Object.fromEntries(merged);
}

async function readLayer(layer: Exclude<ValuesLayer, ImageLayer>, read: ReadValuesFile): Promise<Values> {
  if ('values' in layer) return layer.values;
  const found = await read(layer);
  if (!found) return {};
  const { values, text } = found;
  if ('release' in layer) {
    const slip = findSlip(values, layer.releases);
    if (slip)
      throw badYaml(
        `${layer.file}:${lineOf(slip.key, text)}:1`,
        `there is no release '${slip.key}'; did you mean '${slip.near}'?`,
      );
    return partOf(values, layer);
  }
  return 'targetPath' in layer && layer.targetPath ? nest(values, layer.targetPath) : values;
}

/**
 * A key like the name of a release that has no key of its own: that release would get its chart's defaults. What else is no release may be one that left, or a person's anchors.
 */
function findSlip(
  values: Values,
  releases: readonly string[],
): { readonly key: string; readonly near: string } | undefined {
  const keys = Object.keys(values);
  const without = releases.filter((name) => !keys.includes(name));
  for (const key of keys) {
    const near = key === 'global' || releases.includes(key) ? undefined : nearest(key, without);
    // Short names are near to many others.
    if (near !== undefined && near[0] === key[0]) return { key, near };
  }
  return undefined;
}

/** The line of a key at the top of a YAML file, from 1. */
export function lineOf(key: string, text: string): number {
  const names = [`${key}:`, `"${key}":`, `'${key}':`];
  const found = text.split('\n').findIndex((line) => names.some((name) => line.startsWith(name)));
  return found < 0 ? 1 : found + 1;
}

/** What a file for several releases holds for one of them. */
function partOf(
  values: Values,
  { file, release }: { readonly file: string; readonly release: string },
): Values {
  const { global, [release]: own } = values;
  if (own !== undefined && own !== null && !isRecord(own))
    throw badYaml(`${file}:1:1`, `the values of ${release} are a map of keys`);
  return mergeValues(isRecord(global) ? { global } : {}, own ?? {});
}

function nest(value: unknown, path: string): Values {
  return path
    .split('.')
    .reverse()
    .reduce<unknown>((inner, key) => ({ [key]: inner }), value) as Values;
}

async function readFile(
  { file, path, namedBy = '' }: { readonly file: string; readonly path: string; readonly namedBy?: string },
  ports: ValuesPorts,
  signal?: AbortSignal,
): Promise<ValuesFile> {
  const text = await ports.files.readText(path).catch(async (thrown: unknown) => {
    const isMissing = thrown instanceof ZakenakError && thrown.code === 'files/not-found';
    throw isMissing ? await missingFile({ file, path, namedBy }, ports) : thrown;
  });
  const [values] = parseYaml(text, file);
  if (values === undefined || values === null) return { text, values: {} };
  if (!isRecord(values)) throw badYaml(`${file}:1:1`, 'values are a map of keys');
  if (lostMetadata(values)) throw sopsFailed(file, 'its metadata (the key sops) is missing or damaged.');
  if (!isEncrypted(values)) return { text, values };
  return { text, values: await decryptValues({ file, text, encrypted: values }, ports, signal) };
}
