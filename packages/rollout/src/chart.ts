import { createHash } from 'node:crypto';
import type { Ports } from '@zakenak/core';
import { parse } from 'yaml';
import { badChart } from './errors.ts';
import type { HelmChart, HelmFile } from './helm-release.ts';
import { isRecord } from './json.ts';
import { parseYaml } from './manifest.ts';
import type { ReleaseSource } from './request.ts';
import { readTarGz } from './tar.ts';
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
  /** False for a chart that certainly renders the same each time. */
  readonly mayBeUnstable: boolean;
}

type ChartSource = Extract<ReleaseSource, { chart: string }>;

/**
 * Reads a chart; what is not here is pulled into `folder` by `helm pull`. Throws ZakenakError `rollout/bad-chart`.
 * Subcharts are rendered but not embedded: Helm's records leave them out too.
 */
export async function loadChart(
  source: ChartSource,
  folder: string,
  ports: Pick<Ports, 'files' | 'process'>,
  signal?: AbortSignal,
): Promise<LoadedChart> {
  const remote = source.repo !== undefined || source.chart.startsWith('oci://');
  const path = remote
    ? await pullChart(source, folder, ports, signal)
    : await ports.files.resolve(source.chart);
  const stat = await ports.files.stat(path);
  if (!stat) throw badChart(source.chart, 'there is no such file or folder.');
  const contents =
    stat.kind === 'folder' ? await readFolder(path, ports) : await readArchive(source.chart, path, ports);
  const own = new Map([...contents].filter(([name]) => !/^charts\/|(^|\/)\./.test(name)));
  return {
    path,
    chart: assembleChart(source.chart, own),
    digest: digestOfContents(contents),
    hasCrds: [...contents.keys()].some((name) => /(^|\/)crds\//.test(name) || /^charts\/.*\.tgz$/.test(name)),
    asksForCapabilities: [...contents].some(
      ([name, bytes]) => name.endsWith('.tgz') || Buffer.from(bytes).includes('Capabilities'),
    ),
    mayBeUnstable: [...contents].some(([name, bytes]) => mayBeUnstable(name, bytes)),
  };
}

async function pullChart(
  source: ChartSource,
  folder: string,
  ports: Pick<Ports, 'files' | 'process'>,
  signal?: AbortSignal,
): Promise<string> {
  const args = ['pull', source.chart, '--destination', folder];
  if (source.version) args.push('--version', source.version);
  if (source.repo) args.push('--repo', source.repo);
  const result = await ports.process.run({ program: 'helm', args, timeoutMs: 300_000 }, signal);
  if (result.exitCode !== 0) throw badChart(source.chart, result.stderr.trim().slice(0, 2_000));
  const [archive] = await ports.files.glob(['*.tgz'], { cwd: folder });
  if (!archive) throw badChart(source.chart, 'helm pull left no archive.');
  return `${folder}/${archive}`;
}

type Contents = ReadonlyMap<string, Uint8Array>;

async function readFolder(path: string, ports: Pick<Ports, 'files'>): Promise<Contents> {
  const names = await ports.files.glob(['**/*', '**/.*', '**/.*/**'], { cwd: path });
  const entries = await Promise.all(
    names.map(async (name) => [name, await ports.files.readBytes(`${path}/${name}`)] as const),
  );
  return new Map(entries);
}

async function readArchive(chart: string, path: string, ports: Pick<Ports, 'files'>): Promise<Contents> {
  try {
    const files = readTarGz(await ports.files.readBytes(path));
    const inChart = [...files].map(([name, bytes]) => [name.slice(name.indexOf('/') + 1), bytes] as const);
    return new Map(inChart);
  } catch (thrown) {
    throw badChart(chart, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function digestOfContents(contents: Contents): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex');
}

function assembleChart(name: string, contents: Contents): HelmChart {
  const text = (path: string): string | undefined => {
    const bytes = contents.get(path);
    return bytes && Buffer.from(bytes).toString('utf8');
  };
  const manifest = text('Chart.yaml');
  if (manifest === undefined) throw badChart(name, 'it has no Chart.yaml.');
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
    metadata: parseMetadata(name, manifest),
    lock: null,
    templates: files.filter((file) => file.name.startsWith('templates/')),
    values: isRecord(values) ? values : {},
    schema: schema ? Buffer.from(schema).toString('base64') : null,
    files: files.filter((file) => !file.name.startsWith('templates/')),
  };
}

const described = new Set(['Chart.yaml', 'Chart.lock', 'values.yaml', 'values.schema.json', '.helmignore']);

/** Chart.yaml as text values: `appVersion: 1.10` stays 1.10. */
function parseMetadata(name: string, text: string): HelmChart['metadata'] {
  const metadata: unknown = parse(text, { schema: 'failsafe', logLevel: 'silent' });
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string' || typeof metadata['version'] !== 'string')
    throw badChart(name, 'its Chart.yaml names no name and version.');
  const { deprecated, ...rest } = metadata;
  return {
    ...rest,
    name: metadata['name'],
    version: metadata['version'],
    ...(deprecated === 'true' ? { deprecated: true } : {}),
  };
}
