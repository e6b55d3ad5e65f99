import {
  asZakenakError,
  type CiHost,
  escapeCommandData,
  escapeTerminal,
  exitCodeOf,
  type Forge,
  type Ports,
  type Report,
  redactDeep,
  renderAnnotations,
  renderJson,
  renderMarkdown,
  renderTerminal,
} from '@zakenak/core';
import { exitCodeFor } from './exit-code.ts';
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

async function deliver(report: Report, to: Publication, clean: (text: string) => string): Promise<Report> {
  try {
    const paths = to.outputFolder ? await writeReportFiles(report, to, to.outputFolder) : {};
    await to.host.appendSummary(clean(renderMarkdown(report, { maxLength: 900_000 })));
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
  const { text, dropped } = renderAnnotations(report, to.annotationsMax, annotationsPerLevel);
  to.command(clean(text));
  if (dropped > 0) to.log.info(`${dropped} more findings are in the summary and the report files.`);
  for (const { code, message, remedy } of errorsOf(report))
    to.command(
      `::error title=${code}::${escapeCommandData(escapeTerminal(clean(`${message}\n${remedy}`)))}\n`,
    );
}

/** The errors of a report and its parts. */
function errorsOf(report: Report): readonly NonNullable<Report['error']>[] {
  return [...(report.error ? [report.error] : []), ...report.parts.flatMap(errorsOf)];
}

async function publishToForge(
  report: Report,
  to: Publication,
  clean: (text: string) => string,
): Promise<void> {
  if (!to.comment && !to.status) return;
  try {
    await writeToForge(report, to, clean);
  } catch (thrown) {
    // The verdict is known and shown: a comment that cannot be written must not replace it.
    const { message, remedy } = asZakenakError(thrown);
    to.log.warn(`The report did not reach the forge: ${message} ${remedy}`);
  }
}

async function writeToForge(report: Report, to: Publication, clean: (text: string) => string): Promise<void> {
  const forge = await to.forge();
  const event = await to.host.readEvent();
  if (!forge) {
    const known = to.host.name === 'github' || to.host.name === 'gitlab';
    const why = known
      ? 'No token for the forge was given'
      : `Zakenak does not speak the API of this forge (${to.host.name})`;
    to.log.warn(`${why}: comment and status were left out.`);
    return;
  }
  if (to.comment && event.pullRequest) {
    const url = await forge.upsertComment({
      pullRequest: event.pullRequest.number,
      marker: `zakenak:${report.tool}`,
      body: clean(renderMarkdown(report)),
    });
    to.log.info(`Report: ${url}`);
  }
  if (to.status && event.headSha) {
    const state = exitCodeOf(report) === 0 ? 'success' : report.verdict === 'errored' ? 'error' : 'failure';
    await forge.setStatus({
      sha: event.headSha,
      context: 'zakenak',
      state,
      description: clean(report.summary),
      ...(to.host.runUrl ? { url: to.host.runUrl } : {}),
    });
  }
}
