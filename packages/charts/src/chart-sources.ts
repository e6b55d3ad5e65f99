import { posix } from 'node:path';
import type { Location, Ports } from '@zakenak/core';
import { type ReadChart, readChartFile, readDependencies, type Subchart, subchartsOf } from '@zakenak/helm';
import type { Chart } from './chart.ts';
import { placeDependency } from './dependency-place.ts';
import { findForeignReferences } from './values-schema.ts';

/** A chart as helm sees it, and where its files lie in the repository. */
export interface ChartSources {
  readonly chart: Chart;
  /** A chart of `type: library`, which helm renders as a part of others only. */
  readonly isLibrary: boolean;
  /** Absolute: what helm is given. */
  readonly path: string;
  /** All files below `path`, so that no name that a template printed leads elsewhere. */
  readonly names: ReadonlySet<string>;
  /** Folders of the chart that lie elsewhere in the repository: `charts/common` is `libs/common`. */
  readonly origins: ReadonlyMap<string, string>;
  readonly subcharts: readonly Subchart[];
  /** Names of dependencies by what a template's path calls them. */
  readonly aliases: ReadonlyMap<string, string>;
  /** References of values schemas that lead out of them, by the schema's path in the chart: helm must not follow them. */
  readonly foreignReferences: ReadonlyMap<string, string>;
}

/** What places need of a chart that helm is given at `path`; its files' bytes are not kept. */
export function describeSources(chart: Chart, read: ReadChart, path: string): ChartSources {
  const { fields } = readChartFile(chart.folder, 'Chart.yaml', read.contents);
  const dependencies = readDependencies(chart.folder, read.contents);
  return {
    chart,
    isLibrary: fields['type'] === 'library',
    path,
    names: new Set(read.contents.keys()),
    origins: read.origins,
    subcharts: subchartsOf(chart.folder, read.contents),
    aliases: new Map(dependencies.map(({ name, alias }) => [alias || name, name])),
    foreignReferences: findForeignReferences(chart.folder, read.contents),
  };
}

/** A file of a chart: its place in the repository, and its text where a line can be told. */
export interface SourceFile {
  readonly location: Location;
  readonly text: string;
}

/** Finds the file that helm calls `inside`, a path in the chart. What lies in an archive is placed at the archive, or at the entry of the chart's dependencies that it was fetched for. */
export async function openSource(
  sources: ChartSources,
  inside: string,
  { files }: Pick<Ports, 'files'>,
): Promise<SourceFile> {
  const read = async (name: string) => files.readText(posix.join(sources.path, name));
  const { folder } = sources.chart;
  if (sources.names.has(inside))
    return { location: { path: placeIn(sources, inside) }, text: await read(inside) };
  const [, called = '', rest = ''] = /^charts\/([^/]+)\/(.+)$/s.exec(inside) ?? [];
  const name = sources.aliases.get(called) ?? called;
  const subchart = sources.subcharts.find((candidate) => candidate.name === name);
  const unpacked = subchart ? `${subchart.path}/${rest}` : '';
  if (sources.names.has(unpacked))
    return { location: { path: placeIn(sources, unpacked) }, text: await read(unpacked) };
  const vendored = subchart && posix.join(folder, subchart.path);
  if (vendored && (await files.stat(vendored))?.kind === 'file')
    return { location: { path: vendored }, text: '' };
  const location = called
    ? await placeDependency(folder, name, { files })
    : { path: posix.join(folder, 'Chart.yaml') };
  return { location, text: '' };
}

function placeIn({ chart, origins }: ChartSources, inside: string): string {
  const parts = inside.split('/');
  for (let length = parts.length - 1; length > 0; length -= 1) {
    const origin = origins.get(parts.slice(0, length).join('/'));
    if (origin !== undefined) return posix.join(origin, ...parts.slice(length));
  }
  return posix.join(chart.folder, inside);
}
