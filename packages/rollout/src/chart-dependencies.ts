import type { Ports } from '@zakenak/core';
import semver from 'semver';
import { parse } from 'yaml';
import { type ChartContents, isPackedSubchart, readChartArchive, readChartFolder } from './chart-contents.ts';
import { badChart, staleChartLock } from './errors.ts';
import { isRecord, listAt, textAt } from './json.ts';
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

/**
 * Adds the dependencies that Chart.yaml names and charts/ lacks, in the versions of Chart.lock, as `helm dependency build` does; but in `folder`, not in the workspace, and without `helm repo add`.
 * Returns the chart as it was where nothing lacks. Throws ZakenakError `rollout/bad-chart` and `rollout/chart-lock`.
 */
export async function addDependencies(
  chart: ChartFolder,
  folder: string,
  ports: DependencyPorts,
  signal?: AbortSignal,
  depth = 0,
): Promise<ChartFolder> {
  const missing = missingDependencies(chart);
  if (missing.length === 0) return chart;
  if (depth === deepest) throw badChart(chart.name, 'its dependencies on local charts go round in a circle.');
  const locked = readLock(chart);
  const added = await Promise.all(
    missing.map((dependency, index) => {
      const place = { folder: `${folder}/dependency-${index}`, depth };
      return fetchDependency(chart, lockVersion(chart, dependency, locked), place, ports, signal);
    }),
  );
  const contents = new Map([...chart.contents, ...added.flatMap((files) => [...files])]);
  const path = `${folder}/chart`;
  for (const [name, bytes] of contents) await ports.files.write(`${path}/${name}`, bytes);
  return { name: chart.name, path, contents };
}

/** What is not there; a dependency without a repository is one that somebody forgot to put there, which helm tells. */
function missingDependencies({ name, contents }: ChartFolder): readonly Dependency[] {
  const wanted = dependenciesIn(contents.get('Chart.yaml')).filter(({ repository }) => repository !== '');
  if (wanted.length === 0) return [];
  const there = new Set<string>();
  for (const [path, bytes] of contents) {
    if (/^charts\/[^/]+\/Chart\.yaml$/.test(path)) there.add(nameIn(bytes));
    else if (isPackedSubchart(path) && path.split('/').length === 2)
      there.add(nameIn(readChartArchive(`${name}/${path}`, bytes).get('Chart.yaml')));
  }
  const keys = new Set<string>();
  return wanted.filter((dependency) => {
    const key = JSON.stringify(dependency);
    const isNew = !there.has(dependency.name) && !keys.has(key);
    keys.add(key);
    return isNew;
  });
}

function readYaml(bytes: Uint8Array | undefined): unknown {
  // As text: version: 1.10 is not 1.1.
  return bytes && parse(Buffer.from(bytes).toString('utf8'), { schema: 'failsafe', logLevel: 'silent' });
}

function nameIn(bytes: Uint8Array | undefined): string {
  const parsed = readYaml(bytes);
  return isRecord(parsed) ? textAt(parsed, 'name') : '';
}

function dependenciesIn(bytes: Uint8Array | undefined): readonly Dependency[] {
  const parsed = readYaml(bytes);
  return listAt(isRecord(parsed) ? parsed : {}, 'dependencies').map((entry) => ({
    name: textAt(entry, 'name'),
    version: textAt(entry, 'version'),
    repository: textAt(entry, 'repository'),
  }));
}

function readLock({ contents }: ChartFolder): readonly Dependency[] | undefined {
  const lock = contents.get('Chart.lock');
  return lock && dependenciesIn(lock);
}

function lockVersion(
  { name }: ChartFolder,
  dependency: Dependency,
  locked: readonly Dependency[] | undefined,
): Dependency {
  if (!locked) return dependency;
  const same = locked.filter(
    (entry) => entry.name === dependency.name && entry.repository === dependency.repository,
  );
  const found = same.find(({ version }) => isInRange(version, dependency.version));
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
  { name, version, repository }: Dependency,
  place: { readonly folder: string; readonly depth: number },
  ports: DependencyPorts,
  signal?: AbortSignal,
): Promise<ChartContents> {
  await ports.files.makeFolder(place.folder);
  if (!repository.startsWith('file://')) {
    const source = sourceOf(name, repository);
    const archive = await pullChart({ ...source, version }, place.folder, ports, signal);
    const file = archive.slice(archive.lastIndexOf('/') + 1);
    return new Map([[`charts/${file}`, await ports.files.readBytes(archive)]]);
  }
  const path = await ports.files.resolve(`${chart.path}/${repository.slice('file://'.length)}`);
  const local = { name: `${chart.name}: ${repository}`, path };
  if ((await ports.files.stat(path))?.kind !== 'folder')
    throw badChart(local.name, 'there is no such folder.');
  const contents = await readChartFolder(local.name, path, ports);
  const found = readYaml(contents.get('Chart.yaml'));
  const its = isRecord(found)
    ? { name: textAt(found, 'name'), version: textAt(found, 'version') }
    : undefined;
  if (its?.name !== name || !isInRange(its.version, version))
    throw badChart(
      local.name,
      `it is ${its ? `${its.name} ${its.version}` : 'no chart'}, not ${name} ${version}.`,
    );
  const whole = await addDependencies({ ...local, contents }, place.folder, ports, signal, place.depth + 1);
  return new Map([...whole.contents].map(([file, bytes]) => [`charts/${name}/${file}`, bytes]));
}

/** An OCI reference names the chart too; `@name` and `alias:name` are repositories that helm knows. */
function sourceOf(name: string, repository: string): { readonly chart: string; readonly repo?: string } {
  if (repository.startsWith('oci://')) return { chart: `${repository.replace(/\/$/, '')}/${name}` };
  const alias = /^(?:@|alias:)(.+)$/.exec(repository)?.[1];
  return alias ? { chart: `${alias}/${name}` } : { chart: name, repo: repository };
}
