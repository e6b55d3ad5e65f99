import { posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import { type ChartSources, openSource } from './chart-sources.ts';
import { parseLint, parseRenderError } from './helm-errors.ts';
import { type Rendered, splitRendered } from './manifests.ts';
import { placeHelm } from './place.ts';
import type { RawFinding } from './raw-finding.ts';
import { runHelm } from './run-helm.ts';
import type { ValuesSet } from './values-set.ts';

/** What one chart became with one values file for one Kubernetes version. */
export interface Rendering {
  readonly version: string;
  /** `ci/big-values.yaml on 1.34.4` */
  readonly combination: string;
  /** Undefined for the defaults alone. */
  readonly values: ValuesSet | undefined;
  readonly objects: readonly Rendered[];
  /** What kept it from being rendered. */
  readonly failures: readonly RawFinding[];
  /** Helm was ended before it was done. */
  readonly isOverLimit: boolean;
}

/** How Helm is run. */
export interface HelmOptions {
  /** A name of the toolchain's manifest, or an absolute path. */
  readonly helm: string;
  readonly strict: boolean;
  /** The checks of our own that are on. */
  readonly checks: ReadonlySet<string>;
}

type RenderPorts = Pick<Ports, 'process' | 'files'>;

/** What `helm lint` says about a chart. */
export async function lintWithHelm(
  sources: ChartSources,
  { helm, strict, checks }: HelmOptions,
  ports: RenderPorts,
  signal?: AbortSignal,
): Promise<readonly RawFinding[]> {
  const args = [
    'lint',
    '--namespace',
    nobody.namespace,
    ...(strict ? ['--strict'] : []),
    ...skipSchema(sources),
    sources.path,
  ];
  const lint = await runHelm({ helm, args }, sources, ports, signal);
  if ('ruleId' in lint) return [await placeHelm(lint, sources, undefined, everywhere, ports)];
  const raw: RawFinding[] = [...(await tellForeignReferences(sources, ports))];
  const ownLifecycles = checks.has('deprecated-api') && checks.has('removed-api');
  const problems = parseLint(lint.stdout);
  for (const problem of problems) {
    // Helm judges by the newest version that it knows: ours is by each version that was asked for.
    if (ownLifecycles && /^\S+ \S+ is deprecated in v\d/.test(problem.message)) continue;
    const isUmbrella = problem.message.startsWith('templates/: ') && sources.subcharts.length > 0;
    const judged = strict && problem.severity === 'medium' ? 'high' : problem.severity;
    const severity = isUmbrella && problem.severity === 'medium' ? 'info' : judged;
    raw.push(await placeHelm({ ...problem, severity }, sources, undefined, 'helm lint', ports));
  }
  // helm lint fails without a word that is understood: never a pass.
  if (
    lint.exitCode !== 0 &&
    !problems.some(({ severity }) => severity === 'high' || (strict && severity === 'medium'))
  )
    raw.push({
      ruleId: 'charts/helm-lint',
      severity: 'high',
      message: (lint.stderr || lint.stdout).trim().slice(0, 500),
      location: { path: posix.join(sources.chart.folder, 'Chart.yaml') },
      tool: 'helm',
      combination: 'helm lint',
    });
  return raw;
}

/** Helm would fetch what they name, from the network or from this machine's files. */
function skipSchema({ foreignReferences }: ChartSources): readonly string[] {
  return foreignReferences.size > 0 ? ['--skip-schema-validation'] : [];
}

async function tellForeignReferences(
  sources: ChartSources,
  ports: RenderPorts,
): Promise<readonly RawFinding[]> {
  const told = [...sources.foreignReferences].map(async ([path, reference]) => {
    const { location, text } = await openSource(sources, path, ports);
    const line = text.split('\n').findIndex((written) => written.includes(reference));
    return {
      ruleId: 'charts/foreign-values-schema',
      severity: 'medium' as const,
      message: `The schema refers to ${reference}, which is not in it: no values were checked against it.`,
      remedy: 'Copy what is referred to into the schema, below $defs.',
      location: { ...location, ...(line >= 0 ? { startLine: line + 1 } : {}) },
      tool: 'zakenak',
      combination: 'helm lint',
    };
  });
  return Promise.all(told);
}

/** What every API server serves and Helm does not know by itself: templates that ask would fall back to what is long gone. */
const alwaysServed = ['apiregistration.k8s.io/v1', 'apiregistration.k8s.io/v1/APIService'];

/** A release of nobody's, and not in the namespace `default`, which some charts refuse. */
const nobody = { name: 'lint', namespace: 'lint' };

/** Which of a chart's combinations meets a limit first is the machine's doing. */
const everywhere = 'rendering';

/** Renders a chart with one set of values (its defaults alone where none is given). */
export async function renderChart(
  sources: ChartSources,
  values: ValuesSet | undefined,
  version: string,
  { helm }: HelmOptions,
  ports: RenderPorts,
  signal?: AbortSignal,
): Promise<Rendering> {
  const combination = `${values?.label ?? 'defaults'} on ${version}`;
  const { name, namespace } = values?.release ?? nobody;
  const args = [
    'template',
    name,
    sources.path,
    '--namespace',
    namespace,
    '--kube-version',
    version,
    '--include-crds',
  ];
  args.push(...alwaysServed.flatMap((api) => ['--api-versions', api]));
  args.push(...skipSchema(sources), ...(values ? ['--values', values.argument] : []));
  const render = await runHelm({ helm, args, input: values?.input }, sources, ports, signal);
  const about = { version, combination, values, objects: [], failures: [], isOverLimit: false };
  if ('ruleId' in render) {
    const failure = await placeHelm(render, sources, values, everywhere, ports);
    return { ...about, failures: [failure], isOverLimit: true };
  }
  if (render.exitCode === 0) return { ...about, objects: splitRendered(render.stdout) };
  const failures = parseRenderError(render.stderr).map((problem) =>
    placeHelm(problem, sources, values, combination, ports),
  );
  return { ...about, failures: await Promise.all(failures) };
}
