import { createLimiter, createReport, type Report } from '@zakenak/core';
import { lookInto } from './damaged-record.ts';
import {
  nothingBefore,
  nothingDeployed,
  revisionOfNone,
  sameBefore,
  unknownRelease,
  unknownRevision,
} from './errors.ts';
import { renderFromRecord, renderRemoval } from './from-record.ts';
import { needsWithin, orderByNeeds, reverseNeeds } from './graph.ts';
import { createHealthRules } from './health-rules.ts';
import { mindingHeld } from './held-rules.ts';
import {
  formerOf,
  type HelmHistory,
  type HelmRecord,
  keptFailure,
  keptInstalls,
  newest,
  putBackBy,
  readHistories,
  rolloutOf,
  standing,
  wasInstalled,
} from './helm-storage.ts';
import { type Journal, type JournalRelease, readJournal, writeHead } from './journal.ts';
import { textAt } from './json.ts';
import { createKinds } from './kinds.ts';
import { acquireLock } from './lock.ts';
import { createObserver } from './observer.ts';
import { type Intent, type PlanPorts, type PreparedRollout, planRendered } from './plan-rollout.ts';
import { putBackSet } from './put-back.ts';
import type { RunPorts } from './release-run.ts';
import type { RenderedRelease } from './render.ts';
import { failureFindings } from './report-deploy.ts';
import { defaultTimeoutMs, type ReleaseRequest, type TransactionOptions } from './request.ts';
import { isTouched } from './rollback.ts';
import { tableSection } from './table-section.ts';
import { holderOf, lockRequestOf, placeOf, transact } from './transaction.ts';

/** What is rolled back. */
export interface RollbackRequest extends TransactionOptions {
  readonly set: string;
  /** The releases of the set. */
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace' | 'needs' | 'timeoutMs'>[];
  /** Only this one; without it the last rollout of the set that is still there, as a whole, or the one that was interrupted. */
  readonly release?: string;
  /** Revision of `release`; the last one that holds something else than the deployed one where nothing is said. */
  readonly revision?: number;
}

type RollbackPorts = PlanPorts & RunPorts;

/**
 * Goes back: an interrupted rollout is undone; else the last rollout of the set goes back whole, dependents first; or one release goes to a revision. By the
 * same planner, lock and journal as a deploy. Throws ZakenakError `rollout/unknown-release`, `rollout/unknown-revision`, `rollout/revision-without-release` and what a deploy throws.
 */
export async function rollBackRollout(
  given: RollbackRequest,
  ports: RollbackPorts,
  signal: AbortSignal = new AbortController().signal,
): Promise<Report> {
  const request = mindingHeld(given, ports);
  if (request.release === undefined && request.revision !== undefined) throw revisionOfNone(request.revision);
  const known = request.releases.map(({ name }) => name);
  if (request.release !== undefined && !known.includes(request.release))
    throw unknownRelease(request.release, known);
  const interrupted =
    request.release === undefined ? await readJournal(placeOf(request, ports), ports, signal) : undefined;
  // One that is pruning has succeeded: it is the last rollout. An interrupted rollback is gone on with.
  const isRollback = interrupted?.verb === 'rollback' && interrupted.phase === 'running';
  if (interrupted && interrupted.phase !== 'pruning' && !isRollback)
    return request.dryRun
      ? showInterrupted(interrupted, await readHistories(request.releases, ports, signal))
      : undoInterrupted(request, ports, signal);
  const goals = isRollback ? interrupted.releases : undefined;
  const prepare = (): Promise<PreparedRollout> => prepareRollback(request, goals, ports, signal);
  return transact({ ...request, tool: 'rollback', look: async () => prepare }, ports, signal);
}

/** What undoing it would do: nothing of it is written. */
function showInterrupted(journal: Journal, histories: ReadonlyMap<string, HelmHistory>): Report {
  const { set, startedAt, by } = journal;
  const begun = journal.releases.filter((release) => isTouched(release, histories.get(release.name) ?? []));
  const rows = begun.map(({ name, namespace, fromRevision }) => [
    name,
    namespace,
    fromRevision > 0 ? `what revision ${fromRevision} was` : 'nothing: it goes',
  ]);
  const names = begun.map(({ name }) => name);
  return createReport({
    tool: 'rollback',
    summary: `The rollout that began ${startedAt} did not finish and would be undone: ${names.join(', ') || 'nothing was touched'}.`,
    outputs: { set, 'has-changes': names.length > 0, releases: names },
    sections:
      rows.length > 0 ? [tableSection(`Undone of ${set}`, ['release', 'namespace', 'back to'], rows)] : [],
    caveats: [`It was begun by ${by}. Where that one still runs, a rollback waits for its end.`],
  });
}

