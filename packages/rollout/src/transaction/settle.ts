import type { Report } from '@zakenak/core';
import type { FailedRelease } from '../apply/release-run.ts';
import type { RunContext } from '../apply/run-context.ts';
import { ReleaseFailure } from '../failure.ts';
import type { OnFailure } from '../request.ts';
import { putBackSet } from '../rollback/put-back.ts';
import { rollBack } from '../rollback/rollback.ts';
import { endJournal } from '../state/end-journal.ts';
import { type JournalPlace, writeHead } from '../state/journal.ts';
import type { Journal } from '../state/journal-shape.ts';
import { tellingFirst } from './first-cause.ts';
import type { Outcome } from './report-deploy.ts';

/** How a run of a plan went. */
interface Settlement {
  readonly onFailure: OnFailure;
  readonly journal: Journal;
  readonly place: JournalPlace;
  readonly failures: readonly FailedRelease[];
  readonly notBegun: readonly string[];
  readonly verification: Report | undefined;
}

/** Deals with a failed run as `onFailure` says; undefined where nothing failed. The journal stays only where putting back did not succeed. What keeps it from that is thrown, and tells the failure too. */
export async function settle(settlement: Settlement, context: RunContext): Promise<Ended | undefined> {
  const failures = [...settlement.failures, ...failedVerification(settlement.verification)];
  const [first] = failures;
  if (!first) return undefined;
  const cause = `${first.release}: ${first.failure.message.replace(/\.?$/, '.')}`;
  const reason = context.ports.redactor.redact(cause);
  return tellingFirst(reason, () => settleFailed({ ...settlement, failures, cause, reason }, context));
}

type Ended = Omit<Outcome, 'tool' | 'plan'>;

/** Its failures hold the verification's; `cause` is the first of them in words, `reason` the same redacted. */
interface FailedSettlement extends Settlement {
  readonly cause: string;
  readonly reason: string;
}

async function settleFailed(settlement: FailedSettlement, context: RunContext): Promise<Ended> {
  const { onFailure, journal, place, failures, cause, reason } = settlement;
  const isVerification = failures[0]?.failure.ruleId === 'rollout/verification-failed';
  if (onFailure === 'keep') {
    const revisions = untouched(settlement);
    await endJournal(journal, { outcome: 'kept', cause: reason, revisions }, place, context);
    return {
      verdict: 'failed',
      failures,
      summary: `${cause} Everything is left as it is (on-failure: keep).`,
    };
  }
  if (onFailure === 'release' && !isVerification)
    return settleReleases(settlement, { ...journal, reason }, context);
  const stopped: Journal = { ...journal, phase: 'rolling-back', reason };
  await writeHead(stopped, place, context.ports);
  const rollback = await putBackSet(stopped, place, context);
  const { losses } = rollback;
  if (losses !== undefined && rollback.failures.length === 0)
    return { verdict: 'failed', failures, rollback, summary: `${cause} ${losses}` };
  return rollback.failures.length > 0
    ? {
        verdict: 'failed',
        failures,
        rollback,
        summary: `${cause} The set could not be put back whole: run zakenak rollback to go on.`,
      }
    : { verdict: 'rolled-back', failures, rollback, summary: `${cause} The whole set is as it was before.` };
}

/** Where releases are that were not begun. */
function untouched({ journal, notBegun }: Settlement): ReadonlyMap<string, number> {
  const left = journal.releases.filter(({ name }) => notBegun.includes(name));
  return new Map(left.map(({ name, fromRevision }) => [name, fromRevision]));
}

async function settleReleases(settlement: Settlement, journal: Journal, context: RunContext): Promise<Ended> {
  const { failures, place } = settlement;
  const failed = new Set(failures.map(({ release }) => release));
  const releases = journal.releases.filter(({ name }) => failed.has(name));
  const rollback = await rollBack({ ...journal, releases }, releases, context);
  const restored = rollback.restored.map(({ name, revision }) => [name, revision] as const);
  const revisions = new Map([...untouched(settlement), ...restored]);
  const ending = { outcome: 'failed', cause: journal.reason ?? '', revisions } as const;
  if (rollback.failures.length === 0) await endJournal(journal, ending, place, context);
  const names = [...failed].join(', ');
  return {
    verdict: 'failed',
    failures,
    rollback,
    summary: `${names} failed and ${failed.size === 1 ? 'was' : 'were'} put back; the others stay (on-failure: release).`,
  };
}

function failedVerification(verification: Report | undefined): readonly FailedRelease[] {
  if (!verification || !['failed', 'errored', 'rolled-back'].includes(verification.verdict)) return [];
  const reason = `${verification.tool}: ${verification.summary}`;
  return [{ release: 'verification', failure: new ReleaseFailure('rollout/verification-failed', reason) }];
}
