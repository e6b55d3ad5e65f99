import { posix } from 'node:path';
import { createLimiter, type Ports } from '@zakenak/core';
import { readChartArchive, readChartFolder } from './chart-contents.ts';
import {
  type ChartContents,
  type Dependency,
  dependencyFiles,
  readChartFile,
  readDependencies,
  writeVersions,
} from './chart-file.ts';
import { badChart, staleChartLock } from './errors.ts';
import type { PullChart } from './pull-chart.ts';
import { subchartsOf } from './subcharts.ts';
import { isInRange } from './version-range.ts';

/** A chart's folder, and what is in it. */
export interface ChartFolder {
  /** As the user calls it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly contents: ChartContents;
}

/** A chart with the dependencies that it lacked. */
export interface CompleteChart {
  readonly contents: ChartContents;
  /** Where in the workspace a folder of the chart comes from that does not lie in the chart: `charts/common` is `libs/common`. */
  readonly origins: ReadonlyMap<string, string>;
}

interface Fetching {
  readonly files: Ports['files'];
  readonly pull: PullChart;
}

// Local charts that name each other as dependencies would never come to an end.
const deepest = 8;
const mostDependencies = 100;
const parallelPulls = 4;
// Helm's own rule; the name is a folder's as well, and must not lead elsewhere.
const validName = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;

/**
 * Adds the dependencies that Chart.yaml (or requirements.yaml) names and charts/ lacks, in the versions of its lock, as `helm dependency build` does; but not in the workspace (`folder` holds what is pulled), and without
 * `helm repo add`. Throws ZakenakError `helm/bad-chart` and `helm/chart-lock`.
 */
export async function addDependencies(
  chart: ChartFolder,
  folder: string,
  fetching: Fetching,
  progress: { readonly depth: number; readonly fetched: { count: number } } = {
    depth: 0,
    fetched: { count: 0 },
  },
): Promise<CompleteChart> {
  const missing = missingDependencies(chart);
  if (missing.length === 0) return { contents: chart.contents, origins: new Map() };
  const { depth, fetched } = progress;
  if (depth === deepest) throw badChart(chart.name, 'its dependencies on local charts go round in a circle.');
  fetched.count += missing.length;
  if (fetched.count > mostDependencies)
    throw badChart(chart.name, `it has more than ${mostDependencies} dependencies.`);
  // Before anything is fetched, of which some would still be under way when the refusal is thrown.
  const locked = missing.map((dependency) => ({ dependency, exact: lockVersion(chart, dependency) }));
  const limit = createLimiter(parallelPulls);
  const ended = await Promise.allSettled(
    locked.map((wanted, index) =>
      limit(() => {
        const place = { folder: `${folder}/dependency-${index}`, depth: depth + 1, fetched };
        return fetchDependency(chart, wanted, place, fetching);
      }),
    ),
  );
  // Waited for: the folder is removed once this throws, and nothing may write into it then.
  const added = ended.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
  const contents = new Map([...chart.contents, ...added.flatMap(({ contents: files }) => [...files])]);
  contents.set(dependencyFiles(chart.contents).list, await pinVersions(chart, added));
  return { contents, origins: new Map(added.flatMap(({ origins }) => [...origins])) };
}

/** What is not there; a dependency without a repository is one that somebody forgot to put there, which helm tells. */
function missingDependencies({ name, contents }: ChartFolder): readonly Dependency[] {
  const wanted = readDependencies(name, contents).filter(({ repository }) => repository !== '');
  if (wanted.length === 0) return [];
  const bad = wanted.find((dependency) => !validName.test(dependency.name));
  if (bad) throw badChart(name, `${JSON.stringify(bad.name)} is no name of a dependency.`);
  const there = new Set(subchartsOf(name, contents).map((subchart) => subchart.name));
  const different = new Map(wanted.map((dependency) => [keyOf(dependency), dependency]));
  return [...different.values()].filter((dependency) => !there.has(dependency.name));
}

/** What makes two entries one thing to fetch. */
function keyOf({ name, version, repository }: Dependency): string {
  return JSON.stringify([name, version, repository]);
}

function lockVersion({ name, contents }: ChartFolder, dependency: Dependency): Dependency {
  const { lock } = dependencyFiles(contents);
  if (!contents.has(lock)) return dependency;
  const found = readChartFile(name, lock, contents).dependencies.find(
    (entry) =>
      entry.name === dependency.name &&
      entry.repository === dependency.repository &&
      isInRange(entry.version, dependency.version),
  );
  if (!found) throw staleChartLock(name, lock, `${dependency.name} ${dependency.version}`);
  return found;
}

interface FetchedDependency extends CompleteChart {
  readonly dependency: Dependency;
  /** Its own, from its Chart.yaml. */
  readonly version: string;
}

async function fetchDependency(
  chart: ChartFolder,
  { dependency, exact }: { readonly dependency: Dependency; readonly exact: Dependency },
  place: { readonly folder: string; readonly depth: number; readonly fetched: { count: number } },
  { files, pull }: Fetching,
): Promise<FetchedDependency> {
  const { name, version, repository } = exact;
  await files.makeFolder(place.folder);
  if (!repository.startsWith('file://')) {
    const archive = await pull({ ...sourceOf(name, repository), version }, place.folder);
    const file = archive.slice(archive.lastIndexOf('/') + 1);
    const bytes = await files.readBytes(archive);
    const at = `${chart.name}: ${file}`;
    const pulled = readChartFile(at, 'Chart.yaml', readChartArchive(at, bytes));
    const contents = new Map([[`charts/${file}`, bytes]]);
    return { dependency, version: pulled.version, contents, origins: new Map() };
  }
  const way = repository.slice('file://'.length);
  const path = await files.resolve(way.startsWith('/') ? way : `${chart.path}/${way}`);
  const local = { name: `${chart.name}: ${repository}`, path };
  if (!(await files.stat(`${path}/.`))) throw badChart(local.name, 'there is no such folder.');
  const { contents } = await readChartFolder(local.name, path, { files });
  const its = readChartFile(local.name, 'Chart.yaml', contents);
  const found = `${its.name} ${its.version}`.trim() || 'no chart';
  if (its.name !== name || !isInRange(its.version, version))
    throw badChart(local.name, `it is ${found}, not ${name} ${version}.`);
  const whole = await addDependencies({ ...local, contents }, place.folder, { files, pull }, place);
  const inside = `charts/${name}`;
  const origins = [...whole.origins].map(([folder, origin]) => [`${inside}/${folder}`, origin] as const);
  return {
    dependency,
    version: its.version,
    contents: new Map([...whole.contents].map(([file, bytes]) => [`${inside}/${file}`, bytes])),
    origins: new Map([[inside, posix.relative(files.root, path)], ...origins]),
  };
}

/** The list with the versions that were fetched: of two of a name that both are in a range helm takes now the one, now the other (it goes through a map). */
async function pinVersions(
  { name, contents }: ChartFolder,
  fetched: readonly FetchedDependency[],
): Promise<Uint8Array> {
  const versions = new Map(fetched.map(({ dependency, version }) => [keyOf(dependency), version]));
  const dependencies = readDependencies(name, contents);
  return writeVersions(
    contents,
    new Map(
      dependencies.flatMap((entry, index) => {
        const version = versions.get(keyOf(entry));
        return version ? [[index, version] as const] : [];
      }),
    ),
  );
}

/** An OCI reference names the chart too; `@name` and `alias:name` are repositories that helm knows. */
function sourceOf(name: string, repository: string): { readonly chart: string; readonly repo?: string } {
  if (repository.startsWith('oci://')) return { chart: `${repository.replace(/\/$/, '')}/${name}` };
  const alias = /^(?:@|alias:)(.+)$/.exec(repository)?.[1];
  return alias ? { chart: `${alias}/${name}` } : { chart: name, repo: repository };
}
