import { badChart } from './errors.ts';
import { readKubernetesYaml } from './kubernetes-yaml.ts';

/** Every file of a chart by its path in the chart, as helm sees them; packed subcharts are files. */
export type ChartContents = ReadonlyMap<string, Uint8Array>;

/** An entry of `dependencies`; what is not there is ''. */
export interface Dependency {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
  readonly alias: string;
}

/** Chart.yaml, Chart.lock, requirements.yaml or requirements.lock. */
export interface ChartFile {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly Dependency[];
  /** All of it; every scalar is text: `version: 1.10` is not 1.1. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Reads one of them, an empty one where there is none. Throws ZakenakError `helm/bad-chart`. */
export function readChartFile(chart: string, file: string, contents: ChartContents): ChartFile {
  const text = Buffer.from(contents.get(file) ?? []).toString('utf8');
  let fields: ChartFile['fields'];
  try {
    fields = asRecord(readKubernetesYaml(text, { scalars: 'text' }).documents[0]);
  } catch (thrown) {
    throw badChart(chart, `${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const list = Array.isArray(fields['dependencies']) ? fields['dependencies'] : [];
  const dependencies = list.map(asRecord).map((entry) => ({
    name: asText(entry['name']),
    version: asText(entry['version']),
    repository: asText(entry['repository']),
    alias: asText(entry['alias']),
  }));
  return { name: asText(fields['name']), version: asText(fields['version']), dependencies, fields };
}

/** Where a chart lists its dependencies and locks them: charts of apiVersion v1 have files of their own for that, which helm reads after the others (helm: pkg/chart/v2/loader/load.go). */
export function dependencyFiles(contents: ChartContents): { readonly list: string; readonly lock: string } {
  return {
    list: contents.has('requirements.yaml') ? 'requirements.yaml' : 'Chart.yaml',
    lock: contents.has('requirements.lock') ? 'requirements.lock' : 'Chart.lock',
  };
}

/** The dependencies of a chart. Throws ZakenakError `helm/bad-chart`. */
export function readDependencies(chart: string, contents: ChartContents): readonly Dependency[] {
  return readChartFile(chart, dependencyFiles(contents).list, contents).dependencies;
}

/** The file that lists the dependencies with other versions in its entries, by their place in the list. */
export async function writeVersions(
  contents: ChartContents,
  versions: ReadonlyMap<number, string>,
): Promise<Uint8Array> {
  // Few charts need it: no start waits for it.
  const { isMap, parseDocument } = await import('yaml');
  const text = Buffer.from(contents.get(dependencyFiles(contents).list) ?? []).toString('utf8');
  const document = parseDocument(text, { schema: 'failsafe', logLevel: 'silent' });
  for (const [index, version] of versions)
    if (isMap(document.getIn(['dependencies', index], true)))
      document.setIn(['dependencies', index, 'version'], version);
  return Buffer.from(document.toString());
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
