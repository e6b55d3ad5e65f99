import type { Ports } from '@zakenak/core';
import { badYaml } from './errors.ts';
import { isRecord } from './json.ts';
import { parseYaml } from './manifest.ts';
import type { ValuesLayer } from './request.ts';

type Values = Readonly<Record<string, unknown>>;

/** Reads and merges layers as helm merges `-f` files: maps are merged, everything else is replaced, null stays to remove a chart's default. */
export async function readValues(
  layers: readonly ValuesLayer[],
  ports: Pick<Ports, 'files'>,
): Promise<Values> {
  let merged: Values = {};
  for (const layer of layers) {
    merged = mergeValues(merged, await readLayer(layer, ports));
  }
  return merged;
}

/** `over` on top of `base`. */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const former = merged[key];
    merged[key] = isRecord(former) && isRecord(value) ? mergeValues(former, value) : value;
  }
  return merged;
}

async function readLayer(layer: ValuesLayer, ports: Pick<Ports, 'files'>): Promise<Values> {
  if ('values' in layer) return layer.values;
  const values = await readFile(layer.file, ports);
  if (!('release' in layer)) return values;
  const { global, [layer.release]: own } = values;
  if (own !== undefined && own !== null && !isRecord(own))
    throw badYaml(`${layer.file}:1:1`, `the values of ${layer.release} are a map of keys`);
  return { ...(isRecord(global) ? { global } : {}), ...own };
}

async function readFile(file: string, ports: Pick<Ports, 'files'>): Promise<Values> {
  const text = await ports.files.readText(await ports.files.resolve(file));
  const [values] = parseYaml(text, file);
  if (values === undefined || values === null) return {};
  if (!isRecord(values)) throw badYaml(`${file}:1:1`, 'values are a map of keys');
  return values;
}
