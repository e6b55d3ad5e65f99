import type { Ports } from '@zakenak/core';
import semver from 'semver';
import { isMap, parseDocument } from 'yaml';
import {
  type ChartContents,
  isPackedSubchart,
  readChartArchive,
  readChartFile,
  readChartFolder,
} from './chart-contents.ts';
import { badChart, staleChartLock } from './errors.ts';
import { listAt, textAt } from './json.ts';
import { createLimiter } from './limiter.ts';
import { pullChart } from './pull-chart.ts';

/** A chart's folder, and what is in it. */
export interface ChartFolder {
  /** As the user calls it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly contents: ChartContents;
}

interface Dependency {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
}

type DependencyPorts = Pick<Ports, 'files' | 'process'>;

// Local charts that name each other as dependencies would never come to an end.
const deepest = 8;
const mostDependencies = 100;
const parallelPulls = 4;
// Helm's own rule; the name is a folder's as well, and must not lead elsewhere.
const validName = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;

/**
 * Adds the dependencies that Chart.yaml names and charts/ lacks, in the versions of Chart.lock, as `helm dependency build` does; but in `folder`, not in the workspace, and without `helm repo add`.
 * Returns the chart as it was where nothing lacks. Throws ZakenakError `rollout/bad-chart` and `rollout/chart-lock`.
 */
export async function addDependencies(
  chart: ChartFolder,
  folder: string,
  ports: DependencyPorts,
  signal?: AbortSignal,
  progress: { readonly depth: number; readonly fetched: { count: number } } = {
    depth: 0,
    fetched: { count: 0 },
  },
): Promise<ChartFolder> {
  const missing = missingDependencies(chart);
  if (missing.length === 0) return chart;
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
        return fetchDependency(chart, wanted, place, ports, signal);
      }),
    ),
  );
  // Waited for: the folder is removed once this throws, and nothing may write into it then.
  const added = ended.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
  const contents = new Map([...chart.contents, ...added.flatMap(({ contents: files }) => [...files])]);
  contents.set('Chart.yaml', pinVersions(chart, added));
  const path = `${folder}/chart`;
  for (const [name, bytes] of contents) await ports.files.write(`${path}/${name}`, bytes);
  return { name: chart.name, path, contents };
}

/** What is not there; a dependency without a repository is one that somebody forgot to put there, which helm tells. */
function missingDependencies({ name, contents }: ChartFolder): readonly Dependency[] {
  const wanted = dependenciesIn(name, 'Chart.yaml', contents).filter(({ repository }) => repository !== '');
  if (wanted.length === 0) return [];
  const bad = wanted.find((dependency) => !validName.test(dependency.name));
  if (bad) throw badChart(name, `${JSON.stringify(bad.name)} is no name of a dependency.`);
  const nameIn = (at: string, files: ChartContents, file: string) =>
    textAt(readChartFile(at, file, files), 'name');
  const there = new Set(
    [...contents].flatMap(([path, bytes]) => {
      if (/^charts\/[^/]+\/Chart\.yaml$/.test(path)) return [nameIn(name, contents, path)];
      if (!isPackedSubchart(path) || path.split('/').length !== 2) return [];
      const at = `${name}/${path}`;
      return [nameIn(at, readChartArchive(at, bytes), 'Chart.yaml')];
    }),
  );
  const different = new Map(wanted.map((dependency) => [JSON.stringify(dependency), dependency]));
  return [...different.values()].filter((dependency) => !there.has(dependency.name));
}

function dependenciesIn(chart: string, file: string, contents: ChartContents): readonly Dependency[] {
  return listAt(readChartFile(chart, file, contents), 'dependencies').map((entry) => ({
    name: textAt(entry, 'name'),
    version: textAt(entry, 'version'),
    repository: textAt(entry, 'repository'),
  }));
}

