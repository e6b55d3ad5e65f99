import { type Ports, type ProcessResult, ZakenakError } from '@zakenak/core';
import { leanGo } from '@zakenak/helm';
import type { ChartSources } from './chart-sources.ts';
import type { HelmProblem } from './helm-errors.ts';

const MiB = 1024 * 1024;
/** Far more than any chart that is deployed: Kubernetes' own limit for one object is 3 MiB. */
const limits = { timeoutMs: 60_000, maxMemoryBytes: 1024 * MiB, maxOutputBytes: 32 * MiB };
/** What Helm says is read by patterns: the first of it, which no chart's text can make too long to read. */
const mostText = 64 * 1024;

const reasons: Readonly<Record<string, string>> = {
  'process/timed-out': `did not end within ${limits.timeoutMs / 1000} s`,
  'process/too-much-memory': `needed more than ${limits.maxMemoryBytes / MiB} MiB of memory`,
  'process/too-much-output': `printed more than ${limits.maxOutputBytes / MiB} MiB`,
};

/**
 * Runs helm over a chart. Returns the problem where the chart asks for more time, memory or output than any chart needs. Paths of this machine do not appear in what is returned.
 * Throws what the process port throws otherwise.
 */
export async function runHelm(
  {
    helm,
    args,
    input,
  }: { readonly helm: string; readonly args: readonly string[]; readonly input?: string | undefined },
  { chart, path }: ChartSources,
  { process, files }: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<Pick<ProcessResult, 'exitCode' | 'stdout' | 'stderr'> | HelmProblem> {
  try {
    const command = {
      program: helm,
      args,
      env: leanGo,
      ...limits,
      ...(input === undefined ? {} : { input }),
    };
    const result = await process.run(command, signal);
    const ours = (text: string): string =>
      text.replaceAll(path, chart.folder).replaceAll(files.root, '.').slice(0, mostText);
    const stdout = args[0] === 'template' ? result.stdout : ours(result.stdout);
    return { exitCode: result.exitCode, stdout, stderr: ours(result.stderr) };
  } catch (thrown) {
    const reason = thrown instanceof ZakenakError ? reasons[thrown.code] : undefined;
    if (reason === undefined) throw thrown;
    return {
      ruleId: 'charts/over-limit',
      severity: 'high',
      message: `helm ${reason}: the chart was not rendered any further.`,
      path: './Chart.yaml',
    };
  }
}
