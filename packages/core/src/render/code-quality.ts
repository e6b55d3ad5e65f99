import type { Report } from '../report.ts';
import type { Severity } from '../severity.ts';
import { allFindings } from './annotations.ts';

const severities: Readonly<Record<Severity, string>> = {
  critical: 'blocker',
  high: 'critical',
  medium: 'major',
  low: 'minor',
  info: 'info',
};

/** GitLab's Code Quality report: an array without a byte-order mark (docs.gitlab.com, ci/testing/code_quality). */
export function renderCodeQuality(report: Report): string {
  const seen = new Map<string, number>();
  const entries = allFindings(report).map((finding) => {
    // GitLab collapses entries with one fingerprint: a second place of the same finding gets a suffix.
    const count = seen.get(finding.fingerprint) ?? 0;
    seen.set(finding.fingerprint, count + 1);
    return {
      description: finding.remedy ? `${finding.message} ${finding.remedy}` : finding.message,
      check_name: finding.ruleId,
      fingerprint: count === 0 ? finding.fingerprint : `${finding.fingerprint}-${count}`,
      severity: severities[finding.severity],
      location: { path: finding.location?.path ?? '.', lines: { begin: finding.location?.startLine ?? 1 } },
    };
  });
  return `${JSON.stringify(entries, null, 2)}\n`;
}
