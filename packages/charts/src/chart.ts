import { posix } from 'node:path';
import type { ChangedFile, Files } from '@zakenak/core';
import { readChartFile, readDependencies } from '@zakenak/helm';
import { missingValues, noChart, noneFound } from './errors.ts';

/** A chart of the workspace. */
export interface Chart {
  /** POSIX path from the workspace's root. */
  readonly folder: string;
  readonly name: string;
  /** Folders of the charts that it takes by `file://`, and those that these take. */
  readonly localDependencies: readonly string[];
}

/** The named charts, or every chart of the folders. Throws `charts/no-chart` and `charts/none-found`. */
export async function findCharts(
  named: readonly string[],
  folders: readonly string[],
  files: Files,
): Promise<readonly Chart[]> {
  if (named.length > 0) return Promise.all(named.map((path) => readChart(posix.normalize(path), files)));
  for (const folder of folders) await files.resolve(folder);
  const found = await files.glob(
    folders.flatMap((folder) => [`${folder}/Chart.yaml`, `${folder}/*/Chart.yaml`]),
  );
  if (found.length === 0) throw noneFound(folders);
  return Promise.all(found.map((path) => readChart(posix.dirname(path), files)));
}

async function readChart(path: string, files: Files): Promise<Chart> {
  const folder = path.replace(/\/+$/, '');
  await files.resolve(folder);
  const manifest = posix.join(folder, 'Chart.yaml');
  const kind = (await files.stat(manifest))?.kind;
  if (kind !== 'file' && kind !== 'link') throw noChart(folder);
  const { name, local } = await readManifest(folder, files);
  const found = new Set<string>();
  const follow = async (folders: readonly string[]): Promise<void> => {
    for (const next of folders) {
      if (found.has(next) || next === '..' || next.startsWith('../')) continue;
      found.add(next);
      await follow((await readManifest(next, files)).local);
    }
  };
  await follow(local);
  return { folder, name, localDependencies: [...found] };
}

async function readManifest(
  folder: string,
  files: Files,
): Promise<{ readonly name: string; readonly local: readonly string[] }> {
  const fallback = posix.basename(folder);
  try {
    const contents = new Map([['Chart.yaml', await files.readBytes(posix.join(folder, 'Chart.yaml'))]]);
    const older = posix.join(folder, 'requirements.yaml');
    if (await files.stat(older)) contents.set('requirements.yaml', await files.readBytes(older));
    const { name } = readChartFile(folder, 'Chart.yaml', contents);
    const local = readDependencies(folder, contents).flatMap(({ repository }) =>
      repository.startsWith('file://')
        ? [posix.join(folder, repository.slice('file://'.length)).replace(/\/+$/, '')]
        : [],
    );
    return { name: name || fallback, local };
  } catch {
    // helm lint says what is wrong with the file.
    return { name: fallback, local: [] };
  }
}

/** The charts that a change touches, itself, through a chart that they depend on, through a file that `elsewhere` names for them, or through a link. */
export function selectChanged(
  charts: readonly Chart[],
  changed: readonly ChangedFile[],
  elsewhere: (chart: Chart) => readonly string[] = () => [],
  linked: ReadonlySet<Chart> = new Set(),
): readonly Chart[] {
  const paths = changed.flatMap(({ path, from }) => (from ? [path, from] : [path]));
  const touches = (folder: string) => folder === '.' || paths.some((path) => path.startsWith(`${folder}/`));
  // A library chart may lie outside the folders of the charts that are linted.
  const touched = new Set(
    charts.filter(
      (chart) =>
        linked.has(chart) ||
        [chart.folder, ...chart.localDependencies].some(touches) ||
        elsewhere(chart).some((path) => paths.includes(path)),
    ),
  );
  for (let before = -1; before !== touched.size; ) {
    before = touched.size;
    const folders = new Set([...touched].map(({ folder }) => folder));
    for (const chart of charts)
      if (chart.localDependencies.some((folder) => folders.has(folder))) touched.add(chart);
  }
  return charts.filter((chart) => touched.has(chart));
}

/** The charts that hold symbolic links, themselves or in a chart that they depend on: what these lead to may have changed. */
export async function selectLinked(charts: readonly Chart[], files: Files): Promise<ReadonlySet<Chart>> {
  const known = new Map<string, boolean>();
  const hasLinks = async (folder: string): Promise<boolean> => {
    if ((await files.stat(`${folder}/.`))?.kind !== 'folder') return false;
    const cwd = await files.resolve(folder);
    for (const name of await files.glob(['**/*', '**/.*', '**/.*/**'], { cwd, links: true }))
      if ((await files.stat(`${cwd}/${name}`))?.kind === 'link') return true;
    return false;
  };
  const linked = new Set<Chart>();
  for (const chart of charts)
    for (const folder of [chart.folder, ...chart.localDependencies]) {
      const found = known.get(folder) ?? (await hasLinks(folder));
      known.set(folder, found);
      if (found) linked.add(chart);
    }
  return linked;
}

/** Values files of a chart, relative to its folder. Throws `charts/missing-values` for a plain path that is not there. */
export async function findValues(
  chart: Chart,
  globs: readonly string[],
  files: Files,
): Promise<readonly string[]> {
  for (const glob of globs) await files.resolve(posix.join(chart.folder, glob));
  const found = await files.glob(globs, { cwd: await files.resolve(chart.folder) });
  for (const glob of globs)
    if (!/[*?[{]/.test(glob) && !found.includes(posix.normalize(glob)))
      throw missingValues(chart.folder, glob);
  return found;
}
