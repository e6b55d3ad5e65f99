import type { ZakenakError } from './error.ts';
import { type ExitCode, exitCodes } from './error.ts';
import { collectFindings, type Finding } from './finding.ts';
import { isAtLeast, type Severity } from './severity.ts';

/**
 * What a run concluded. `simulated`: everything that was looked at held, but at least one part was not real.
 * `rolled-back`: the change failed and the former state is in place again. `errored`: we could not look or act.
 */
export type Verdict = 'passed' | 'failed' | 'simulated' | 'rolled-back' | 'skipped' | 'errored';

/** How long one named part of a run took, in milliseconds. */
export interface Timing {
  readonly name: string;
  readonly durationMs: number;
}

/** A value an action hands on: text, number, flag, or JSON-serialisable structure. */
export type OutputValue =
  | string
  | number
  | boolean
  | readonly unknown[]
  | { readonly [key: string]: unknown };

/** A titled piece of Markdown that a report shows as it is (a plan, a graph). Already redacted by its maker's data; redacted again by the writer. */
export interface Section {
  readonly title: string;
  readonly markdown: string;
  /** How a terminal shows it; it does not where there is none. Lines that begin with +, - and ~ are coloured. */
  readonly text?: string;
}

/** The single currency of all engines: renderers turn it into every output format. */
export interface Report {
  readonly schemaVersion: 1;
  /** The verb or action that made it: `lint-helm`, `deploy`… */
  readonly tool: string;
  readonly verdict: Verdict;
  /** One sentence for status checks and the first line of summaries. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly outputs: { readonly [name: string]: OutputValue };
  readonly sections: readonly Section[];
  readonly timings: readonly Timing[];
  /** What was not real or not looked at, one sentence each. */
  readonly caveats: readonly string[];
  /** Reports of the parts, where the run chained several. */
  readonly parts: readonly Report[];
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly remedy: string;
    readonly exitCode: ExitCode;
  };
}

/** The parts of a report that its maker knows; the rest is derived. */
export interface ReportDraft {
  readonly tool: string;
  readonly findings?: Iterable<Finding>;
  /** Findings at least this bad fail the run; `high` where nothing is said, `none` to never fail on findings. */
  readonly failOn?: Severity | 'none';
  /** Overrides what would follow from the findings. */
  readonly verdict?: Verdict;
  readonly summary?: string;
  readonly outputs?: Report['outputs'];
  readonly sections?: readonly Section[];
  readonly timings?: readonly Timing[];
  readonly caveats?: readonly string[];
  readonly parts?: readonly Report[];
}

/** Makes a report: sorts the findings and derives verdict and summary. */
export function createReport(draft: ReportDraft): Report {
  const findings = collectFindings(draft.findings ?? []);
  const verdict = draft.verdict ?? judge(findings, draft.failOn ?? 'high', draft.parts ?? []);
  return {
    schemaVersion: 1,
    tool: draft.tool,
    verdict,
    summary: draft.summary ?? summarize(findings),
    findings,
    outputs: draft.outputs ?? {},
    sections: draft.sections ?? [],
    timings: draft.timings ?? [],
    caveats: draft.caveats ?? [],
    parts: draft.parts ?? [],
  };
}

/** The report of a run that could not look or act. */
export function createErrorReport(tool: string, error: ZakenakError): Report {
  const { code, message, remedy, exitCode } = error;
  return {
    ...createReport({ tool, verdict: 'errored', summary: message }),
    error: { code, message, remedy, exitCode },
  };
}

/** The exit code that a report stands for. */
export function exitCodeOf(report: Report): ExitCode {
  if (report.error) return report.error.exitCode;
  if (report.verdict === 'errored')
    return report.parts.find((part) => part.error)?.error?.exitCode ?? exitCodes.outside;
  return report.verdict === 'failed' || report.verdict === 'rolled-back'
    ? exitCodes.findings
    : exitCodes.pass;
}

const gravity: readonly Verdict[] = ['skipped', 'passed', 'simulated', 'failed', 'rolled-back', 'errored'];

function judge(findings: readonly Finding[], failOn: Severity | 'none', parts: readonly Report[]): Verdict {
  const own: Verdict =
    failOn !== 'none' && findings.some((finding) => isAtLeast(finding.severity, failOn))
      ? 'failed'
      : 'passed';
  return [own, ...parts.map((part) => part.verdict)].reduce((worst, next) =>
    gravity.indexOf(next) > gravity.indexOf(worst) ? next : worst,
  );
}

function summarize(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'No findings.';
  const counts = new Map<Severity, number>();
  for (const { severity } of findings) counts.set(severity, (counts.get(severity) ?? 0) + 1);
  const parts = [...counts].map(([severity, count]) => `${count} ${severity}`);
  return `${findings.length} finding${findings.length === 1 ? '' : 's'}: ${parts.join(', ')}.`;
}
