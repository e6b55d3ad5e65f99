import { createLimiter, type Ports, type Report } from '@zakenak/core';
import { finishJournal } from '../apply/prune-data.ts';
import type { RunContext, RunPorts } from '../apply/run-context.ts';
import { journalOf, runPlan } from '../apply/run-plan.ts';
import { keptRemarks } from '../fields/kept.ts';
import { checkKinds } from '../plan/check-kinds.ts';
import { helmRemarks, prepareAtRest } from '../plan/helm-at-work.ts';
import { judgePrepared } from '../plan/judge-plan.ts';
import { isNoop, type Plan } from '../plan/plan.ts';
import { summarizePlan } from '../plan/plan-section.ts';
import type { PreparedRollout } from '../plan/prepared.ts';
import { serverRemarks } from '../plan/server-remarks.ts';
import { describeSimulation, type Simulation } from '../plan/simulation.ts';
import { lookupRemarks } from '../render/lookup.ts';
import { defaultLockTimeoutMs, type TransactionOptions } from '../request.ts';
import { requireRights } from '../rights/rights.ts';
import { carryingOf, wantedRights } from '../rights/wanted-rights.ts';
import { putBackSet } from '../rollback/put-back.ts';
import { type JournalPlace, readBooks, readJournal, removeJournal, writeJournal } from '../state/journal.ts';
import type { Journal } from '../state/journal-shape.ts';
import { acquireLock, type Lock, peekLock } from '../state/lock.ts';
import { recordRemarks } from '../state/record-size.ts';
import { statePlaceOf } from '../state/state-place.ts';
import { inClusterTime } from '../wait/cluster-clock.ts';
import { createObserver } from '../wait/observer.ts';
import { deployReport, type Outcome } from './report-deploy.ts';
import { settle } from './settle.ts';

/** What a transaction works on. */
export interface Transaction extends TransactionOptions {
  /** Names the report. */
  readonly tool: string;
  /** The command, as journal and audit trail tell it. */
  readonly verb: 'deploy' | 'rollback' | 'sync';
  readonly set: string;
  /** Reads what the plan is made from as it is now, all at once; what it returns makes the plan of it. */
  look(): Promise<() => Promise<PreparedRollout>>;
  /** The plan that is carried out, whatever of it is left. */
  readonly approved?: Pick<Plan, 'id'>;
  /** Throws where the plan is not what was approved; `interrupted` is the unfinished rollout that it goes on with. */
  approve?(prepared: PreparedRollout, interrupted: Journal | undefined): void;
}

/**
 * Plans, takes the set's lock, writes the journal, carries the plan out, verifies, and on a failure puts back what `onFailure` says. An earlier rollback
 * that was interrupted is finished first; an interrupted deploy is gone on with. A plan without changes takes no lock and writes nothing.
 * A Helm at work on a release is waited for as a lock is.
 * Throws what keeps it from going on (unreachable server, lost lock, Ctrl-C), leaving the journal for the next run.
 */
export async function transact(
  transaction: Transaction,
  given: RunPorts,
  signal: AbortSignal = new AbortController().signal,
): Promise<Report> {
  const place = statePlaceOf(transaction, given);
  const seen = await peekLock(place, given, signal);
  const ports = inClusterTime(given);
  const looking = transaction.look();
  // What it comes to does not matter where an interrupted run has to be ended first.
  looking.catch(() => undefined);
  const { journal: interrupted, hasRemains } = await readBooks(place, ports, signal);
  // Only looking writes nothing, not even what an interrupted run left to do.
  const isUnsettled = !transaction.dryRun && interrupted !== undefined && interrupted.phase !== 'running';
  const run: Run = { transaction, place, started: ports.clock.monotonicMs(), caveats: [] };
  const prepared = isUnsettled ? undefined : await prepareAtRest(transaction, ports, signal, looking);
  if (prepared) {
    await checkPlan(run, prepared, ports, signal);
    const early = concludeEarly(run, prepared, interrupted, ports);
    if (early) return early;
    if (!interrupted && !hasRemains && isNoop(prepared.plan))
      return conclude(run, prepared, { signal, ports });
  }
  const lock = await acquireLock({ ...lockRequestOf(transaction, place), seen }, ports, signal);
  try {
    const isCurrent = lock.former === seen.version;
    return await locked(run, { lock, ports, signal, ...(isCurrent ? { prepared, interrupted } : {}) });
  } finally {
    await lock.release();
  }
}

interface Run {
  readonly transaction: Transaction;
  readonly place: JournalPlace;
  readonly started: number;
  readonly caveats: string[];
}

