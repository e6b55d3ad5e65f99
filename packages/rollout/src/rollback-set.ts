import { createLimiter, createReport, type KubeObject, type Report } from '@zakenak/core';
import type { RunPorts } from './apply/run-context.ts';
import { revisionOfNone, rolloutUnfinished, unknownRelease } from './errors.ts';
import { createHealthRules } from './health/health-rules.ts';
import { needsWithin, orderByNeeds, reverseNeeds } from './kinds/graph.ts';
import { createKinds } from './kinds/kinds.ts';
import { type PlanPorts, planRendered } from './plan/plan-rollout.ts';
import type { Intent, PreparedRollout } from './plan/prepared.ts';
import { sinceOf } from './plan/prune.ts';
import { mindingHeld } from './policy/held-rules.ts';
import { renderFromRecord, renderRemoval } from './render/from-record.ts';
import type { RenderedRelease } from './render/rendered.ts';
import { defaultTimeoutMs, type ReleaseRequest, type TransactionOptions } from './request.ts';
import { putBackSet } from './rollback/put-back.ts';
import { isTouched } from './rollback/rollback.ts';
import { begunGoals, type Goal, lastRollout, oneRelease } from './rollback/rollback-goals.ts';
import type { HelmHistory, HelmRecord } from './state/helm-record.ts';
import { recordedManifests } from './state/helm-release.ts';
import { type AskedFor, askedFor, newest, readHistories, standing } from './state/helm-storage.ts';
import { readJournal, writeHead } from './state/journal.ts';
import type { Journal, JournalRelease } from './state/journal-shape.ts';
import { acquireLock } from './state/lock.ts';
import { findRemoved } from './state/orphans.ts';
import { statePlaceOf } from './state/state-place.ts';
import { findStayingRemoved } from './state/staying-removed.ts';
import { tableSection } from './table-section.ts';
import { failureFindings } from './transaction/report-deploy.ts';
import { holderOf, lockRequestOf, transact } from './transaction/transaction.ts';
import { inClusterTime } from './wait/cluster-clock.ts';
import { createObserver } from './wait/observer.ts';

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
  const unfinished = await readJournal(statePlaceOf(request, ports), ports, signal);
  const interrupted = concerns(request, unfinished) ? unfinished : undefined;
  // One that is pruning has succeeded: it is the last rollout. An interrupted rollback is gone on with.
  const isRollback = interrupted?.verb === 'rollback' && interrupted.phase === 'running';
  if (request.release === undefined && interrupted && interrupted.phase !== 'pruning' && !isRollback)
    return request.dryRun
      ? showInterrupted(interrupted, await readHistories(interrupted.releases, ports, signal))
      : undoInterrupted(request, ports, signal);
  const goals = isRollback ? interrupted.releases : undefined;
  const prepare = (): Promise<PreparedRollout> => prepareRollback(request, goals, ports, signal);
  const approve = (_: unknown, unfinished: Journal | undefined): void => {
    if (unfinished && request.release !== undefined && !isOfRelease(unfinished, request.release))
      throw rolloutUnfinished(request.set, unfinished.startedAt);
  };
  return transact(
    { ...request, tool: 'rollback', verb: 'rollback', look: async () => prepare, approve },
    ports,
    signal,
  );
}

/** The rollback of one release goes on with nothing but itself: the end of another rollout would be taken for its own. */
function isOfRelease({ verb, releases }: Journal, release: string): boolean {
  return verb === 'rollback' && releases.every(({ name }) => name === release);
}

