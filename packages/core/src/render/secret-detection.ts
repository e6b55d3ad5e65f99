import type { Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import type { Severity } from '../severity.ts';
import { allFindings } from './annotations.ts';

const severities: Readonly<Record<Severity, string>> = {
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
  info: 'Info',
};

/** What the report itself does not know of a run. */
export interface ScanCircumstances {
  readonly version: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
}

/** What GitLab's own analyzer writes where it knows no commit. */
const unknownCommit = '0000000';
const longestName = 255;

/**
 * GitLab's secret detection report, version 15.0.1 (security-report-schemas), of the secret scans in a report; undefined where none was made, since an empty one would say
 * that nothing was found. It has no extract of the source.
 */
export function renderSecretDetection(report: Report, around: ScanCircumstances): string | undefined {
  const scans = collectScans(report);
  if (scans.length === 0) return undefined;
  const { version } = around;
  const itself = { id: 'zakenak', name: 'Zakenak', version, vendor: { name: 'Zakenak' } };
  const errors = scans.flatMap(({ error }) => error ?? []);
  const seen = new Map<string, number>();
  const log = {
    version: '15.0.1',
    scan: {
      analyzer: itself,
      scanner: itself,
      type: 'secret_detection',
      start_time: formatTime(around.startedAt),
      end_time: formatTime(around.endedAt),
      status: errors.length > 0 ? 'failure' : 'success',
      messages: errors.map(({ message, remedy }) => ({ level: 'fatal', value: `${message} ${remedy}` })),
    },
    vulnerabilities: scans.flatMap((scan) => {
      const { head } = scan.outputs;
      return allFindings(scan).map((finding) => {
        const count = seen.get(finding.fingerprint) ?? 0;
        seen.set(finding.fingerprint, count + 1);
        const id = count === 0 ? finding.fingerprint : `${finding.fingerprint}-${count}`;
        return renderVulnerability(finding, id, typeof head === 'string' ? head : unknownCommit);
      });
    }),
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

/** The engine's report, or the error of the verb that did not get that far. */
function collectScans(report: Report): readonly Report[] {
  if (report.tool === 'scan-secrets' || report.tool === 'secrets') return [report];
  return report.parts.flatMap(collectScans);
}

function renderVulnerability({ ruleId, ...finding }: Finding, id: string, head: string): object {
  const { location, tool } = finding;
  return {
    id,
    name: ruleId.slice(0, longestName),
    description: finding.message,
    severity: severities[finding.severity],
    ...(finding.remedy ? { solution: finding.remedy } : {}),
    identifiers: [{ type: `${tool}_rule_id`, name: `${tool} rule ${ruleId}`, value: ruleId }],
    location: {
      file: location?.path ?? '.',
      commit: { sha: location?.commit ?? head },
      start_line: location?.startLine ?? 1,
      end_line: location?.endLine ?? location?.startLine ?? 1,
    },
  };
}

/** `yyyy-mm-ddThh:mm:ss` in UTC, without a zone: anything else does not match the schema. */
function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19);
}
