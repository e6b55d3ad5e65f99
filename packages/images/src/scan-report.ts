import { createFinding, type Finding, type Severity } from '@zakenak/core';
import { scanFailed } from './errors.ts';

/** A scanner's name. */
export type Scanner = 'trivy' | 'grype';

interface Vulnerability {
  readonly id: string;
  readonly severity: string;
  readonly packageName: string;
  readonly version: string;
  readonly fixedIn: string;
  readonly title: string;
  readonly docs: string | undefined;
}

const levels: Readonly<Record<string, Severity>> = {
  CRITICAL: 'critical',
  HIGH: 'high',
  MEDIUM: 'medium',
  LOW: 'low',
  NEGLIGIBLE: 'info',
};

/** The findings in a scanner's JSON report (trivy's schema 2, grype's matches), each located at `dockerfile`. Throws `image/scan-failed` for anything else. */
export function parseScanReport(scanner: Scanner, text: string, dockerfile: string): readonly Finding[] {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch (error) {
    throw scanFailed(scanner, 'its report is not JSON', error);
  }
  const found = scanner === 'trivy' ? readTrivy(report) : readGrype(report);
  if (found === undefined) throw scanFailed(scanner, 'its report has not the shape that we know');
  return found.map((vulnerability) => toFinding(scanner, vulnerability, dockerfile));
}

function readTrivy(report: unknown): readonly Vulnerability[] | undefined {
  const { SchemaVersion, Results } = record(report);
  // An image with nothing that trivy knows has no Results at all.
  if (SchemaVersion !== 2 || (Results !== undefined && Results !== null && !Array.isArray(Results)))
    return undefined;
  return list(Results)
    .flatMap((result) => list(record(result).Vulnerabilities))
    .map(record)
    .map((entry) => ({
      id: text(entry.VulnerabilityID),
      severity: text(entry.Severity),
      packageName: text(entry.PkgName),
      version: text(entry.InstalledVersion),
      fixedIn: text(entry.FixedVersion),
      title: text(entry.Title),
      docs: text(entry.PrimaryURL) || undefined,
    }));
}

function readGrype(report: unknown): readonly Vulnerability[] | undefined {
  const { matches } = record(report);
  if (!Array.isArray(matches)) return undefined;
  return matches.map((match) => {
    const vulnerability = record(record(match).vulnerability);
    const artifact = record(record(match).artifact);
    return {
      id: text(vulnerability.id),
      severity: text(vulnerability.severity),
      packageName: text(artifact.name),
      version: text(artifact.version),
      fixedIn: list(record(vulnerability.fix).versions).map(text).join(', '),
      title: text(vulnerability.description).split('\n', 1)[0] ?? '',
      docs: text(vulnerability.dataSource) || undefined,
    };
  });
}

function toFinding(scanner: Scanner, found: Vulnerability, dockerfile: string): Finding {
  const what = `${found.packageName} ${found.version} has ${found.id}`;
  const title = found.title === '' ? '' : `: ${found.title.slice(0, 200).replace(/\.$/, '')}`;
  return createFinding({
    ruleId: `image/${/^[\w.-]+$/.test(found.id) ? found.id : 'vulnerability'}`,
    // A level that we do not know must not slip under a gate set to medium.
    severity: levels[found.severity.toUpperCase()] ?? 'medium',
    message: `${what}${title}.`,
    location: { path: dockerfile },
    remedy:
      found.fixedIn === ''
        ? 'No fixed version is known yet: replace the package, or accept the risk by an ignore entry.'
        : `Update ${found.packageName} to ${found.fixedIn}.`,
    ...(found.docs === undefined ? {} : { docs: found.docs }),
    tool: scanner,
    identity: `${found.id}:${found.packageName}:${found.version}`,
  });
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
