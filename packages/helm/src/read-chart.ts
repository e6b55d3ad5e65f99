import { createLimiter, type Ports } from '@zakenak/core';
import { readChartArchive, readChartFolder } from './chart-contents.ts';
import { addDependencies, type CompleteChart } from './chart-dependencies.ts';
import { badChart } from './errors.ts';
import type { PullChart, RemoteChart } from './pull-chart.ts';
import { refuseAmbiguousSubcharts } from './subcharts.ts';

/** A chart as helm is to see it. */
export interface ReadChart extends CompleteChart {
  /** Absolute path of the folder or archive that it was read from. */
  readonly path: string;
  /** False where helm, were it given `path`, would see more or less than `contents`. */
  readonly isAsItLies: boolean;
}

/** How charts and their dependencies are fetched. */
export interface ReadChartPorts extends Pick<Ports, 'files'> {
  readonly pull: PullChart;
}

/**
 * Reads a chart: a folder or .tgz of the workspace, or a remote one. What is not here, and the dependencies that it lacks, are pulled into `folder`; nothing is written into the workspace.
 * Throws ZakenakError `helm/bad-chart`, `helm/chart-lock`, `helm/ambiguous-subchart` and `files/outside-workspace`.
 */
export async function readChart(
  source: RemoteChart,
  folder: string,
  ports: ReadChartPorts,
): Promise<ReadChart> {
  const { chart } = source;
  const { files } = ports;
  const isRemote = source.repo !== undefined || chart.startsWith('oci://');
  const path = isRemote ? await ports.pull(source, folder) : await files.resolve(chart);
  const stat = await files.stat(path);
  if (!stat) throw badChart(chart, 'there is no such file or folder.');
  if (stat.kind === 'file') {
    const contents = readChartArchive(chart, await files.readBytes(path));
    return settle(chart, { path, contents, origins: new Map(), isAsItLies: true });
  }
  const read = await readChartFolder(chart, path, ports);
  const whole = await addDependencies({ name: chart, path, contents: read.contents }, folder, ports);
  const isAsItLies = whole.contents === read.contents && !read.leftGitOut;
  return settle(chart, { path, ...whole, isAsItLies });
}

function settle(name: string, chart: ReadChart): ReadChart {
  if (!chart.contents.has('Chart.yaml')) throw badChart(name, 'it has no Chart.yaml.');
  refuseAmbiguousSubcharts(name, chart.contents);
  return chart;
}

/** Each write waits for the disk. */
const parallelWrites = 16;

/** Absolute path of the chart for helm: where it lies, or what was read, written below `folder`. */
export async function placeChart(
  { path, contents, isAsItLies }: ReadChart,
  folder: string,
  { files }: Pick<Ports, 'files'>,
): Promise<string> {
  if (isAsItLies) return path;
  const place = `${folder}/chart`;
  const limit = createLimiter(parallelWrites);
  const write = ([name, bytes]: readonly [string, Uint8Array]) =>
    limit(() => files.write(`${place}/${name}`, bytes));
  // Waited for: the folder is removed once this throws, and nothing may write into it then.
  const ended = await Promise.allSettled([...contents].map(write));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return place;
}
