import { createHash } from 'node:crypto';
import { compareSeverity, type Severity } from './severity.ts';

/** Where in the user's repository a finding lies. Paths are POSIX and relative to the workspace; lines and columns count from 1. */
export interface Location {
  readonly path: string;
  readonly startLine?: number;
  readonly startColumn?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  /** The full object id of the commit that the location speaks of, where it is not the checked-out tree. */
  readonly commit?: string;
}

/** One thing that is wrong with the user's artefact. Never carries a secret's text. */
export interface Finding {
  /** `area/what-is-wrong`, stable over releases. */
  readonly ruleId: string;
  readonly severity: Severity;
  /** What is wrong, one sentence. */
  readonly message: string;
  readonly location?: Location;
  /** How to mend it, one imperative sentence. */
  readonly remedy?: string;
  /** Address of the rule's documentation. */
  readonly docs?: string;
  /** The program that found it: `helm`, `kubeconform`, `gitleaks`, `zakenak`… */
  readonly tool: string;
  /** Stable identity over line moves, hex. Baselines and forges use it to recognise the same finding. */
  readonly fingerprint: string;
}

/** A finding before its fingerprint is known; `identity` replaces message and line as what makes it the same finding. */
export interface FindingDraft extends Omit<Finding, 'fingerprint'> {
  readonly identity?: string;
}

/** Completes a draft with its fingerprint: SHA-256 over tool, rule, path and identity (the message where none is given). */
export function createFinding(draft: FindingDraft): Finding {
  const { identity, ...finding } = draft;
  const parts = [draft.tool, draft.ruleId, draft.location?.path ?? '', identity ?? draft.message];
  const fingerprint = createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32);
  return { ...finding, fingerprint };
}

/** Orders findings worst first, then by path, line, rule and fingerprint: the one order of every output. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    compareSeverity(a.severity, b.severity) ||
    compareText(a.location?.path ?? '', b.location?.path ?? '') ||
    (a.location?.startLine ?? 0) - (b.location?.startLine ?? 0) ||
    compareText(a.ruleId, b.ruleId) ||
    compareText(a.fingerprint, b.fingerprint)
  );
}

/** Sorted findings, each fingerprint once. */
export function collectFindings(findings: Iterable<Finding>): readonly Finding[] {
  const seen = new Map<string, Finding>();
  for (const finding of [...findings].sort(compareFindings)) {
    const key = `${finding.fingerprint}:${finding.location?.startLine ?? 0}`;
    if (!seen.has(key)) seen.set(key, finding);
  }
  return [...seen.values()];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
