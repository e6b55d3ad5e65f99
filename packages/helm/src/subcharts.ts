import { isPackedSubchart, readChartArchive, withoutArchives } from './chart-contents.ts';
import { type ChartContents, type Dependency, readChartFile, readDependencies } from './chart-file.ts';
import { ambiguousSubchart } from './errors.ts';
import { isInRange } from './version-range.ts';

/** A chart of charts/. */
export interface Subchart {
  /** Its folder or archive in the chart: `charts/note-1.0.0.tgz`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
}

/** What lies in charts/, as helm reads it: folders and archives whose names begin with neither a dot nor an underscore. Throws ZakenakError `helm/bad-chart`. */
export function subchartsOf(chart: string, contents: ChartContents): readonly Subchart[] {
  return [...contents].flatMap(([path, bytes]): readonly Subchart[] => {
    if (/^charts\/[_.]/.test(path)) return [];
    const at = `${chart}/${path}`;
    if (isPackedSubchart(path) && path.split('/').length === 2) {
      const { name, version } = readChartFile(at, 'Chart.yaml', readChartArchive(at, bytes));
      return [{ path, name, version }];
    }
    if (!/^charts\/[^/]+\/Chart\.yaml$/.test(path)) return [];
    const { name, version } = readChartFile(chart, path, contents);
    return [{ path: path.slice(0, -'/Chart.yaml'.length), name, version }];
  });
}

/**
 * Refuses a chart, or one below it, with two subcharts of which helm takes the first, in the order of a Go map (helm: pkg/chart/v2/util/dependencies.go): two in the range of one dependency, or two that
 * end up under one name. Throws ZakenakError `helm/ambiguous-subchart` and `helm/bad-chart`.
 */
export function refuseAmbiguousSubcharts(chart: string, contents: ChartContents): void {
  if (subchartsOf(chart, contents).length === 0) return;
  // Refuses what is packed too deep, or holds too much.
  withoutArchives(chart, contents);
  refuseBelow(chart, contents, '');
}

function refuseBelow(chart: string, contents: ChartContents, prefix: string): void {
  const subcharts = subchartsOf(chart, contents);
  const dependencies = readDependencies(chart, contents);
  const claims = subcharts.map((subchart) => dependencies.filter((wanted) => isMeant(wanted, subchart)));
  for (const wanted of dependencies)
    refuse(
      chart,
      wanted.name,
      subcharts.filter((subchart) => isMeant(wanted, subchart)),
      prefix,
    );
  const unclaimed = subcharts.filter((_, index) => claims[index]?.length === 0);
  const taken = dependencies.flatMap((wanted) => {
    const found = subcharts.find((subchart) => isMeant(wanted, subchart));
    return found ? [{ ...found, name: wanted.alias || wanted.name }] : [];
  });
  const byName = Map.groupBy([...unclaimed, ...taken], ({ name }) => name);
  for (const [name, found] of byName) refuse(chart, name, found, prefix);
  for (const { path } of subcharts)
    refuseBelow(chart, contentsOf(chart, path, contents), `${prefix}${path}/`);
}

function contentsOf(chart: string, path: string, contents: ChartContents): ChartContents {
  const packed = contents.get(path);
  if (packed) return readChartArchive(`${chart}/${path}`, packed);
  const inside = [...contents].filter(([file]) => file.startsWith(`${path}/`));
  return new Map(inside.map(([file, bytes]) => [file.slice(path.length + 1), bytes]));
}

function isMeant(wanted: Dependency, { name, version }: Subchart): boolean {
  return wanted.name === name && isInRange(version, wanted.version);
}

function refuse(chart: string, name: string, found: readonly Subchart[], prefix: string): void {
  const paths = [...new Set(found.map(({ path, version }) => `${prefix}${path} (${version})`))].sort();
  if (paths.length > 1) throw ambiguousSubchart(chart, name, paths);
}