/** Whether what did not finish is what is asked for. */
function concerns({ release, revision }: RollbackRequest, unfinished: Journal | undefined): boolean {
  if (release === undefined || !unfinished) return true;
  return (
    isOfRelease(unfinished, release) &&
    (revision === undefined || unfinished.releases.every(({ goal }) => goal === revision))
  );
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
  given: RollbackPorts,
  signal: AbortSignal,
): Promise<Report> {
  const ports = inClusterTime(given);
  const place = statePlaceOf(request, ports);
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
    const caveats: string[] = [];
    const context = {
      ports: fenced,
      observer,
      warn: (text: string): void => void caveats.push(ports.redactor.redact(text)),
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
    const { restored, failures, lost = [], losses } = await putBackSet(stopped, place, context);
    const nothing = lost.length > 0 ? 'nothing of it is left' : 'nothing had been touched';
    const names = restored.map(({ name }) => name).join(', ') || nothing;
    return createReport({
      tool: 'rollback',
      verdict: failures.length > 0 || losses !== undefined ? 'failed' : 'passed',
      caveats,
      summary:
        failures.length > 0
          ? 'The interrupted rollout could not be put back whole.'
          : `The rollout that was interrupted is undone: ${names}.${losses === undefined ? '' : ` ${losses}`}`,
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
  const own = new Set(request.releases.map(({ name }) => name));
  const isSet = begun === undefined && request.release === undefined;
  const { removed, unclear } = isSet ? await findRemoved(request, ports, signal) : noneRemoved;
  // What left zakenak.yaml since, and the rollout took away.
  const others = (begun ?? removed)
    .filter(({ name }) => !own.has(name))
    .map(({ name, namespace }) => ({ name, namespace }));
  const histories = await readHistories([...request.releases, ...others, ...unclear], ports, signal);
  const goals = begun
    ? begunGoals(begun, histories)
    : request.release === undefined
      ? lastRollout({ ...request, releases: [...request.releases, ...others] }, histories)
      : oneRelease(request, histories);
  // What is gone already, by an interrupted run, is left out.
  const records = new Map(
    goals.flatMap((goal) => {
      const record = goal.target ?? standing(histories.get(goal.name) ?? []);
      return record ? [[goal.name, { goal, record }] as const] : [];
    }),
  );
  const definitions = [...records.values()].flatMap(({ goal: { target } }) =>
    target ? definitionsOf(target) : [],
  );
  const resources = await ports.kube.resources();
  const kinds = createKinds(resources, definitions, createHealthRules(request.health ?? []));
  const releases: RenderedRelease[] = [];
  const intents = new Map<string, Intent>();
  const asked = askedOf(others, histories);
  for (const { name, needs, timeoutMs } of orderBack([...request.releases, ...asked], records, histories)) {
    const found = records.get(name);
    if (!found) continue;
    const { goal, record } = found;
    const facts = { needs, timeoutMs: timeoutMs ?? defaultTimeoutMs };
    const render = goal.target ? renderFromRecord : renderRemoval;
    releases.push(render(record, kinds, facts));
    intents.set(
      name,
      goal.target ? { rollBackTo: goal.target.release() } : { uninstall: true, ...sinceOf(goal) },
    );
  }
  const drift = request.drift ? { drift: request.drift } : {};
  const whole = { set: request.set, releases, kinds, ...drift };
  const prepared = await planRendered(whole, histories, intents, ports, signal);
  const staying = findStayingRemoved(unclear, [...records.keys()], histories);
  return { ...prepared, findings: [...prepared.findings, ...staying] };
}

const noneRemoved: Awaited<ReturnType<typeof findRemoved>> = { removed: [], unclear: [] };

/** Releases that zakenak.yaml does not have, with what was asked for of them, as far as it is known: of their needs those that are not there either. */
function askedOf<T extends { readonly name: string }>(
  others: readonly T[],
  histories: ReadonlyMap<string, HelmHistory>,
): readonly (T & Partial<AskedFor>)[] {
  const names = new Set(others.map(({ name }) => name));
  const asked = others.map((release) => {
    const last = newest(histories.get(release.name) ?? []);
    const { needs = [], ...rest } = (last && askedFor(last)) ?? {};
    return { ...release, ...rest, needs: needs.filter((need) => names.has(need)) };
  });
  try {
    return orderByNeeds(asked);
  } catch {
    // Asked for at different times they may go round in a circle.
    return asked.map((release) => ({ ...release, needs: [] }));
  }
}

/** The definitions that a revision brings with it. */
function definitionsOf(record: HelmRecord): readonly KubeObject[] {
  return recordedManifests(record.release())
    .map(({ object }) => object)
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
}

type Node = RollbackRequest['releases'][number] & { readonly needs: readonly string[] };

/**
 * The releases in the order in which they go back: what was removed comes back first, as it went last, each after what it needs; of the others what needed a release has to be gone back
 * with, or gone, before it.
 */
function orderBack(
  releases: RollbackRequest['releases'],
  goals: ReadonlyMap<string, { readonly goal: Goal }>,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Node[] {
  const comesBack = (name: string): boolean =>
    goals.get(name)?.goal.target !== undefined && !newest(histories.get(name) ?? [], 'deployed');
  const names = [...goals.keys()];
  const ordered = orderByNeeds(releases);
  const back = needsWithin(ordered, new Set(names.filter(comesBack)));
  const before = back.map(({ name }) => name);
  const others = needsWithin(ordered, new Set(names.filter((name) => !comesBack(name))));
  return [
    ...back,
    ...reverseNeeds(others).map((release) => ({ ...release, needs: [...before, ...release.needs] })),
  ];
}
