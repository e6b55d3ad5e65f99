import { posix } from 'node:path';
import {
  createFinding,
  type Finding,
  type InputsOf,
  type Location,
  type Ports,
  type Severity,
  type Timing,
} from '@zakenak/core';
import { type Chart, findValues } from './chart.ts';
import { schemaCheckFailed } from './errors.ts';
import { type HelmProblem, parseLint, parseRenderError } from './helm-errors.ts';
import { parseKubeconform, type Verdict } from './kubeconform.ts';
import { locateKey, locateValue, type Rendered, splitRendered } from './manifests.ts';
import type { spec } from './spec.ts';

/** What all charts share. */
export interface Rules {
  readonly inputs: InputsOf<typeof spec>;
  readonly schemas: readonly { readonly version: string; readonly folder: string }[];
  readonly crdFolder: string;
}

type ChartPorts = Pick<Ports, 'process' | 'files' | 'log' | 'progress'>;

interface Raw {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly message: string;
  readonly location: Location;
  readonly tool: string;
  readonly combination: string;
}

const timeoutMs = 120_000;
const remedies: Readonly<Record<string, string>> = {
  'charts/missing-dependencies': 'Run `helm dependency build` in the chart’s folder before linting.',
  'charts/invalid-values-schema': 'Make values.schema.json a valid JSON schema.',
  'charts/no-schema':
    'Add the CustomResourceDefinition below a crds/ folder of the repository to have this kind checked.',
};

/** Lints one chart over its whole matrix. */
export async function lintChart(
  chart: Chart,
  rules: Rules,
  ports: ChartPorts,
  signal?: AbortSignal,
): Promise<{ readonly findings: readonly Finding[]; readonly timing: Timing }> {
  const started = performance.now();
  ports.progress.emit({ stage: 'lint', subject: chart.folder, state: 'started' });
  const folder = await ports.files.resolve(chart.folder);
  const raw: Raw[] = [];
  const strict = rules.inputs.strict ? ['--strict'] : [];
  const lint = await ports.process.run(
    { program: 'helm', args: ['lint', ...strict, folder], timeoutMs },
    signal,
  );
  for (const problem of parseLint(lint.stdout)) {
    const severity = rules.inputs.strict && problem.severity === 'medium' ? 'high' : problem.severity;
    raw.push(await placeHelm({ ...problem, severity }, chart, undefined, 'helm lint', ports));
  }
  for (const values of [undefined, ...(await findValues(chart, rules.inputs.values, ports.files))])
    for (const schema of rules.schemas)
      raw.push(...(await renderAndCheck(chart, folder, values, schema, rules, ports, signal)));
  // helm lint fails without a word that is understood: never a pass.
  if (lint.exitCode !== 0 && !raw.some(({ severity }) => severity === 'high'))
    raw.push({
      ruleId: 'charts/helm-lint',
      severity: 'high',
      message: (lint.stderr || lint.stdout).trim().slice(0, 500),
      location: { path: posix.join(chart.folder, 'Chart.yaml') },
      tool: 'helm',
      combination: 'helm lint',
    });
  ports.progress.emit({ stage: 'lint', subject: chart.folder, state: 'done' });
  return {
    findings: merge(raw),
    timing: { name: chart.folder, durationMs: Math.round(performance.now() - started) },
  };
}

async function renderAndCheck(
  chart: Chart,
  folder: string,
  values: string | undefined,
  schema: Rules['schemas'][number],
  rules: Rules,
  ports: ChartPorts,
  signal?: AbortSignal,
): Promise<readonly Raw[]> {
  const combination = `${values ?? 'defaults'} on ${schema.version}`;
  const file = values ? ['--values', posix.join(folder, values)] : [];
  const render = await ports.process.run(
    {
      program: 'helm',
      args: ['template', 'lint', folder, '--kube-version', schema.version, '--include-crds', ...file],
      timeoutMs,
    },
    signal,
  );
  if (render.exitCode !== 0)
    return Promise.all(
      parseRenderError(render.stderr).map((problem) => placeHelm(problem, chart, values, combination, ports)),
    );
  if (render.stdout.trim() === '') return [];
  const name = '{{.ResourceKind}}{{.KindSuffix}}.json';
  const check = await ports.process.run(
    {
      program: 'kubeconform',
      args: [
        '-strict',
        '-output',
        'json',
        '-verbose',
        '-ignore-missing-schemas',
        '-kubernetes-version',
        schema.version,
        '-schema-location',
        `${schema.folder}/${name}`,
        '-schema-location',
        `${rules.crdFolder}/${name}`,
      ],
      input: render.stdout,
      timeoutMs,
    },
    signal,
  );
  const rendered = splitRendered(render.stdout);
  const judged = readJudgement(chart, check.stdout, check.stderr);
  if (judged.length < rendered.length)
    throw schemaCheckFailed(chart.folder, `it judged ${judged.length} of ${rendered.length} objects.`);
  return (
    await Promise.all(judged.map((verdict) => placeVerdict(verdict, rendered, chart, combination, ports)))
  ).flat();
}

