import type { Finding } from '../finding.ts';
import { compareFindings } from '../finding.ts';
import type { Report, Verdict } from '../report.ts';
import { escapeMarkdown, inlineCode } from './escape.ts';

const icons: Readonly<Record<Verdict, string>> = {
  passed: '✅',
  failed: '❌',
  simulated: '🧪',
  'rolled-back': '↩️',
  skipped: '⏭️',
  errored: '💥',
};

/** How a report becomes Markdown. */
export interface MarkdownOptions {
  /** Findings listed per report; the rest is counted. 50 where nothing is said. */
  readonly maxFindings?: number;
  /** Longest text in UTF-16 code units: GitHub's comment limit of 65,536 less room for the marker where nothing is said. */
  readonly maxLength?: number;
}

/**
 * The report as GitHub- and GitLab-flavoured Markdown: job summaries and the one sticky comment. What is too long shows fewer findings of each stage, which
 * counts the others; what still is gets cut at a line, with the number of lines that are missing.
 */
export function renderMarkdown(report: Report, options: MarkdownOptions = {}): string {
  const most = options.maxFindings ?? 50;
  const limit = options.maxLength ?? 65_000;
  let text = '';
  for (const maxFindings of [most, ...fewerFindings.filter((fewer) => fewer < most)]) {
    text = renderReport(report, 2, maxFindings);
    if (text.length <= limit) return text;
  }
  const kept = text.slice(0, limit - roomForNote).replace(/\n[^\n]*$/, '\n');
  const [all, left] = [countLines(text), countLines(text) - countLines(kept)];
  const note = `\n\n_Cut here: ${left} of ${all} lines are left out; the whole report is in the run’s artefacts._\n`;
  return closeOpenBlocks(kept) + note;
}

/** Findings listed per report where all of them are too long. */
const fewerFindings = [20, 10, 3];
const roomForNote = 320;

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

function renderReport(report: Report, level: number, maxFindings: number): string {
  const heading = `${'#'.repeat(Math.min(level, 6))} ${icons[report.verdict]} ${report.tool}: ${report.verdict}`;
  const error = report.error
    ? [
        `**${inlineCode(report.error.code)}** ${escapeMarkdown(report.error.message)}\n\n${escapeMarkdown(report.error.remedy)}`,
      ]
    : [];
  const summary = report.error ? [] : [escapeMarkdown(report.summary)];
  const caveats = report.caveats.map((caveat) => `> ⚠️ ${escapeMarkdown(caveat)}`);
  const blocks = [
    heading,
    ...summary,
    ...error,
    ...(report.parts.length ? [renderParts(report.parts)] : []),
    ...(caveats.length ? [caveats.join('\n')] : []),
    ...(report.findings.length ? [renderFindings(report.findings, maxFindings)] : []),
    ...report.sections.map(
      (section) =>
        `<details><summary>${escapeMarkdown(section.title)}</summary>\n\n${section.markdown}\n\n</details>`,
    ),
    ...report.parts
      .filter(isWorthShowing)
      .map((part) => renderReport(part, level + 1, maxFindings).trimEnd()),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function isWorthShowing(report: Report): boolean {
  return (
    report.findings.length + report.sections.length + report.parts.length > 0 || report.error !== undefined
  );
}

function renderParts(parts: readonly Report[]): string {
  const rows = parts.map(
    (part) =>
      `| ${icons[part.verdict]} ${part.verdict} | ${inlineCode(part.tool)} | ${escapeMarkdown(part.summary)} |`,
  );
  return ['| verdict | stage | summary |', '| --- | --- | --- |', ...rows].join('\n');
}

function renderFindings(findings: readonly Finding[], most: number): string {
  const shown = [...findings].sort(compareFindings).slice(0, most);
  const rows = shown.map((finding) => {
    const remedy = finding.remedy ? `<br>${escapeMarkdown(finding.remedy)}` : '';
    const cells = [
      finding.severity,
      renderPlace(finding),
      inlineCode(finding.ruleId),
      escapeMarkdown(finding.message) + remedy,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const more = findings.length - shown.length;
  return [
    '| severity | where | rule | what |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...(more > 0 ? ['', `… and ${more} more.`] : []),
  ].join('\n');
}

function renderPlace({ location }: Finding): string {
  if (!location) return '';
  const line = location.startLine ? `:${location.startLine}` : '';
  const commit = location.commit ? ` @ ${location.commit.slice(0, 12)}` : '';
  return inlineCode(`${location.path}${line}${commit}`);
}

function closeOpenBlocks(text: string): string {
  const fences = text.match(/^```/gm)?.length ?? 0;
  const open = (text.match(/<details>/g)?.length ?? 0) - (text.match(/<\/details>/g)?.length ?? 0);
  return text + (fences % 2 ? '```\n' : '') + '\n</details>\n'.repeat(Math.max(0, open));
}
