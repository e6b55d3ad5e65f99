import type { Ports } from '@zakenak/core';
import { parse } from 'yaml';
import { badChart } from './errors.ts';
import { isRecord } from './json.ts';
import { createLimiter } from './limiter.ts';
import { readTarGz } from './tar.ts';

/** Every file of a chart by its path in the chart; subcharts, packed ones too, and .helmignore with the rest. */
export type ChartContents = ReadonlyMap<string, Uint8Array>;

type FilePorts = Pick<Ports, 'files'>;

// A link into a folder that holds the link again would go on for ever.
const deepestLink = 8;
const mostFiles = 20_000;
/** Of one chart, its packed subcharts unpacked: what is read is held in memory, and helm holds it as well. */
const mostBytes = 256 * 1024 * 1024;
const deepestArchive = 8;
const parallelReads = 16;

/**
 * Reads a chart's folder as helm does (helm: internal/sympath): symbolic links are followed. One that leads out of the workspace is refused, since whoever wrote the chart would choose
 * which of the machine's files are rendered. Throws ZakenakError `files/outside-workspace` and `rollout/bad-chart`.
 */
export async function readChartFolder(
  chart: string,
  path: string,
  { files }: FilePorts,
): Promise<ChartContents> {
  const contents = new Map<string, Uint8Array>();
  const limit = createLimiter(parallelReads);
  const spend = createBudget(chart);
  const collect = async (folder: string, prefix: string, depth: number): Promise<void> => {
    const names = await files.glob(['**/*', '**/.*', '**/.*/**'], { cwd: folder, links: true });
    if (contents.size + names.length > mostFiles)
      throw badChart(chart, `it has more than ${mostFiles} files.`);
    const links: string[] = [];
    await Promise.all(
      names.map((name) =>
        limit(async () => {
          const at = `${folder}/${name}`;
          if ((await files.stat(at))?.kind === 'link') {
            await files.resolve(at);
            // The last dot is looked up in what the link leads to: only a folder has one.
            if (await files.stat(`${at}/.`)) return void links.push(name);
          }
          // Nothing, so that what still waits for its turn after a refusal is not read.
          spend(0);
          const bytes = await files.readBytes(at);
          spend(bytes.length);
          contents.set(`${prefix}${name}`, bytes);
        }),
      ),
    );
    if (links.length > 0 && depth === deepestLink)
      throw badChart(chart, `its links go round in a circle: ${prefix}${links[0]}.`);
    for (const name of links) await collect(`${folder}/${name}`, `${prefix}${name}/`, depth + 1);
  };
  await collect(path, '', 0);
  return contents;
}

/** Reads Chart.yaml or Chart.lock with every scalar as text: `version: 1.10` is not 1.1. Throws ZakenakError `rollout/bad-chart`. */
export function readChartFile(
  chart: string,
  file: string,
  contents: ChartContents,
): Readonly<Record<string, unknown>> {
  const text = Buffer.from(contents.get(file) ?? []).toString('utf8');
  try {
    const parsed: unknown = parse(text, { schema: 'failsafe', logLevel: 'silent' });
    return isRecord(parsed) ? parsed : {};
  } catch (thrown) {
    throw badChart(chart, `${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** Reads a packed chart. Throws ZakenakError `rollout/bad-chart`. */
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
 * The same with what packed subcharts hold in place of their archives; one that cannot be read stays as it is. Throws ZakenakError `rollout/bad-chart` where they hold too much, or each other without
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
    if (spent > mostBytes) throw badChart(chart, `it holds more than ${mostBytes / 1024 / 1024} MiB.`);
  };
}

/** True for the archive of a subchart. */
export function isPackedSubchart(path: string): boolean {
  return /(^|\/)charts\/[^/]+\.tgz$/.test(path);
}
