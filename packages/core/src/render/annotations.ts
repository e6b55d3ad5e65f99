import { compareFindings, type Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import type { Severity } from '../severity.ts';
import { escapeCommandData, escapeCommandProperty, escapeTerminal } from './escape.ts';

const levels: Readonly<Record<Severity, 'error' | 'warning' | 'notice'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'warning',
  info: 'notice',
};

/** All findings of a report and its parts, worst first. */
export function allFindings(report: Report): readonly Finding[] {
  return [...report.findings, ...report.parts.flatMap((part) => allFindings(part))].sort(compareFindings);
}

/**
 * GitHub workflow commands for the worst findings, at most `most` and `perLevel` of each level, and how many were left out.
 * Source: GitHub's workflow commands; its limit is 10 of each level in a step.
 */
export function renderAnnotations(
  report: Report,
  most = 10,
  perLevel = 10,
): { readonly text: string; readonly dropped: number } {
  const counts = { error: 0, warning: 0, notice: 0 };
  const lines: string[] = [];
  let dropped = 0;
  for (const finding of allFindings(report)) {
    const level = levels[finding.severity];
    if (lines.length >= most || counts[level] >= perLevel) {
      dropped += 1;
      continue;
    }
    counts[level] += 1;
    lines.push(renderAnnotation(level, finding));
  }
  return { text: lines.map((line) => `${line}\n`).join(''), dropped };
}

function renderAnnotation(level: string, finding: Finding): string {
  const { location } = finding;
  const properties: [string, string | number | undefined][] = [
    ['file', location?.path],
    ['line', location?.startLine],
    ['col', location?.startColumn],
    ['endLine', location?.endLine],
    ['endColumn', location?.endColumn],
    ['title', finding.ruleId],
  ];
  const given = properties
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeCommandProperty(escapeTerminal(String(value)))}`);
  const text = finding.remedy ? `${finding.message}\n${finding.remedy}` : finding.message;
  return `::${level} ${given.join(',')}::${escapeCommandData(escapeTerminal(text))}`;
}