function lockVersion({ name, contents }: ChartFolder, dependency: Dependency): Dependency {
  if (!contents.has('Chart.lock')) return dependency;
  const found = dependenciesIn(name, 'Chart.lock', contents).find(
    (entry) =>
      entry.name === dependency.name &&
      entry.repository === dependency.repository &&
      isInRange(entry.version, dependency.version),
  );
  if (!found) throw staleChartLock(name, `${dependency.name} ${dependency.version}`);
  return found;
}

/** Helm's ranges are npm's, but for a comma that means "and"; what is none is left to helm. */
function isInRange(version: string, range: string): boolean {
  const npm = range.replaceAll(',', ' ');
  return semver.validRange(npm) === null || semver.satisfies(version, npm, { includePrerelease: true });
}

async function fetchDependency(
  chart: ChartFolder,
  { dependency, exact }: { readonly dependency: Dependency; readonly exact: Dependency },
  place: { readonly folder: string; readonly depth: number; readonly fetched: { count: number } },
  ports: DependencyPorts,
  signal?: AbortSignal,
): Promise<FetchedDependency> {
  const { name, version, repository } = exact;
  await ports.files.makeFolder(place.folder);
  if (!repository.startsWith('file://')) {
    const source = sourceOf(name, repository);
    const archive = await pullChart({ ...source, version }, place.folder, ports, signal);
    const file = archive.slice(archive.lastIndexOf('/') + 1);
    const bytes = await ports.files.readBytes(archive);
    const at = `${chart.name}: ${file}`;
    const pulled = readChartFile(at, 'Chart.yaml', readChartArchive(at, bytes));
    return { dependency, version: textAt(pulled, 'version'), contents: new Map([[`charts/${file}`, bytes]]) };
  }
  const way = repository.slice('file://'.length);
  const path = await ports.files.resolve(way.startsWith('/') ? way : `${chart.path}/${way}`);
  const local = { name: `${chart.name}: ${repository}`, path };
  if (!(await ports.files.stat(`${path}/.`))) throw badChart(local.name, 'there is no such folder.');
  const contents = await readChartFolder(local.name, path, ports);
  const its = readChartFile(local.name, 'Chart.yaml', contents);
  const found = `${textAt(its, 'name')} ${textAt(its, 'version')}`.trim() || 'no chart';
  if (textAt(its, 'name') !== name || !isInRange(textAt(its, 'version'), version))
    throw badChart(local.name, `it is ${found}, not ${name} ${version}.`);
  const whole = await addDependencies({ ...local, contents }, place.folder, ports, signal, place);
  const placed = new Map([...whole.contents].map(([file, bytes]) => [`charts/${name}/${file}`, bytes]));
  return { dependency, version: textAt(its, 'version'), contents: placed };
}

interface FetchedDependency {
  readonly dependency: Dependency;
  /** Its own, from its Chart.yaml. */
  readonly version: string;
  readonly contents: ChartContents;
}

/** Chart.yaml with the versions that were fetched: of two of a name that both are in a range helm takes now the one, now the other (it goes through a map). */
function pinVersions({ name, contents }: ChartFolder, fetched: readonly FetchedDependency[]): Uint8Array {
  const versions = new Map(fetched.map(({ dependency, version }) => [JSON.stringify(dependency), version]));
  const document = parseDocument(Buffer.from(contents.get('Chart.yaml') ?? []).toString('utf8'), {
    schema: 'failsafe',
    logLevel: 'silent',
  });
  for (const [index, dependency] of dependenciesIn(name, 'Chart.yaml', contents).entries()) {
    const version = versions.get(JSON.stringify(dependency));
    if (version && isMap(document.getIn(['dependencies', index], true)))
      document.setIn(['dependencies', index, 'version'], version);
  }
  return Buffer.from(document.toString());
}

/** An OCI reference names the chart too; `@name` and `alias:name` are repositories that helm knows. */
function sourceOf(name: string, repository: string): { readonly chart: string; readonly repo?: string } {
  if (repository.startsWith('oci://')) return { chart: `${repository.replace(/\/$/, '')}/${name}` };
  const alias = /^(?:@|alias:)(.+)$/.exec(repository)?.[1];
  return alias ? { chart: `${alias}/${name}` } : { chart: name, repo: repository };
}
