import type { Baseline, Journal, JournalRelease } from './journal.ts';
import { isListOf, isRecord, isText } from './json.ts';

/** A journal without what its releases hold: their names alone. */
export type JournalHead = Omit<Journal, 'releases'> & { readonly releases: readonly string[] };

const headTexts = ['planId', 'rollout', 'startedAt', 'verb', 'commit', 'begunBy', 'by'] as const;
const phases: readonly unknown[] = ['running', 'rolling-back', 'pruning'] satisfies Journal['phase'][];

/** True for the whole head of a journal of the set: one of another set would put back that one's objects. */
export function isHead(value: unknown, set: string): value is JournalHead {
  if (!isRecord(value)) return false;
  const { epoch, phase, prune = [], reason = '', releases } = value;
  return (
    value['set'] === set &&
    headTexts.every((key) => isText(value[key])) &&
    phases.includes(phase) &&
    Number.isInteger(epoch) &&
    isText(reason) &&
    isListOf(prune, hasRef) &&
    isListOf(releases, isText)
  );
}

/** True for what a journal holds of the release. */
export function isJournalRelease(value: unknown, name: string): value is JournalRelease {
  if (!isRecord(value)) return false;
  const { timeoutMs, fromRevision, lastRevision, toRevision, goal = 0 } = value;
  const { triedSince = '', cameAt = '' } = value;
  return (
    value['name'] === name &&
    isText(value['namespace']) &&
    isListOf(value['needs'], isText) &&
    [timeoutMs, fromRevision, lastRevision, toRevision, goal].every(Number.isFinite) &&
    isText(triedSince) &&
    isText(cameAt) &&
    isListOf(value['newNamespaces'], isText) &&
    isListOf(value['baseline'], isBaseline)
  );
}

function isBaseline(value: unknown): value is Baseline {
  if (!hasRef(value)) return false;
  const { before } = value;
  return before === undefined || (isRecord(before) && isRecord(before['metadata']) && isKind(before));
}

function hasRef(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && isRecord(value['ref']) && isKind(value['ref']) && isText(value['ref']['name']);
}

function isKind({ apiVersion, kind }: Readonly<Record<string, unknown>>): boolean {
  return isText(apiVersion) && isText(kind);
}
