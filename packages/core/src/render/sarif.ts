import type { Finding } from '../finding.ts';
import type { Report } from '../report.ts';
import type { Severity } from '../severity.ts';
import { allFindings } from './annotations.ts';

/** GitHub code scanning keeps at most this many results of a run. */
const maxResults = 5_000;

const levels: Readonly<Record<Severity, string>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};
/** GitHub's bands: critical > 9.0, high 7.0 to 8.9, medium 4.0 to 6.9, low 0.1 to 3.9. */
const scores: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  info: '0.1',
};

/** A SARIF 2.1.0 log with one run per tool (OASIS SARIF 2.1.0, with GitHub's `security-severity`). Ends with a newline. */
export function renderSarif(report: Report, version: string): string {
  const findings = allFindings(report);
  const tools = [...new Set(findings.map(({ tool }) => tool))].sort();
  const runs = (tools.length ? tools : ['zakenak']).map((tool) =>
    renderRun(
      tool,
      findings.filter((finding) => finding.tool === tool),
      version,
    ),
  );
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function renderRun(tool: string, findings: readonly Finding[], version: string): object {
  const ruleIds = [...new Set(findings.map(({ ruleId }) => ruleId))].sort();
  const kept = findings.slice(0, maxResults);
  return {
    tool: {
      driver: {
        name: `zakenak/${tool}`,
        semanticVersion: version,
        rules: ruleIds.map((ruleId) => renderRule(ruleId, findings)),
      },
    },
    automationDetails: { id: `zakenak/${tool}/` },
    columnKind: 'utf16CodeUnits',
    results: kept.map((finding) => renderResult(finding, ruleIds)),
    ...(kept.length < findings.length
      ? { properties: { resultsLeftOut: findings.length - kept.length } }
      : {}),
  };
}

function renderRule(ruleId: string, findings: readonly Finding[]): object {
  const worst = findings.find((finding) => finding.ruleId === ruleId);
  const severity = worst?.severity ?? 'info';
  return {
    id: ruleId,
    shortDescription: { text: ruleId },
    defaultConfiguration: { level: levels[severity] },
    ...(worst?.docs ? { helpUri: worst.docs } : {}),
    ...(worst?.remedy ? { help: { text: worst.remedy } } : {}),
    properties: { 'security-severity': scores[severity], tags: [ruleId.split('/')[0]] },
  };
}

function renderResult(finding: Finding, ruleIds: readonly string[]): object {
  return {
    ruleId: finding.ruleId,
    ruleIndex: ruleIds.indexOf(finding.ruleId),
    level: levels[finding.severity],
    message: { text: finding.remedy ? `${finding.message} ${finding.remedy}` : finding.message },
    locations: [renderLocation(finding)],
    partialFingerprints: { 'zakenakFingerprint/v1': finding.fingerprint },
  };
}

function renderLocation(finding: Finding): object {
  const { location } = finding;
  // GitHub drops results without a file: a finding about the repository as a whole is shown at its root.
  const uri = encodeURI(location?.path ?? '.')
    .replaceAll('#', '%23')
    .replaceAll('?', '%3F');
  const region = {
    startLine: location?.startLine ?? 1,
    ...(location?.startColumn ? { startColumn: location.startColumn } : {}),
    ...(location?.endLine ? { endLine: location.endLine } : {}),
    ...(location?.endColumn ? { endColumn: location.endColumn } : {}),
  };
  return { physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, region } };
}