/** How the set's lock is asked for. */
export function lockRequestOf(
  options: TransactionOptions,
  place: JournalPlace,
): Parameters<typeof acquireLock>[0] {
  const { leaseSeconds = 15, lockTimeoutMs = defaultLockTimeoutMs } = options;
  const { isGone, commit, supersedes } = options;
  return {
    ...place,
    holder: holderOf(options),
    leaseSeconds,
    timeoutMs: lockTimeoutMs,
    isGone,
    commit,
    supersedes,
  };
}

/** Who we are, in words. */
export function holderOf({ holder = 'zakenak' }: Pick<TransactionOptions, 'holder'>): string {
  return holder;
}

/** What would keep the plan from being carried out, told before anything is written. Throws `rollout/unknown-kind`, `rollout/forbidden`. */
async function checkPlan(
  { transaction, place }: Run,
  prepared: PreparedRollout,
  ports: RunPorts,
  signal: AbortSignal,
): Promise<void> {
  await checkKinds(prepared, ports);
  await requireRights(wantedRights(prepared, carryingOf(transaction, place)), ports, signal);
}

/** The report of a plan that is only shown, or that must not be carried out. */
function concludeEarly(
  { transaction, caveats }: Run,
  prepared: PreparedRollout,
  interrupted: Journal | undefined,
  ports: Pick<Ports, 'clock' | 'kube' | 'redactor'>,
): Report | undefined {
  const { plan } = prepared;
  const findings = judgePrepared(prepared, transaction.allowIrreversible);
  const isBlocked = findings.some(({ severity }) => severity === 'high');
  if (!isBlocked) transaction.approve?.(prepared, interrupted);
  if (!isBlocked && !transaction.dryRun) return undefined;
  const note = interrupted
    ? [`A rollout that began ${interrupted.startedAt} did not finish: the next deploy goes on with it.`]
    : [];
  return deployReport({
    tool: transaction.tool,
    plan,
    planOnly: true,
    verdict: isBlocked ? 'failed' : 'passed',
    summary: isBlocked ? `Nothing was written: the plan cannot be carried out.` : `${summarizePlan(plan)}.`,
    findings,
    caveats: [
      ...caveats,
      ...note,
      ...helmRemarks(prepared, ports.clock.now(), transaction),
      ...remarksOn(prepared),
      ...serverRemarks(ports),
    ],
  });
}

interface Held {
  readonly lock: Lock;
  readonly ports: RunPorts;
  readonly signal: AbortSignal;
  readonly prepared?: PreparedRollout | undefined;
  readonly interrupted?: Journal | undefined;
}

async function locked(run: Run, held: Held): Promise<Report> {
  const { transaction, place } = run;
  const { lock } = held;
  const ports = { ...held.ports, kube: lock.fence(held.ports.kube) };
  const signal = AbortSignal.any([held.signal, lock.lost]);
  await using observer = createObserver(ports);
  const warn = (text: string): void => void run.caveats.push(ports.redactor.redact(text));
  const base = {
    ports,
    observer,
    signal,
    warn,
    set: transaction.set,
    drift: transaction.drift,
    health: transaction.health,
    historyLimit: transaction.historyLimit,
    helmTimeoutMs: transaction.helmTimeoutMs,
    limit: createLimiter(parallelWrites),
    namespaces: new Map(),
  };
  let { prepared } = held;
  let interrupted = prepared ? held.interrupted : await readJournal(place, ports, signal);
  if (interrupted?.phase === 'rolling-back') {
    const former = await putBackSet({ ...interrupted, by: holderOf(transaction) }, place, base);
    if (former.failures.length > 0) return stuckReport(run, await (await transaction.look())(), former);
    run.caveats.push(
      `A rollback that was interrupted was finished first: ${former.restored.map(({ name }) => name).join(', ') || 'nothing was left to do'}.`,
    );
    interrupted = undefined;
  } else if (interrupted?.phase === 'pruning') {
    await finishJournal({ ...interrupted, by: holderOf(transaction) }, place, base);
    interrupted = undefined;
  }
  if (!prepared) {
    // Whoever held the lock may have brought new kinds.
    ports.kube.refreshDiscovery();
    prepared = await prepareAtRest(transaction, ports, signal);
    await checkPlan(run, prepared, ports, signal);
    const early = concludeEarly(run, prepared, interrupted, ports);
    if (early) return early;
  }
  if (isNoop(prepared.plan) && !interrupted) {
    // A run was killed while it removed its journal, or another one was faster.
    await removeJournal(place, ports);
    return await conclude(run, prepared, { signal, ports });
  }
  const facts = {
    planId: transaction.approved?.id ?? prepared.plan.id,
    startedAt: ports.clock.now().toISOString(),
    epoch: lock.epoch,
    verb: transaction.verb,
    commit: transaction.commit ?? '',
    by: holderOf(transaction),
  };
  const journal = journalOf(prepared, facts, interrupted);
  await writeJournal(journal, place, ports);
  const context: RunContext = {
    ...base,
    kinds: prepared.rendered.kinds,
    rollout: journal.rollout,
    resumed: new Set(interrupted?.releases.map(({ name }) => name)),
  };
  // Awaited here: a bare return would dispose of the observer before the rollout begins.
  return await carryOut(run, prepared, journal, context);
}

