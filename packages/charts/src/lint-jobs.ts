import type { Finding, Ports, Timing } from '@zakenak/core';
import type { Chart } from './chart.ts';
import { checkSchemas, type SchemaPlaces } from './check-schemas.ts';
import { judgeRenderings } from './judge-rendering.ts';
import type { Verdict } from './kubeconform.ts';
import { mergeRaw, type RawFinding } from './raw-finding.ts';
import { type HelmOptions, lintWithHelm, type Rendering, renderChart } from './render-chart.ts';

/** A chart and its values files, relative to its folder. */
export interface LintJob {
  readonly chart: Chart;
  readonly values: readonly string[];
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
        .flatMap(({ objects }) => objects.map(({ text }) => text)),
    );
    verdicts.set(places.version, await checkSchemas(texts, places, ports, signal));
  }
  const verdictsOf = (version: string, text: string) => verdicts.get(version)?.get(text) ?? [];
  const results: LintResult[] = [];
  for (const { chart, lint, renderings } of rendered) {
    const judged = await judgeRenderings(chart, renderings, verdictsOf, rules.checks, ports);
    const failures = renderings.flatMap((rendering) => rendering.failures);
    results.push({ folder: chart.folder, findings: mergeRaw([...lint, ...failures, ...judged]) });
    ports.progress.emit({ stage: 'lint', subject: chart.folder, state: 'done' });
  }
  const timings = rendered.map(({ chart, durationMs }) => ({ name: chart.folder, durationMs }));
  return { results, timings };
}

interface RenderedChart {
  readonly chart: Chart;
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
  const take = createGate(parallel);
  return Promise.all(
    jobs.map(async ({ chart, values }): Promise<RenderedChart> => {
      let spent = 0;
      const timed = <T>(body: () => Promise<T>) =>
        take(async () => {
          const started = performance.now();
          const done = await body();
          spent += performance.now() - started;
          return done;
        });
      const combinations = [undefined, ...values].flatMap((file) =>
        rules.schemas.map(({ version }) => ({ file, version })),
      );
      const lint = timed(async () => {
        ports.progress.emit({ stage: 'lint', subject: chart.folder, state: 'started' });
        return lintWithHelm(chart, rules, ports, signal);
      });
      const renderings = combinations.map(({ file, version }) =>
        timed(() => renderChart(chart, file, version, rules, ports, signal)),
      );
      const [linted, ...made] = await Promise.all([lint, ...renderings]);
      return { chart, lint: linted, renderings: made, durationMs: Math.round(spent) };
    }),
  );
}

/** Lets so many run at a time; after a failure nothing that waits begins. */
function createGate(most: number): <T>(body: () => Promise<T>) => Promise<T> {
  let running = 0;
  let failed: { readonly thrown: unknown } | undefined;
  const waiting: (() => void)[] = [];
  return async (body) => {
    while (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      if (failed) throw failed.thrown;
      return await body();
    } catch (thrown) {
      failed ??= { thrown };
      throw thrown;
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
