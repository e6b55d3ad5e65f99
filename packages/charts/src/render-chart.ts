import { posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import type { Chart } from './chart.ts';
import { parseLint, parseRenderError } from './helm-errors.ts';
import { type Rendered, splitRendered } from './manifests.ts';
import { placeHelm } from './place.ts';
import type { RawFinding } from './raw-finding.ts';

/** What one chart became with one values file for one Kubernetes version. */
export interface Rendering {
  readonly version: string;
  /** `ci/big-values.yaml on 1.34.4` */
  readonly combination: string;
  readonly objects: readonly Rendered[];
  /** What kept it from being rendered. */
  readonly failures: readonly RawFinding[];
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

const timeoutMs = 120_000;

/** What `helm lint` says about a chart. */
export async function lintWithHelm(
  chart: Chart,
  { helm, strict, checks }: HelmOptions,
  ports: RenderPorts,
  signal?: AbortSignal,
): Promise<readonly RawFinding[]> {
  const folder = await ports.files.resolve(chart.folder);
  const args = ['lint', ...(strict ? ['--strict'] : []), folder];
  const lint = await ports.process.run({ program: helm, args, timeoutMs }, signal);
  const raw: RawFinding[] = [];
  const ownLifecycles = checks.has('deprecated-api') && checks.has('removed-api');
  const problems = parseLint(lint.stdout);
  for (const problem of problems) {
    // Helm judges by the newest version that it knows: ours is by each version that was asked for.
    if (ownLifecycles && /^\S+ \S+ is deprecated in v\d/.test(problem.message)) continue;
    const severity = strict && problem.severity === 'medium' ? 'high' : problem.severity;
    raw.push(await placeHelm({ ...problem, severity }, chart, undefined, 'helm lint', ports));
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
      location: { path: posix.join(chart.folder, 'Chart.yaml') },
      tool: 'helm',
      combination: 'helm lint',
    });
  return raw;
}

/** Renders a chart with one values file (its defaults alone where none is given). */
export async function renderChart(
  chart: Chart,
  values: string | undefined,
  version: string,
  { helm }: HelmOptions,
  ports: RenderPorts,
  signal?: AbortSignal,
): Promise<Rendering> {
  const combination = `${values ?? 'defaults'} on ${version}`;
  const folder = await ports.files.resolve(chart.folder);
  const file = values ? ['--values', posix.join(folder, values)] : [];
  const args = ['template', 'lint', folder, '--kube-version', version, '--include-crds', ...file];
  const render = await ports.process.run({ program: helm, args, timeoutMs }, signal);
  if (render.exitCode === 0)
    return { version, combination, objects: splitRendered(render.stdout), failures: [] };
  const failures = parseRenderError(render.stderr).map((problem) =>
    placeHelm(problem, chart, values, combination, ports),
  );
  return { version, combination, objects: [], failures: await Promise.all(failures) };
}
