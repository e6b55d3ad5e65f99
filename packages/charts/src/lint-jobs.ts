import { createLimiter, type Finding, type Ports, type Timing } from '@zakenak/core';
import type { ChartSources } from './chart-sources.ts';
import { checkSchemas, type SchemaPlaces } from './check-schemas.ts';
import { judgeRenderings } from './judge-rendering.ts';
import type { Verdict } from './kubeconform.ts';
import { mostObjectText } from './manifests.ts';
import { mergeRaw, type RawFinding } from './raw-finding.ts';
import { type HelmOptions, lintWithHelm, type Rendering, renderChart } from './render-chart.ts';
import type { ValuesSet } from './values-set.ts';

/** A chart and what it is rendered with besides its defaults. */
export interface LintJob {
  readonly sources: ChartSources;
  readonly values: readonly ValuesSet[];
}

/** What all charts share. */
export interface LintRules extends HelmOptions {
  readonly schemas: readonly SchemaPlaces[];
}

/** What one chart's lint came to. */
export interface LintResult {
  readonly folder: string;
  readonly findings: readonly Finding[];
}

type JobPorts = Pick<Ports, 'process' | 'files' | 'progress'>;

/** Helm is one short process for each combination: more than the cores of a small runner keep waiting for the disk. */
const parallel = 4;

/** Lints the charts over their whole matrix: Helm once for each combination, kubeconform once for all of a Kubernetes version. */
export async function runLintJobs(
  jobs: readonly LintJob[],
  rules: LintRules,
  ports: JobPorts,
  signal?: AbortSignal,
): Promise<{ readonly results: readonly LintResult[]; readonly timings: readonly Timing[] }> {
  const rendered = await renderAll(jobs, rules, ports, signal);
  const verdicts = new Map<string, ReadonlyMap<string, readonly Verdict[]>>();
  for (const places of rules.schemas) {
    const texts = rendered.flatMap(({ renderings }) =>
      renderings
        .filter(({ version }) => version === places.version)
        .flatMap(({ objects }) => objects.map(({ text }) => text))
        .filter((text) => text.length <= mostObjectText),
    );
    verdicts.set(places.version, await checkSchemas(texts, places, ports, signal));
  }
  const verdictsOf = (version: string, text: string) => verdicts.get(version)?.get(text) ?? [];
  const results: LintResult[] = [];
  for (const { sources, lint, renderings } of rendered) {
    const { folder } = sources.chart;
    const judged = await judgeRenderings(sources, renderings, verdictsOf, rules.checks, ports);
    const failures = renderings.flatMap((rendering) => rendering.failures);
    const told = needsValues(renderings)
      ? [...lint, ...failures].map(excuseDefaults)
      : [...lint, ...failures];
    results.push({ folder, findings: mergeRaw([...told, ...judged]) });
    ports.progress.emit({ stage: 'lint', subject: folder, state: 'done' });
  }
  const timings = rendered.map(({ sources, durationMs }) => ({ name: sources.chart.folder, durationMs }));
  return { results, timings };
}

/** Whether the chart asks for values that its defaults do not hold, and was given them by a values file. */
function needsValues(renderings: readonly Rendering[]): boolean {
  const isRefusal = ({ ruleId }: RawFinding): boolean => ruleId === 'charts/refused-values';
  const defaults = renderings.filter(({ values }) => values === undefined);
  const rest = renderings.filter(({ values }) => values !== undefined);
  return (
    defaults.every(({ failures }) => failures.length > 0 && failures.every(isRefusal)) &&
    rest.some(({ failures }) => failures.length === 0)
  );
}

/** What the defaults lack is no fault of such a chart; helm lint goes on without the value and trips over what follows. */
function excuseDefaults(finding: RawFinding): RawFinding {
  const isOfDefaults = finding.combination === 'helm lint' || finding.combination.startsWith('defaults on ');
  const isAboutValues = /^charts\/(?:refused-values|template-error|invalid-yaml)$/.test(finding.ruleId);
  return isOfDefaults && isAboutValues ? { ...finding, severity: 'info' } : finding;
}

interface RenderedChart {
  readonly sources: ChartSources;
  readonly lint: readonly RawFinding[];
  readonly renderings: readonly Rendering[];
  /** What Helm took for this chart, in milliseconds. */
  readonly durationMs: number;
}

async function renderAll(
  jobs: readonly LintJob[],
  rules: LintRules,
  ports: JobPorts,
  signal?: AbortSignal,
): Promise<readonly RenderedChart[]> {
  const limit = createLimiter(parallel);
  // After a failure nothing that waits begins.
  const failed = new AbortController();
  const all = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const take = <T>(body: () => Promise<T>): Promise<T> =>
    limit(async () => {
      all.throwIfAborted();
      try {
        return await body();
      } catch (thrown) {
        failed.abort(thrown);
        throw thrown;
      }
    });
  return Promise.all(jobs.map((job) => renderOne(job, rules, take, ports, signal)));
}

async function renderOne(
  { sources, values }: LintJob,
  rules: LintRules,
  take: <T>(body: () => Promise<T>) => Promise<T>,
  ports: JobPorts,
  signal?: AbortSignal,
): Promise<RenderedChart> {
  let spent = 0;
  let isOverLimit = false;
  const timed = async <T>(body: () => Promise<T>) => {
    const started = performance.now();
    const done = await body();
    spent += performance.now() - started;
    return done;
  };
  const lint = take(async () => {
    ports.progress.emit({ stage: 'lint', subject: sources.chart.folder, state: 'started' });
    const found = await timed(() => lintWithHelm(sources, rules, ports, signal));
    isOverLimit ||= found.some(({ ruleId }) => ruleId === 'charts/over-limit');
    return found;
  });
  // helm renders no library by itself: its templates are judged in the charts that use them.
  const sets = [undefined, ...values].filter((set) => !sources.isLibrary || set?.release !== undefined);
  const combinations = sets.flatMap((set) => rules.schemas.map(({ version }) => ({ set, version })));
  const renderings = combinations.map(({ set, version }) =>
    take(async () => {
      // The chart's other renderings would take as long.
      if (isOverLimit) return [];
      const rendering = await timed(() => renderChart(sources, set, version, rules, ports, signal));
      isOverLimit ||= rendering.isOverLimit;
      return [rendering];
    }),
  );
  const [linted, ...made] = await Promise.all([lint, ...renderings]);
  return { sources, lint: linted, renderings: made.flat(), durationMs: Math.round(spent) };
}
