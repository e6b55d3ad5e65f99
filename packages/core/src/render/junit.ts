import { compareFindings, type Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import { isAtLeast, type Severity } from '../severity.ts';
import { escapeXml } from './escape.ts';

/** JUnit XML as GitLab, Azure and Jenkins read it: one suite per report, one case per finding; below `failOn` a case passes with its text as output. */
export function renderJunit(report: Report, failOn: Severity = 'high'): string {
  const suites = flatten(report).map((part) => renderSuite(part, failOn));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="zakenak">\n${suites.join('')}</testsuites>\n`;
}

function flatten(report: Report): readonly Report[] {
  return [report, ...report.parts.flatMap(flatten)];
}

function renderSuite(report: Report, failOn: Severity): string {
  const findings = [...report.findings].sort(compareFindings);
  const failures = findings.filter(({ severity }) => isAtLeast(severity, failOn)).length;
  const errors = report.error ? 1 : 0;
  const skipped = report.verdict === 'skipped' ? 1 : 0;
  const summary = escapeXml(report.summary);
  const own = report.error
    ? `<error message="${escapeXml(report.error.message)}">${escapeXml(report.error.remedy)}</error>`
    : skipped
      ? `<skipped message="${summary}"/>`
      : '';
  const cases = [
    `    <testcase classname="${escapeXml(report.tool)}" name="verdict: ${report.verdict}">${own}</testcase>\n`,
    ...findings.map((finding) => renderCase(report.tool, finding, failOn)),
  ];
  const counts = `tests="${findings.length + 1}" failures="${failures}" errors="${errors}" skipped="${skipped}"`;
  return `  <testsuite name="${escapeXml(report.tool)}" ${counts}>\n${cases.join('')}  </testsuite>\n`;
}

function renderCase(tool: string, finding: Finding, failOn: Severity): string {
  const { location } = finding;
  const where = location
    ? `${location.path}${location.startLine ? `:${location.startLine}` : ''}`
    : 'repository';
  const text = escapeXml([finding.message, finding.remedy].filter(Boolean).join('\n'));
  const body = isAtLeast(finding.severity, failOn)
    ? `<failure type="${finding.severity}" message="${escapeXml(finding.message)}">${text}</failure>`
    : `<system-out>${text}</system-out>`;
  const file = location ? ` file="${escapeXml(location.path)}"` : '';
  return `    <testcase classname="${escapeXml(tool)}" name="${escapeXml(`${finding.ruleId} ${where}`)}"${file}>${body}</testcase>\n`;
}
