import { posix } from 'node:path';
import type { Location, Ports } from '@zakenak/core';
import { type ChartSources, openSource } from './chart-sources.ts';
import { placeDependency } from './dependency-place.ts';
import type { HelmProblem } from './helm-errors.ts';
import { indexKeys, type KeyIndex, locateValue } from './key-index.ts';
import type { RawFinding } from './raw-finding.ts';
import type { ValuesSet } from './values-set.ts';

type PlacePorts = Pick<Ports, 'files'>;

/** Puts a problem that Helm told on the template's line or the value's key. */
export async function placeHelm(
  problem: HelmProblem,
  sources: ChartSources,
  values: ValuesSet | undefined,
  combination: string,
  ports: PlacePorts,
): Promise<RawFinding> {
  const { ruleId, severity, message } = problem;
  const location =
    problem.valuePath === undefined
      ? await placeTemplate(problem, sources, ports)
      : await placeValue(ownPath(problem, sources), sources, values, ports);
  return { ruleId, severity, message, location, tool: 'helm', combination };
}

/** Path of a value from the top of the chart's values: a subchart's are below its name. */
function ownPath({ valuePath = '', chart }: HelmProblem, sources: ChartSources): string {
  return chart === undefined || chart === sources.chart.name ? valuePath : `/${chart}${valuePath}`;
}

async function placeTemplate(
  problem: HelmProblem,
  sources: ChartSources,
  ports: PlacePorts,
): Promise<Location> {
  if (problem.ruleId === 'charts/missing-dependencies')
    return placeDependency(sources.chart.folder, problem.message.replace(/^.*:/, ''), ports);
  if (!problem.path) return { path: posix.join(sources.chart.folder, 'Chart.yaml') };
  const own = `${sources.chart.name}/`;
  const inside = problem.path.startsWith(own) ? problem.path.slice(own.length) : problem.path;
  const isOther = inside === problem.path && !inside.startsWith('./') && !sources.names.has(inside);
  const relative = isOther ? `charts/${inside}` : inside.replace(/^\.\//, '');
  // A file that helm misses is not there, and named all the same.
  if (problem.path.startsWith('./') && !sources.names.has(relative) && !relative.split('/').includes('..'))
    return { path: posix.join(sources.chart.folder, relative) };
  const { location, text } = await openSource(sources, relative, ports);
  if (text === '') return location;
  const before = problem.renderedLine ? text.split('\n').slice(0, problem.renderedLine) : [];
  const exact = before.length > 0 && !before.some((line) => line.includes('{{'));
  const startLine = problem.line ?? (exact ? problem.renderedLine : undefined);
  return {
    ...location,
    ...(startLine ? { startLine } : {}),
    ...(problem.column ? { startColumn: problem.column } : {}),
  };
}

async function placeValue(
  valuePath: string,
  sources: ChartSources,
  values: ValuesSet | undefined,
  ports: PlacePorts,
): Promise<Location> {
  const keys = valuePath.split('/').filter((part) => part !== '');
  const [first = ''] = valuesFiles(sources, values).map(({ path }) => path);
  return (await findValue(keys, sources, values, createValuesReader(ports)))?.location ?? { path: first };
}

/** Reads values files, each one once; what is none has no keys. */
export function createValuesReader({ files }: PlacePorts): (path: string) => Promise<KeyIndex> {
  const read = new Map<string, Promise<KeyIndex>>();
  const open = async (path: string) =>
    indexKeys((await files.stat(path))?.kind === 'file' ? await files.readText(path) : '');
  return (path) => {
    const index = read.get(path) ?? open(path);
    read.set(path, index);
    return index;
  };
}

/** Where the values of a combination write the deepest of nested keys, the file with the last word first; `isWhole`: all of them. */
export async function findValue(
  keys: readonly string[],
  sources: ChartSources,
  values: ValuesSet | undefined,
  readValues: ReturnType<typeof createValuesReader>,
): Promise<{ readonly location: Location; readonly isWhole: boolean } | undefined> {
  let deepest: { readonly location: Location; readonly isWhole: boolean } | undefined;
  for (const { path, below } of valuesFiles(sources, values)) {
    const whole = below ? [below, ...keys] : keys;
    const found = locateValue(await readValues(path), whole);
    if (!found) continue;
    const isWhole = found.depth === whole.length;
    if (isWhole || !deepest) deepest = { location: { path, startLine: found.line }, isWhole };
    if (isWhole) break;
  }
  return deepest;
}

function valuesFiles({ chart }: ChartSources, values: ValuesSet | undefined): ValuesSet['places'] {
  return [...(values?.places ?? []), { path: posix.join(chart.folder, 'values.yaml'), below: '' }];
}
