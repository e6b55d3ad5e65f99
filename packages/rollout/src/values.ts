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
    merged = mergeValues(merged, 'values' in layer ? layer.values : await readLayer(layer.file, ports));
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

async function readLayer(file: string, ports: Pick<Ports, 'files'>): Promise<Values> {
  const text = await ports.files.readText(await ports.files.resolve(file));
  const [values] = parseYaml(text, file);
  if (values === undefined || values === null) return {};
  if (!isRecord(values)) throw badYaml(`${file}:1:1`, 'values are a map of keys');
  return values;
}
