import type { Ports } from '@zakenak/core';
import { parse } from 'yaml';
import { badChart } from './errors.ts';
import { isRecord } from './json.ts';
import { readTarGz } from './tar.ts';

/** Every file of a chart by its path in the chart; subcharts, packed ones too, and .helmignore with the rest. */
export type ChartContents = ReadonlyMap<string, Uint8Array>;

type FilePorts = Pick<Ports, 'files'>;

// A link into a folder that holds the link again would go on for ever.
const deepestLink = 8;
const mostFiles = 20_000;

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
  const collect = async (folder: string, prefix: string, depth: number): Promise<void> => {
    const names = await files.glob(['**/*', '**/.*', '**/.*/**'], { cwd: folder, links: true });
    if (contents.size + names.length > mostFiles)
      throw badChart(chart, `it has more than ${mostFiles} files.`);
    const links: string[] = [];
    await Promise.all(
      names.map(async (name) => {
        const at = `${folder}/${name}`;
        if ((await files.stat(at))?.kind === 'link') {
          await files.resolve(at);
          // The last dot is looked up in what the link leads to: only a folder has one.
          if (await files.stat(`${at}/.`)) return void links.push(name);
        }
        contents.set(`${prefix}${name}`, await files.readBytes(at));
      }),
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

/** The same with what packed subcharts hold in place of their archives; one that cannot be read stays as it is. */
export function withoutArchives(contents: ChartContents): ChartContents {
  return new Map(
    [...contents].flatMap(([path, bytes]): readonly (readonly [string, Uint8Array])[] => {
      if (!isPackedSubchart(path)) return [[path, bytes]];
      try {
        const inside = withoutArchives(readChartArchive(path, bytes));
        return [...inside].map(([name, file]) => [`${path.slice(0, -'.tgz'.length)}/${name}`, file] as const);
      } catch {
        return [[path, bytes]];
      }
    }),
  );
}

/** True for the archive of a subchart. */
export function isPackedSubchart(path: string): boolean {
  return /(^|\/)charts\/[^/]+\.tgz$/.test(path);
}
