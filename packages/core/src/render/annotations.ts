import { compareFindings, type Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import type { Severity } from '../severity.ts';
import {
  escapeAzureData,
  escapeAzureProperty,
  escapeCommandData,
  escapeCommandProperty,
  escapeTerminal,
} from './escape.ts';

/**
 * How a CI host wants annotations in its log. `github`: workflow commands (docs.github.com, workflow commands). `azure`: `##vso[task.logissue]`, which knows
 * errors and warnings only (learn.microsoft.com, azure/devops/pipelines/scripts/logging-commands).
 */
export type AnnotationStyle = 'github' | 'azure';

type Level = 'error' | 'warning' | 'notice';

const levels: Readonly<Record<Severity, Level>> = {
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

/** Which annotations are written. */
export interface AnnotationOptions {
  /** 10 where nothing is said. */
  readonly most?: number;
  /** Most of each level; 10, GitHub's and Azure's limit for a step, where nothing is said. */
  readonly perLevel?: number;
  /** `github` where nothing is said. */
  readonly style?: AnnotationStyle;
}

/** The host's commands for the worst findings, and how many were left out. */
export function renderAnnotations(
  report: Report,
  { most = 10, perLevel = 10, style = 'github' }: AnnotationOptions = {},
): { readonly text: string; readonly dropped: number } {
  const counts = { error: 0, warning: 0, notice: 0 };
  const lines: string[] = [];
  let dropped = 0;
  for (const finding of allFindings(report)) {
    const level = levelOf(finding, style);
    if (lines.length >= most || counts[level] >= perLevel) {
      dropped += 1;
      continue;
    }
    counts[level] += 1;
    lines.push(renderAnnotation(level, finding, style));
  }
  return { text: lines.join(''), dropped };
}

/** The host's command for an error that ended the run. */
export function renderErrorAnnotation(
  { code, message, remedy }: NonNullable<Report['error']>,
  style: AnnotationStyle,
): string {
  const title = style === 'azure' ? 'code' : 'title';
  return renderCommand('error', [[title, code]], { text: `${message}\n${remedy}`, style });
}

function levelOf({ severity }: Finding, style: AnnotationStyle): Level {
  const level = levels[severity];
  return style === 'azure' && level === 'notice' ? 'warning' : level;
}

type Properties = readonly (readonly [string, string | number | undefined])[];

function renderAnnotation(level: Level, finding: Finding, style: AnnotationStyle): string {
  const { location, ruleId, message, remedy } = finding;
  const properties: Properties =
    style === 'azure'
      ? [
          ['sourcepath', location?.path],
          ['linenumber', location?.startLine],
          ['columnnumber', location?.startColumn],
          ['code', ruleId],
        ]
      : [
          ['file', location?.path],
          ['line', location?.startLine],
          ['col', location?.startColumn],
          ['endLine', location?.endLine],
          ['endColumn', location?.endColumn],
          ['title', ruleId],
        ];
  return renderCommand(level, properties, { text: remedy ? `${message}\n${remedy}` : message, style });
}

function renderCommand(
  level: Level,
  properties: Properties,
  { text, style }: { readonly text: string; readonly style: AnnotationStyle },
): string {
  const escaped = style === 'azure' ? escapeAzureProperty : escapeCommandProperty;
  const given = properties
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escaped(escapeTerminal(String(value)))}`);
  return style === 'azure'
    ? `##vso[task.logissue ${[`type=${level}`, ...given].join(';')}]${escapeAzureData(escapeTerminal(text))}\n`
    : `::${level} ${given.join(',')}::${escapeCommandData(escapeTerminal(text))}\n`;
}
