import { digestFiles, type Ports } from '@zakenak/core';
import {
  badChart,
  type ChartContents,
  createPull,
  isPackedSubchart,
  placeChart,
  readChart,
  readChartFile,
  withoutArchives,
} from '@zakenak/helm';
import { isRecord } from '../objects/json.ts';
import { parseYaml } from '../objects/manifest.ts';
import type { ReleaseSource } from '../request.ts';
import type { HelmChart, HelmFile } from '../state/helm-release.ts';
import { looksUp } from './lookup.ts';
import { missingFile } from './missing-file.ts';
import { mayBeUnstable } from './unstable-render.ts';

/** A chart on this machine, as helm can render it and as Helm's release records embed it. */
export interface LoadedChart {
  /** Absolute path of the folder or .tgz. */
  readonly path: string;
  readonly chart: HelmChart;
  /** SHA-256 over the chart's content, hex. */
  readonly digest: string;
  /** True for a chart that brings definitions in crds/ folders, its own or a subchart's. */
  readonly hasCrds: boolean;
  /** False for a chart that cannot ask which version and kinds the cluster has: no file of it names them. */
  readonly asksForCapabilities: boolean;
  /** True for a chart whose templates read objects of the cluster. */
  readonly looksUp: boolean;
  /** False for a chart that certainly renders the same each time. */
  readonly mayBeUnstable: boolean;
}

type ChartSource = Extract<ReleaseSource, { chart: string }>;

/**
 * Reads a chart; what is not here, and the dependencies that it lacks, are pulled into `folder` by `helm pull`. Throws ZakenakError `rollout/missing-file` and what readChart throws.
 * Subcharts are rendered but not embedded: Helm's records leave them out too.
 */
export async function loadChart(
  source: ChartSource,
  { folder, release }: { readonly folder: string; readonly release: string },
  ports: Pick<Ports, 'files' | 'process'>,
  signal?: AbortSignal,
): Promise<LoadedChart> {
  await requireChart(source, release, ports);
  const read = await readChart(source, folder, { files: ports.files, pull: createPull(ports, { signal }) });
  const { contents } = read;
  const own = new Map([...contents].filter(([name]) => !/^charts\/|(^|\/)\./.test(name)));
  const everything = withoutArchives(source.chart, contents);
  const names = [...everything.keys()];
  return {
    path: await placeChart(read, folder, ports),
    chart: assembleChart(source.chart, own),
    digest: digestFiles(contents),
    hasCrds: names.some((name) => /(^|\/)crds\//.test(name) || isPackedSubchart(name)),
    asksForCapabilities: [...everything].some(
      ([name, bytes]) => isPackedSubchart(name) || mentions(bytes, 'Capabilities'),
    ),
    looksUp: [...everything].some(
      ([name, bytes]) =>
        isPackedSubchart(name) ||
        (mentions(bytes, 'lookup') && looksUp(Buffer.from(bytes).toString('latin1'))),
    ),
    mayBeUnstable: [...everything].some(([name, bytes]) => mayBeUnstable(name, bytes)),
  };
}

/** A chart of the workspace is there. */
async function requireChart(
  { chart, repo }: ChartSource,
  release: string,
  ports: Pick<Ports, 'files'>,
): Promise<void> {
  if (repo !== undefined || chart.startsWith('oci://')) return;
  const path = await ports.files.resolve(chart);
  if (await ports.files.stat(path)) return;
  const namedBy = `chart of the release ${release}`;
  throw await missingFile({ file: chart, path, namedBy, holding: 'Chart.yaml' }, ports);
}

/** A search in the bytes as they are: charts hold large files. */
function mentions({ buffer, byteOffset, byteLength }: Uint8Array, word: string): boolean {
  return Buffer.from(buffer, byteOffset, byteLength).includes(word);
}

function assembleChart(name: string, contents: ChartContents): HelmChart {
  const text = (path: string): string | undefined => {
    const bytes = contents.get(path);
    return bytes && Buffer.from(bytes).toString('utf8');
  };
  const [values] = parseYaml(text('values.yaml') ?? '', `${name}/values.yaml`, {
    // Helm's own readings; what helm renders is what counts.
    repeatedKeys: 'last',
    largeNumbers: 'round',
  });
  const schema = contents.get('values.schema.json');
  const files = [...contents]
    .filter(([path]) => !described.has(path) && !path.startsWith('crds/'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, bytes]): HelmFile => ({ name: path, data: Buffer.from(bytes).toString('base64') }));
  return {
    metadata: parseMetadata(name, contents),
    lock: null,
    templates: files.filter((file) => file.name.startsWith('templates/')),
    values: isRecord(values) ? values : {},
    schema: schema ? Buffer.from(schema).toString('base64') : null,
    files: files.filter((file) => !file.name.startsWith('templates/')),
  };
}

const described = new Set(['Chart.yaml', 'Chart.lock', 'values.yaml', 'values.schema.json', '.helmignore']);

function parseMetadata(name: string, contents: ChartContents): HelmChart['metadata'] {
  const metadata = readChartFile(name, 'Chart.yaml', contents).fields;
  if (typeof metadata['name'] !== 'string' || typeof metadata['version'] !== 'string')
    throw badChart(name, 'its Chart.yaml names no name and version.');
  const { deprecated, ...rest } = metadata;
  return {
    ...rest,
    name: metadata['name'],
    version: metadata['version'],
    ...(deprecated === 'true' ? { deprecated: true } : {}),
  };
}