function readJudgement(chart: Chart, stdout: string, stderr: string): readonly Verdict[] {
  try {
    return parseKubeconform(stdout);
  } catch {
    throw schemaCheckFailed(chart.folder, (stderr || stdout).trim().slice(0, 500) || 'it printed nothing.');
  }
}

async function placeVerdict(
  verdict: Verdict,
  rendered: readonly Rendered[],
  chart: Chart,
  combination: string,
  ports: ChartPorts,
): Promise<readonly Raw[]> {
  if (verdict.status === 'valid') return [];
  const from =
    rendered.find(({ kind, name }) => kind === verdict.kind && name === verdict.name) ??
    rendered.find(({ kind }) => kind === verdict.kind);
  const path = from
    ? posix.join(chart.folder, from.source.split('/').slice(1).join('/'))
    : posix.join(chart.folder, 'Chart.yaml');
  const template = from ? await readOptional(path, ports) : '';
  const at = (key?: string): Location => {
    const line = locateKey(template, verdict.kind, key);
    return { path, ...(line ? { startLine: line } : {}) };
  };
  if (verdict.status === 'skipped') {
    const message = `No schema of ${verdict.version} ${verdict.kind}: it was not checked.`;
    return [
      {
        ruleId: 'charts/no-schema',
        severity: 'info',
        message,
        location: at(),
        tool: 'kubeconform',
        combination,
      },
    ];
  }
  return verdict.problems.map(({ path: field, message, key }) => ({
    ruleId: 'charts/invalid-manifest',
    severity: 'high' as const,
    message: `${verdict.kind} ${verdict.name}: ${field ? `${field}: ` : ''}${message}`,
    location: at(key),
    tool: 'kubeconform',
    combination,
  }));
}

async function placeHelm(
  problem: HelmProblem,
  chart: Chart,
  values: string | undefined,
  combination: string,
  ports: ChartPorts,
): Promise<Raw> {
  const { ruleId, severity, message } = problem;
  const location =
    problem.valuePath === undefined
      ? await placeTemplate(problem, chart, ports)
      : await placeValue(problem.valuePath, chart, values, ports);
  return { ruleId, severity, message, location, tool: 'helm', combination };
}

async function placeTemplate(problem: HelmProblem, chart: Chart, ports: ChartPorts): Promise<Location> {
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
  ports: ChartPorts,
): Promise<Location> {
  for (const name of values ? [values, 'values.yaml'] : ['values.yaml']) {
    const path = posix.join(chart.folder, name);
    const line = locateValue(await readOptional(path, ports), valuePath);
    if (line) return { path, startLine: line };
  }
  return { path: posix.join(chart.folder, values ?? 'values.yaml') };
}

async function readOptional(path: string, ports: ChartPorts): Promise<string> {
  return (await ports.files.stat(path))?.kind === 'file' ? ports.files.readText(path) : '';
}

/** The same thing in several combinations is one finding that names them. */
function merge(raw: readonly Raw[]): readonly Finding[] {
  const groups = new Map<string, Raw[]>();
  for (const item of raw) {
    const key = JSON.stringify([item.ruleId, item.location.path, item.location.startLine, item.message]);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (!first) return [];
    const { combination, message, ...rest } = first;
    const where = [...new Set([combination, ...others.map((item) => item.combination)])].join(', ');
    const remedy = remedies[first.ruleId];
    return [
      createFinding({
        ...rest,
        message: `${message} (${where})`,
        identity: message,
        ...(remedy ? { remedy } : {}),
      }),
    ];
  });
}
