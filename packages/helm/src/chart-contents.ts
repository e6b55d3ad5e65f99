import { createLimiter, type Ports } from '@zakenak/core';
import type { ChartContents } from './chart-file.ts';
import { badChart } from './errors.ts';
import { type IgnoreRules, parseIgnoreRules } from './ignore-rules.ts';
import { readTarGz } from './tar.ts';

type FilePorts = Pick<Ports, 'files'>;

// A link into a folder that holds the link again would go on for ever.
const deepestLink = 8;
const mostFiles = 20_000;
/** Of one chart, its packed subcharts unpacked: what is read is held in memory, and helm holds it as well. */
const mostBytes = 256 * 1024 * 1024;
const deepestArchive = 8;
const parallelReads = 16;

/** What a chart's folder holds. */
export interface FolderContents {
  readonly contents: ChartContents;
  /** True where `contents` lacks a `.git` that helm would read: it holds the checkout's credentials, and a template could print them. */
  readonly leftGitOut: boolean;
}

/**
 * Reads a chart's folder as helm does (helm: internal/sympath, pkg/ignore): symbolic links are followed, and what .helmignore names is not there. A link that leads out of the workspace is refused, since
 * whoever wrote the chart would choose which of the machine's files are rendered; `.git` is left out. Throws ZakenakError `files/outside-workspace` and `helm/bad-chart`.
 */
export async function readChartFolder(
  chart: string,
  path: string,
  ports: FilePorts,
): Promise<FolderContents> {
  const { files } = ports;
  const contents = new Map<string, Uint8Array>();
  const limit = createLimiter(parallelReads);
  const spend = createBudget(chart);
  const isIgnored = await readIgnoreRules(chart, path, ports);
  let leftGitOut = false;
  const collect = async (folder: string, prefix: string, depth: number): Promise<void> => {
    const names = await files.glob(['**/*', '**/.*', '**/.*/**'], { cwd: folder, links: true });
    const links: string[] = [];
    const read = async (name: string): Promise<void> => {
      const at = `${folder}/${name}`;
      const { kind, size = 0 } = (await files.stat(at)) ?? {};
      // The last dot is looked up in what a link leads to: only a folder has one.
      const isFolder = kind === 'folder' || (kind === 'link' && !!(await files.stat(`${at}/.`)));
      if (isIgnored(`${prefix}${name}`, isFolder)) return;
      if (name.split('/').at(-1) === '.git') {
        leftGitOut = true;
        return;
      }
      if (kind === 'link') await files.resolve(at);
      if (isFolder) return void links.push(name);
      // Looked at before it is read, and what still waits for its turn after a refusal is not read at all.
      spend(0);
      if (size > mostBytes) throw tooMuch(chart);
      const bytes = await files.readBytes(at);
      spend(bytes.length);
      contents.set(`${prefix}${name}`, bytes);
      if (contents.size > mostFiles) throw badChart(chart, `it has more than ${mostFiles} files.`);
    };
    await Promise.all(names.map((name) => limit(() => read(name))));
    if (links.length > 0 && depth === deepestLink)
      throw badChart(chart, `its links go round in a circle: ${prefix}${links[0]}.`);
    for (const name of links) await collect(`${folder}/${name}`, `${prefix}${name}/`, depth + 1);
  };
  await collect(path, '', 0);
  return { contents, leftGitOut };
}

async function readIgnoreRules(chart: string, path: string, { files }: FilePorts): Promise<IgnoreRules> {
  const at = `${path}/.helmignore`;
  const stat = await files.stat(at);
  if (stat?.kind === 'link') await files.resolve(at);
  return parseIgnoreRules(chart, stat ? await files.readText(at) : '');
}

/** Reads a packed chart. Throws ZakenakError `helm/bad-chart`. */
export function readChartArchive(chart: string, bytes: Uint8Array): ChartContents {
  try {
    const inChart = [...readTarGz(bytes)].map(
      ([name, file]) => [name.slice(name.indexOf('/') + 1), file] as const,
    );
    return new Map(inChart);
  } catch (thrown) {
    throw badChart(chart, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/**
 * The same with what packed subcharts hold in place of their archives; one that cannot be read stays as it is. Throws ZakenakError `helm/bad-chart` where they hold too much, or each other without
 * end: helm would unpack all of it.
 */
export function withoutArchives(chart: string, contents: ChartContents): ChartContents {
  const spend = createBudget(chart);
  const open = (packed: ChartContents, depth: number): ChartContents =>
    new Map(
      [...packed].flatMap(([path, bytes]): readonly (readonly [string, Uint8Array])[] => {
        spend(bytes.length);
        if (!isPackedSubchart(path)) return [[path, bytes]];
        const inside = tryArchive(path, bytes);
        if (!inside) return [[path, bytes]];
        if (depth === deepestArchive) throw badChart(chart, `it is packed more than ${deepestArchive} deep.`);
        const folder = path.slice(0, -'.tgz'.length);
        return [...open(inside, depth + 1)].map(([name, file]) => [`${folder}/${name}`, file] as const);
      }),
    );
  return open(contents, 0);
}

function tryArchive(path: string, bytes: Uint8Array): ChartContents | undefined {
  try {
    return readChartArchive(path, bytes);
  } catch {
    return undefined;
  }
}

/** Counts bytes, and throws once they are too many. */
function createBudget(chart: string): (bytes: number) => void {
  let spent = 0;
  return (bytes) => {
    spent += bytes;
    if (spent > mostBytes) throw tooMuch(chart);
  };
}

function tooMuch(chart: string): Error {
  return badChart(chart, `it holds more than ${mostBytes / 1024 / 1024} MiB.`);
}

/** True for the archive of a subchart. */
export function isPackedSubchart(path: string): boolean {
  return /(^|\/)charts\/[^/]+\.tgz$/.test(path);
}