// Enough to hide a round trip of tens of milliseconds; the server's own priority and fairness does the rest.
const parallelWrites = 64;

async function carryOut(
  run: Run,
  prepared: PreparedRollout,
  journal: Journal,
  context: RunContext,
): Promise<Report> {
  const { transaction, place } = run;
  const onFailure = transaction.onFailure ?? 'set';
  const ran = await runPlan(prepared, context, onFailure !== 'release');
  const verification = ran.failures.length === 0 ? await transaction.verify?.(context.signal) : undefined;
  const ended = await settle({ onFailure, journal, place, ...ran, verification }, context);
  if (ended) return reportOf(run, prepared, { ...ended, done: ran.done, ...partsOf(verification) }, context);
  const simulation = describeSimulation(prepared.plan, context.ports);
  simulation.catch(() => undefined);
  await finishJournal(journal, place, context);
  return reportOf(run, prepared, successOf(prepared, await simulation, verification), context);
}

/** The end of a run that had nothing to write: what is there has to be ready, and to pass the verification. */
async function conclude(
  run: Run,
  prepared: PreparedRollout,
  { signal, ports }: { readonly signal: AbortSignal; readonly ports: RunPorts },
): Promise<Report> {
  await using observer = createObserver(ports);
  const { set, onFailure } = run.transaction;
  const { kinds } = prepared.rendered;
  const warn = (text: string): void => void run.caveats.push(ports.redactor.redact(text));
  const context = {
    ports,
    observer,
    signal,
    warn,
    set,
    rollout: '',
    limit: createLimiter(1),
    namespaces: new Map(),
    kinds,
  };
  const { failures } = await runPlan(prepared, context, onFailure !== 'release');
  const verification = failures.length === 0 ? await run.transaction.verify?.(signal) : undefined;
  const broken =
    failures.length > 0 || verification?.verdict === 'failed' || verification?.verdict === 'errored';
  if (broken) {
    const summary = 'Nothing had to change, but what is deployed is not healthy.';
    return reportOf(
      run,
      prepared,
      { verdict: 'failed', summary, failures, ...partsOf(verification) },
      context,
    );
  }
  const simulation = await describeSimulation(prepared.plan, ports);
  return reportOf(run, prepared, successOf(prepared, simulation, verification), context);
}

type Ending = Omit<Outcome, 'tool' | 'plan'>;

function successOf(
  { plan }: PreparedRollout,
  simulation: Simulation,
  verification: Report | undefined,
): Ending {
  const isSimulated = simulation.isSimulated || verification?.verdict === 'simulated';
  return {
    verdict: isSimulated ? 'simulated' : 'passed',
    summary: isNoop(plan)
      ? 'Nothing to change: every release is as wanted, and ready.'
      : `Deployed and ready: ${summarizePlan(plan)}.`,
    caveats: simulation.remarks,
    ...partsOf(verification),
  };
}

function partsOf(verification: Report | undefined): Pick<Outcome, 'parts'> {
  return verification ? { parts: [verification] } : {};
}

function remarksOn({ releases }: PreparedRollout): readonly string[] {
  return [...keptRemarks(releases), ...recordRemarks(releases), ...lookupRemarks(releases)];
}

function reportOf(
  run: Run,
  prepared: PreparedRollout,
  ending: Ending,
  { ports }: { readonly ports: Pick<Ports, 'clock' | 'kube' | 'redactor'> },
): Report {
  const { tool, allowIrreversible } = run.transaction;
  return deployReport({
    tool,
    plan: prepared.plan,
    ...ending,
    findings: [...judgePrepared(prepared, allowIrreversible), ...(ending.findings ?? [])],
    caveats: [...run.caveats, ...remarksOn(prepared), ...serverRemarks(ports), ...(ending.caveats ?? [])],
    timings: [{ name: tool, durationMs: ports.clock.monotonicMs() - run.started }],
  });
}

function stuckReport(
  run: Run,
  { plan }: PreparedRollout,
  rollback: NonNullable<Outcome['rollback']>,
): Report {
  const summary = 'An earlier rollback is still incomplete; nothing new was begun.';
  return deployReport({ tool: run.transaction.tool, plan, verdict: 'failed', summary, rollback });
}
