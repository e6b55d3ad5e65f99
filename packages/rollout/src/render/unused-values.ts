import { createFinding, type Finding } from '@zakenak/core';
import type { ReleaseRequest, ValuesLayer } from '../request.ts';
import { lineOf, type ReadValuesFile } from './values.ts';

type SharedLayer = Extract<ValuesLayer, { readonly releases: readonly string[] }>;

/**
 * The keys of files for several releases that are no release's, as after one was renamed: nobody is deployed with these values. What holds an anchor, or is called `x-…`, `_…` or `.…`, is there to be used by others.
 * `read` hands out what the releases' values were read from. Throws what it throws.
 */
export async function findUnusedValues(
  releases: readonly Pick<ReleaseRequest, 'values'>[],
  read: ReadValuesFile,
): Promise<readonly Finding[]> {
  const shared = releases.flatMap(({ values = [] }) => values.filter(isShared));
  const layers = new Map(shared.map((layer) => [layer.file, layer]));
  const found = await Promise.all(
    [...layers.values()].map(async (layer) => {
      const { text = '', values = {} } = (await read(layer)) ?? {};
      const { file, releases } = layer;
      const known = new Set(['global', 'sops', ...releases]);
      return Object.keys(values)
        .filter((key) => !known.has(key))
        .map((key) => ({ key, line: lineOf(key, text) }))
        .filter(({ key, line }) => !/^(x-|[._])/.test(key) && !isAnchor(text, line))
        .map(({ key, line }) => unusedValues(file, line, key));
    }),
  );
  return found.flat();
}

function isShared(layer: ValuesLayer): layer is SharedLayer {
  return 'releases' in layer;
}

function isAnchor(text: string, line: number): boolean {
  return /:\s+&/.test(text.split('\n')[line - 1] ?? '');
}

function unusedValues(path: string, line: number, key: string): Finding {
  return createFinding({
    ruleId: 'rollout/unused-values',
    severity: 'medium',
    message: `There is no release '${key}': nothing is deployed with the values under that key.`,
    location: { path, startLine: line },
    identity: key,
    remedy: `Give the key the name of the release that is meant (a renamed one has its chart's defaults now), or remove it; values to share go under x-${key}.`,
    tool: 'zakenak',
  });
}
