import { compareFindings, type Finding } from '../finding.ts';
import type { Report, Verdict } from '../report.ts';
import type { Severity } from '../severity.ts';
import { escapeTerminal, escapeTerminalLine, neutralizeCommands } from './escape.ts';

type Style = 'red' | 'yellow' | 'green' | 'cyan' | 'dim' | 'bold';
const codes: Readonly<Record<Style, number>> = { red: 31, yellow: 33, green: 32, cyan: 36, dim: 2, bold: 1 };

const verdictStyles: Readonly<Record<Verdict, Style>> = {
  passed: 'green',
  failed: 'red',
  simulated: 'cyan',
  'rolled-back': 'yellow',
  skipped: 'dim',
  errored: 'red',
};
const severityStyles: Readonly<Record<Severity, Style>> = {
  critical: 'red',
  high: 'red',
  medium: 'yellow',
  low: 'yellow',
  info: 'dim',
};

/** How a report becomes terminal text. */
export interface TerminalOptions {
  /** ANSI colours; off where nothing is said. */
  readonly colour?: boolean;
  /** Findings listed per report; the rest is counted. 100 where nothing is said. */
  readonly maxFindings?: number;
}

/** The report for a person at a terminal or in a job's log. Control characters cannot reach the terminal, and no CI host finds a command in it. */
export function renderTerminal(report: Report, options: TerminalOptions = {}): string {
  return neutralizeCommands(`${renderReport(report, '', options).join('\n')}\n`);
}

function renderReport(report: Report, indent: string, options: TerminalOptions): readonly string[] {
  const paint = (style: Style, text: string) =>
    options.colour ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
  const verdict = paint(verdictStyles[report.verdict], report.verdict.toUpperCase());
  const most = options.maxFindings ?? 100;
  const findings = [...report.findings].sort(compareFindings);
  const lines = [
    `${paint('bold', report.tool)}  ${verdict}  ${escapeTerminal(report.summary)}`,
    ...(report.error
      ? [
          `  ${paint('red', report.error.code)}`,
          `  ${paint('bold', 'remedy:')} ${escapeTerminal(report.error.remedy)}`,
        ]
      : []),
    ...findings.slice(0, most).flatMap((finding) => renderFinding(finding, paint)),
    ...(findings.length > most ? [`  … and ${findings.length - most} more`] : []),
    ...report.sections.flatMap(({ text }) => (text === undefined ? [] : renderText(text, paint))),
    ...report.caveats.map((caveat) => `  ${paint('cyan', '!')} ${escapeTerminal(caveat)}`),
  ];
  return [
    ...lines.map((line) => indent + line),
    ...report.parts.flatMap((part) => renderReport(part, `${indent}  `, options)),
  ];
}

const signStyles: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '~': 'yellow' };

function renderText(text: string, paint: (style: Style, text: string) => string): readonly string[] {
  return text.split('\n').map((line) => {
    const style = signStyles[line.trimStart()[0] ?? ''];
    const shown = `  ${escapeTerminal(line)}`;
    return style ? paint(style, shown) : shown;
  });
}

function renderFinding(finding: Finding, paint: (style: Style, text: string) => string): readonly string[] {
  const { location } = finding;
  const position = location?.startLine
    ? `:${location.startLine}${location.startColumn ? `:${location.startColumn}` : ''}`
    : '';
  const commit = location?.commit ? ` @ ${location.commit.slice(0, 12)}` : '';
  const place = location ? `${escapeTerminalLine(location.path)}${position}${commit}` : '';
  return [
    `  ${paint(severityStyles[finding.severity], finding.severity.padEnd(8))} ${[place, paint('dim', finding.ruleId)].filter(Boolean).join('  ')}`,
    `           ${escapeTerminal(finding.message).replaceAll('\n', '\n           ')}`,
    ...(finding.remedy ? [`           ${paint('dim', '→')} ${escapeTerminal(finding.remedy)}`] : []),
  ];
}
