import { posix } from 'node:path';
import type { Location, Ports } from '@zakenak/core';
import type { Chart } from './chart.ts';
import type { HelmProblem } from './helm-errors.ts';
import { locateKey, locateOccurrence, locateValue, type Rendered } from './manifests.ts';
import type { RawFinding } from './raw-finding.ts';

type PlacePorts = Pick<Ports, 'files'>;

/** Puts a problem that Helm told on the template's line or the value's key. */
export async function placeHelm(
  problem: HelmProblem,
  chart: Chart,
  values: string | undefined,
  combination: string,
  ports: PlacePorts,
): Promise<RawFinding> {
  const { ruleId, severity, message } = problem;
  const location =
    problem.valuePath === undefined
      ? await placeTemplate(problem, chart, ports)
      : await placeValue(problem.valuePath, chart, values, ports);
  return { ruleId, severity, message, location, tool: 'helm', combination };
}

/** The template that an object came from, at the line that begins its kind or, where it is found, writes `key`. */
export async function placeObject(
  rendered: Rendered,
  chart: Chart,
  ports: PlacePorts,
  at?: { readonly key: string; readonly offset?: number },
): Promise<Location> {
  const path = posix.join(chart.folder, rendered.source.split('/').slice(1).join('/'));
  const template = await readOptional(path, ports);
  const line =
    at?.offset === undefined
      ? locateKey(template, rendered.kind, at?.key)
      : locateOccurrence(template, rendered, at.key, at.offset);
  return { path, ...(line ? { startLine: line } : {}) };
}

async function placeTemplate(problem: HelmProblem, chart: Chart, ports: PlacePorts): Promise<Location> {
  if (!problem.path) return { path: posix.join(chart.folder, 'Chart.yaml') };
  const inside =
    problem.path.startsWith('./') || !problem.path.startsWith(`${chart.name}/`)
      ? problem.path
      : problem.path.slice(chart.name.length + 1);
  const path = posix.join(chart.folder, inside);
  const before = problem.renderedLine
    ? (await readOptional(path, ports)).split('\n').slice(0, problem.renderedLine)
    : [];
  const exact = before.length > 0 && !before.some((line) => line.includes('{{'));
  const startLine = problem.line ?? (exact ? problem.renderedLine : undefined);
  return {
    path,
    ...(startLine ? { startLine } : {}),
    ...(problem.column ? { startColumn: problem.column } : {}),
  };
}

async function placeValue(
  valuePath: string,
  chart: Chart,
  values: string | undefined,
  ports: PlacePorts,
): Promise<Location> {
  for (const name of values ? [values, 'values.yaml'] : ['values.yaml']) {
    const path = posix.join(chart.folder, name);
    const line = locateValue(await readOptional(path, ports), valuePath);
    if (line) return { path, startLine: line };
  }
  return { path: posix.join(chart.folder, values ?? 'values.yaml') };
}

async function readOptional(path: string, ports: PlacePorts): Promise<string> {
  return (await ports.files.stat(path))?.kind === 'file' ? ports.files.readText(path) : '';
}
