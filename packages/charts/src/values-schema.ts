import { type ChartContents, withoutArchives } from '@zakenak/helm';

/** The dialects that helm knows by itself, `schema` alone is the newest (github.com/santhosh-tekuri/jsonschema). */
const dialects = /^https?:\/\/json-schema\.org\/(?:draft-0[467]\/|draft\/20(?:19-09|20-12)\/)?schema#?$/;

/**
 * What the values schemas of a chart and its subcharts would have helm fetch: references that lead out of the schema, to the network or to a file of this machine. By the path of the schema.
 * A schema that is no JSON is helm's to tell.
 */
export function findForeignReferences(chart: string, contents: ChartContents): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const isPacked = [...contents.keys()].some((path) => path.endsWith('.tgz'));
  for (const [path, bytes] of isPacked ? withoutArchives(chart, contents) : contents) {
    if (!/^(?:charts\/[^/]+\/)*values\.schema\.json$/.test(path)) continue;
    const reference = foreignReference(Buffer.from(bytes).toString('utf8'));
    if (reference !== undefined) found.set(path, reference);
  }
  return found;
}

function foreignReference(text: string): string | undefined {
  const referred: string[] = [];
  const own = new Set<string>();
  try {
    JSON.parse(text, (key, value: unknown) => {
      if (typeof value !== 'string') return value;
      if (key === '$id' || key === 'id') own.add(withoutFragment(value));
      if (key === '$schema' && !dialects.test(value)) referred.push(value);
      if (/^\$(?:ref|dynamicRef|recursiveRef)$/.test(key) && !value.startsWith('#')) referred.push(value);
      return value;
    });
  } catch {
    return undefined;
  }
  return referred.find((reference) => !own.has(withoutFragment(reference)));
}

function withoutFragment(reference: string): string {
  return reference.split('#')[0] ?? '';
}