async function undoInterrupted(
  request: RollbackRequest,
  ports: RollbackPorts,
  signal: AbortSignal,
): Promise<Report> {
  const place = placeOf(request, ports);
  const lock = await acquireLock(lockRequestOf(request, place), ports, signal);
  try {
    const journal = await readJournal(place, ports, signal);
    if (!journal)
      return createReport({
        tool: 'rollback',
        summary: 'The interrupted rollout has been dealt with meanwhile.',
      });
    const fenced = { ...ports, kube: lock.fence(ports.kube) };
    await using observer = createObserver(fenced);
    const context = {
      ports: fenced,
      observer,
      signal: AbortSignal.any([signal, lock.lost]),
      set: request.set,
      drift: request.drift,
      health: request.health,
      historyLimit: request.historyLimit,
      helmTimeoutMs: request.helmTimeoutMs,
      limit: createLimiter(8),
      namespaces: new Map(),
    };
    const stopped = {
      ...journal,
      phase: 'rolling-back' as const,
      by: holderOf(request),
      reason: journal.reason ?? 'rolled back by hand',
    };
    await writeHead(stopped, place, fenced);
    const { restored, failures } = await putBackSet(stopped, place, context);
    const names = restored.map(({ name }) => name).join(', ') || 'nothing had been touched';
    return createReport({
      tool: 'rollback',
      verdict: failures.length > 0 ? 'failed' : 'passed',
      summary:
        failures.length > 0
          ? 'The interrupted rollout could not be put back whole.'
          : `The rollout that was interrupted is undone: ${names}.`,
      findings: failureFindings(failures, 'rollback of '),
      outputs: { set: request.set, revisions: Object.fromEntries(restored.map((r) => [r.name, r.revision])) },
    });
  } finally {
    await lock.release();
  }
}

async function prepareRollback(
  request: RollbackRequest,
  begun: readonly JournalRelease[] | undefined,
  ports: RollbackPorts,
  signal: AbortSignal,
): Promise<PreparedRollout> {
  const histories = await readHistories(request.releases, ports, signal);
  const kinds = createKinds(await ports.kube.resources(), [], createHealthRules(request.health ?? []));
  const goals = begun
    ? begunGoals(begun, histories)
    : request.release === undefined
      ? lastRollout(request, histories)
      : oneRelease(request, histories);
  // What is gone already, by an interrupted run, is left out.
  const records = new Map(
    goals.flatMap((goal) => {
      const record = goal.target ?? standing(histories.get(goal.name) ?? []);
      return record ? [[goal.name, { goal, record }] as const] : [];
    }),
  );
  const releases: RenderedRelease[] = [];
  const intents = new Map<string, Intent>();
  // What needed a release has to be gone back with, or gone, before it.
  const part = needsWithin(orderByNeeds(request.releases), new Set(records.keys()));
  for (const { name, needs, timeoutMs } of reverseNeeds(part)) {
    const found = records.get(name);
    if (!found) continue;
    const { goal, record } = found;
    const facts = { needs, timeoutMs: timeoutMs ?? defaultTimeoutMs };
    const render = goal.target ? renderFromRecord : renderRemoval;
    releases.push(render(record, kinds, facts));
    intents.set(name, goal.target ? { rollBackTo: goal.target.release() } : removalOf(goal));
  }
  const drift = request.drift ? { drift: request.drift } : {};
  return planRendered({ set: request.set, releases, kinds, ...drift }, histories, intents, ports, signal);
}

interface Goal {
  readonly name: string;
  /** Absent: the release was not there before. */
  readonly target: HelmRecord | undefined;
  /** When its install was first tried, where it only ever failed. */
  readonly triedSince?: string;
}

function removalOf({ triedSince }: Goal): Intent {
  return { uninstall: true, ...(triedSince === undefined ? {} : { triedSince }) };
}

