import type { KubeObject, KubeRef } from '@zakenak/core';
import { isListOf, isRecord, isText } from '../objects/json.ts';

/** How an object was before the rollout; absent `before`: it did not exist. */
export interface Baseline {
  readonly ref: KubeRef;
  readonly before?: KubeObject;
}

/** One release of an unfinished rollout: where it stood, and every object that the rollout may touch. */
export interface JournalRelease {
  readonly name: string;
  readonly namespace: string;
  readonly needs: readonly string[];
  readonly timeoutMs: number;
  /** Deployed revision before, 0 for none. */
  readonly fromRevision: number;
  /** Newest revision before, 0 for none. */
  readonly lastRevision: number;
  /** What the plan makes of it, 0 for none. */
  readonly toRevision: number;
  readonly baseline: readonly Baseline[];
  /** Namespaces that did not exist. */
  readonly newNamespaces: readonly string[];
  /** The revision that a rollback goes back to, 0 for none: the release goes. */
  readonly goal?: number;
  /** When its install was first tried, of a release that only ever failed and goes: where that fails it is left as it was, failed. */
  readonly triedSince?: string;
  /** When it was first deployed, of a release that goes and leaves what is older. */
  readonly cameAt?: string;
  /** Objects alone are put back to the deployed revision: it stays the newest, whatever happens. */
  readonly keepsRevision?: true;
}

/** An object that goes, and which one it was. */
export interface Doomed {
  readonly ref: KubeRef;
  readonly uid?: string;
}

/** What an interrupted rollout leaves for the next run. Lives in Secrets: baselines hold the cluster's own secrets. */
export interface Journal {
  readonly set: string;
  readonly planId: string;
  /** Id of the rollout, kept over interruptions. */
  readonly rollout: string;
  readonly startedAt: string;
  /** What began: deploy, rollback… */
  readonly verb: string;
  /** What is rolled out; empty where nobody said. */
  readonly commit: string;
  /** Who began it, and who is at it now: another one after an interruption. */
  readonly begunBy: string;
  readonly by: string;
  /** `running`: goes forward again with the next deploy; `rolling-back`: is put back first; `pruning`: everything is deployed, the rest goes. */
  readonly phase: 'running' | 'rolling-back' | 'pruning';
  /** What is deleted when everything is deployed: what a resumed run finds deployed already would not tell it any more. */
  readonly prune?: readonly Doomed[];
  readonly epoch: number;
  readonly reason?: string;
  readonly releases: readonly JournalRelease[];
}

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
