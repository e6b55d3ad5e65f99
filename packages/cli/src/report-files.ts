import { join } from 'node:path';
import {
  type Ports,
  type Report,
  renderCodeQuality,
  renderJson,
  renderJunit,
  renderMarkdown,
  renderSarif,
  renderSecretDetection,
} from '@zakenak/core';

/** What report files are made with. */
export interface ReportFiles extends Pick<Ports, 'files' | 'redactor' | 'clock'> {
  readonly version: string;
  /** When the run began. */
  readonly startedAt: Date;
  /** The formats that are written; empty: all that the report has. */
  readonly formats: readonly string[];
}

interface ReportFile {
  readonly format: string;
  readonly name: string;
  /** The output that names the file. */
  readonly output?: string;
  /** Undefined where the report has nothing to say in this format. */
  render(report: Report, around: Omit<ReportFiles, 'formats'>): string | undefined;
}

const reportFiles: readonly ReportFile[] = [
  { format: 'json', name: 'report.json', render: renderJson },
  {
    format: 'markdown',
    name: 'report.md',
    output: 'report-file',
    render: (report) => renderMarkdown(report, { maxFindings: 5_000, maxLength: Number.MAX_SAFE_INTEGER }),
  },
  {
    format: 'sarif',
    name: 'report.sarif',
    output: 'sarif-file',
    render: (report, { version }) => renderSarif(report, version),
  },
  { format: 'junit', name: 'junit.xml', render: (report) => renderJunit(report) },
  { format: 'code-quality', name: 'gl-code-quality-report.json', render: renderCodeQuality },
  {
    format: 'gl-secret-detection',
    name: 'gl-secret-detection-report.json',
    render: (report, { version, startedAt, clock }) =>
      renderSecretDetection(report, { version, startedAt, endedAt: clock.now() }),
  },
];

/** Writes the report's files into a folder of the workspace, all or none, and returns their paths by output, as the next step's inputs want them. */
export async function writeReportFiles(
  report: Report,
  to: ReportFiles,
  folder: string,
): Promise<Readonly<Record<string, string>>> {
  const wanted = reportFiles.filter(({ format }) => to.formats.length === 0 || to.formats.includes(format));
  const target = await to.files.resolve(folder);
  const written: string[] = [];
  const paths: Record<string, string> = {};
  try {
    for (const { name, output, render } of wanted) {
      const text = render(report, to);
      if (text === undefined) continue;
      const path = join(target, name);
      written.push(path);
      await to.files.write(path, to.redactor.redact(text));
      if (output) paths[output] = join(folder, name).replaceAll('\\', '/');
    }
    return paths;
  } catch (thrown) {
    // Half a set, or one of two runs, would be read as this run's report.
    await Promise.all(written.map((path) => to.files.remove(path).catch(() => {})));
    throw thrown;
  }
}