/** The goal of a release whose install failed and was kept. */
function neverThere(name: string, [first]: HelmHistory): Goal {
  const triedSince = first && textAt(first.secret, 'metadata', 'creationTimestamp');
  return { name, target: undefined, ...(triedSince ? { triedSince } : {}) };
}

/** What an interrupted rollback was to do. */
function begunGoals(
  releases: readonly JournalRelease[],
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  return releases.flatMap(({ name, goal, triedSince }) => {
    const target = (histories.get(name) ?? []).find(({ version }) => version === goal);
    if (goal === undefined || (goal > 0 && !target)) return [];
    return [{ name, target, ...(triedSince === undefined ? {} : { triedSince }) }];
  });
}

function oneRelease(
  { release = '', revision }: RollbackRequest,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  const history = histories.get(release) ?? [];
  const attempts = keptInstalls(history);
  if (revision === undefined && attempts.length > 0) return [neverThere(release, attempts)];
  const former = keptFailure(history) ? newest(history, 'deployed') : formerOf(history);
  const target = revision === undefined ? former : history.find(({ version }) => version === revision);
  if (!target)
    throw unknownRevision(
      release,
      revision,
      history.map(({ version }) => version),
    );
  return [{ name: release, target }];
}

/** Every release whose deployed revision came with the newest rollout, and where each one stood before it. A rollout that failed and was kept is the newest. */
function lastRollout(request: RollbackRequest, histories: ReadonlyMap<string, HelmHistory>): readonly Goal[] {
  const kept = keptRollout(request, histories);
  if (kept.length > 0) return kept;
  const deployed = request.releases.flatMap(({ name }) => {
    const record = newest(histories.get(name) ?? [], 'deployed');
    const rollout = record && rolloutOf(record);
    return record && rollout ? [{ name, record, rollout }] : [];
  });
  // A revision that put back what failed bears the rollout of what it went back to, which is older than itself.
  const beganAt = ({ name, record, rollout }: (typeof deployed)[number]): string => {
    const first = histories.get(name)?.find((one) => rolloutOf(one) === rollout) ?? record;
    const { value = record.release().info.last_deployed } = lookInto(first, ({ info }) => info.last_deployed);
    return value ?? '';
  };
  const [last] = deployed
    .map((release) => ({ ...release, at: beganAt(release) }))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
  if (!last) throw nothingDeployed(request.set);
  const goals = deployed
    .filter(({ rollout }) => rollout === last.rollout)
    .map(({ name, record }) => ({ name, record, target: formerOf(histories.get(name) ?? []) }));
  // After a deploy that was put back, nobody who says "rollback" means that the whole set is to go.
  const wasPutBack = goals.some(({ record }) => putBackBy(record) !== '');
  if (wasPutBack && goals.every(({ target }) => !target)) throw nothingBefore(request.set);
  const moved = goals.filter((goal) => moves(goal, histories.get(goal.name) ?? []));
  if (moved.length === 0) throw sameBefore(request.set);
  return moved;
}

/** False where the rollout deployed what had been deployed before, as it does to take back drift: nothing of the release is to be taken back, and it is not the rollout's to remove. */
function moves({ target }: Goal, history: HelmHistory): boolean {
  return target !== undefined || wasInstalled(history);
}

/**
 * What a rollout left that failed and was kept: its failures go back to what is deployed of them, or go where nothing was there before, and what it deployed to what was there before. What
 * failed by Helm's hands is part of no rollout.
 */
function keptRollout(
  { releases }: RollbackRequest,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  const all = releases.map(({ name }) => {
    const history = histories.get(name) ?? [];
    const attempts = keptInstalls(history);
    const failed = keptFailure(history) ?? attempts.at(-1);
    const deployed = newest(history, 'deployed');
    return { name, history, attempts, deployed, failedBy: failed ? rolloutOf(failed) : '' };
  });
  const rollouts = new Set(all.map(({ failedBy }) => failedBy).filter(Boolean));
  return all.flatMap(({ name, history, attempts, deployed, failedBy }): readonly Goal[] => {
    if (failedBy) return [deployed ? { name, target: deployed } : neverThere(name, attempts)];
    const isPart = deployed !== undefined && rollouts.has(rolloutOf(deployed));
    const goal = { name, target: isPart ? formerOf(history) : undefined };
    return isPart && moves(goal, history) ? [goal] : [];
  });
}
