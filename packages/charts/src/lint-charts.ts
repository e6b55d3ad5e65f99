import { posix } from 'node:path';
import {
  type ChangedFile,
  collectFindings,
  createReport,
  type InputsOf,
  isAtLeast,
  type Ports,
  type Report,
  type Severity,
} from '@zakenak/core';
import { findCharts, selectChanged } from './chart.ts';
import { renderCrdSchemas } from './crds.ts';
import { lintChart } from './lint-chart.ts';
import type { spec } from './spec.ts';

/** What to lint. */
export type LintChartsRequest = InputsOf<typeof spec> & {
  /** Needed for `changed-only`; every chart is linted where it is absent. */
  readonly changedFiles?: readonly ChangedFile[] | undefined;
  /** Absolute folder with the JSON schemas of a Kubernetes version. */
  readonly schemaFolder: (version: string) => Promise<string>;
};

const parallel = 2;

/**
 * Lints charts, renders each with its defaults and every values file, and checks the manifests against the schemas of each Kubernetes version.
 * Throws `charts/no-chart`, `charts/none-found`, `charts/missing-values`, and what the ports throw.
 */
export async function lintCharts(
  request: LintChartsRequest,
  ports: Pick<Ports, 'process' | 'files' | 'log' | 'progress'>,
  signal?: AbortSignal,
): Promise<Report> {
  const inputs = request;
  const all = await findCharts(inputs.charts, inputs['chart-dirs'], ports.files);
  const changed = inputs['changed-only'] ? request.changedFiles : undefined;
  const charts = changed ? selectChanged(all, changed) : all;
  if (charts.length === 0)
    return createReport({
      tool: 'lint-helm',
      verdict: 'skipped',
      summary: 'No chart changed.',
      outputs: outputsOf([], []),
    });
  const schemas = await Promise.all(
    inputs['kubernetes-versions'].map(async (version) => ({
      version,
      folder: await request.schemaFolder(version),
    })),
  );
  await using crds = await ports.files.temporaryFolder('crds');
  for (const path of await ports.files.glob(['**/crds/**/*.{yaml,yml}']))
    for (const [name, schema] of renderCrdSchemas(await ports.files.readText(path)))
      await ports.files.write(posix.join(crds.path, name), JSON.stringify(schema));
  const queue = [...charts];
  const results: Awaited<ReturnType<typeof lintChart>>[] = [];
  const work = async () => {
    for (let chart = queue.shift(); chart; chart = queue.shift())
      results.push(await lintChart(chart, { inputs, schemas, crdFolder: crds.path }, ports, signal));
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const findings = collectFindings(results.flatMap((result) => result.findings));
  return createReport({
    tool: 'lint-helm',
    findings,
    failOn: inputs['fail-on'] as Severity | 'none',
    outputs: outputsOf(
      charts.map(({ folder }) => folder),
      findings,
    ),
    timings: results.map(({ timing }) => timing).sort((a, b) => (a.name < b.name ? -1 : 1)),
  });
}

function outputsOf(charts: readonly string[], findings: Report['findings']): Report['outputs'] {
  const errors = findings.filter(({ severity }) => isAtLeast(severity, 'high')).length;
  const warnings = findings.filter(({ severity }) => severity === 'low' || severity === 'medium').length;
  return { 'changed-charts': charts, 'findings-count': findings.length, errors, warnings };
}
