import {
  asZakenakError,
  type CiHost,
  type Forge,
  type Insights,
  type Ports,
  type Report,
  redactDeep,
  renderAnnotations,
  renderErrorAnnotation,
  renderJson,
  renderMarkdown,
  renderTerminal,
} from '@zakenak/core';
import { exitCodeFor } from './exit-code.ts';
import { publishToForge } from './publish-to-forge.ts';
import { type ReportFiles, writeReportFiles } from './report-files.ts';

/** Where a report goes. */
export interface Publication extends ReportFiles {
  readonly host: CiHost;
  readonly log: Ports['log'];
  /** Writes to stdout. */
  readonly write: (text: string) => void;
  /** Writes a line that the CI host reads. */
  readonly command: (text: string) => void;
  readonly colour: boolean;
  readonly json: boolean;
  readonly outputFolder?: string;
  readonly annotationsMax: number;
  readonly comment: boolean;
  readonly status: boolean;
  /** See exitCodeFor. */
  readonly detailed: boolean;
  forge(): Promise<Forge | undefined>;
  /** Where the host shows findings other than in its log. */
  readonly insights?: Insights;
  /** Hears of the report as it will be shown, before anything is. */
  onSettled(report: Report, exitCode: number): void;
}

/**
 * Writes the report's files, hands its outputs to the host, shows it, and returns the exit code. Every byte passes the redactor. What cannot be written
 * becomes the report's error: it is shown once, with its findings, and never passes.
 */
export async function publish(judged: Report, to: Publication): Promise<number> {
  const clean = (text: string) => to.redactor.redact(text);
  const report = await deliver(redactDeep(judged, to.redactor), to, clean);
  const exitCode = exitCodeFor(report, to.detailed);
  to.onSettled(report, exitCode);
  if (to.json) to.write(clean(renderJson(report)));
  else to.write(clean(renderTerminal(report, { colour: to.colour })));
  if (to.host.capabilities.annotationsPerLevel > 0) annotate(report, to, clean);
  await publishToForge(report, to, clean);
  return exitCode;
}

/** GitHub drops a step's summary of more than 1 MiB whole: bytes, of which a character takes up to three. */
export function renderSummary(report: Report, clean: (text: string) => string): string {
  const render = (maxLength: number): string => clean(renderMarkdown(report, { maxLength }));
  const text = render(900_000);
  return Buffer.byteLength(text) > 1_000_000 ? render(300_000) : text;
}

async function deliver(report: Report, to: Publication, clean: (text: string) => string): Promise<Report> {
  try {
    const paths = to.outputFolder ? await writeReportFiles(report, to, to.outputFolder) : {};
    await to.host.appendSummary(renderSummary(report, clean));
    const own = { result: report.verdict, ...paths };
    for (const [name, value] of Object.entries({ ...report.outputs, ...own })) {
      await to.host.setOutput(name, clean(typeof value === 'string' ? value : JSON.stringify(value)));
    }
    return report;
  } catch (thrown) {
    const { code, message, remedy, exitCode } = asZakenakError(thrown);
    if (report.error) {
      to.log.warn(`The report could not be delivered: ${message} ${remedy}`);
      return report;
    }
    const summary = `${report.summary} The report could not be delivered: ${message}`;
    return { ...report, verdict: 'errored', summary, error: { code, message, remedy, exitCode } };
  }
}

function annotate(report: Report, to: Publication, clean: (text: string) => string): void {
  const { annotationsPerLevel } = to.host.capabilities;
  const style = to.host.name === 'azure' ? 'azure' : 'github';
  const { text, dropped } = renderAnnotations(report, {
    most: to.annotationsMax,
    perLevel: annotationsPerLevel,
    style,
  });
  to.command(clean(text));
  if (dropped > 0) to.log.info(`${dropped} more findings are in the summary and the report files.`);
  for (const error of errorsOf(report)) to.command(clean(renderErrorAnnotation(error, style)));
}

/** The errors of a report and its parts. */
function errorsOf(report: Report): readonly NonNullable<Report['error']>[] {
  return [...(report.error ? [report.error] : []), ...report.parts.flatMap(errorsOf)];
}
