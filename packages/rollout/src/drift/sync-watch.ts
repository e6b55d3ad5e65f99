import {
  createReport,
  exitCodes,
  type Finding,
  type KubeObject,
  type KubeRef,
  type KubeWatchSelector,
  type Report,
  ZakenakError,
} from '@zakenak/core';
import {
  type ChangeTracker,
  createChangeTracker,
  followMetadata,
  watchesFor,
} from '../fields/metadata-watch.ts';
import { describe, keyOf } from '../objects/object.ts';
import { untilFree } from '../state/free-lock.ts';
import { type Contention, createContention } from './contention.ts';
import { describeDrift } from './drift-text.ts';
import { createOutage } from './outage.ts';
import {
  detailsOf,
  driftFindings,
  foughtOver,
  type SyncPorts,
  type SyncRequest,
  summaryOf,
  syncRollout,
} from './sync.ts';
import { byRelease, readWatchedSet, type WatchedSet } from './watched-set.ts';

/** Lets changes that belong together arrive. */
const settleMs = 300;
/** What could not be compared is tried again after this time. */
const unknownMs = 30_000;
const lastLookMs = 5_000;
/** A server that is away is tried again after this time. */
const awayMs = 2_000;
/** From here on somebody else is said to fight back. */
const fightRounds = 3;

/**
 * Follows the set until the signal fires, and reports or corrects each drift as it comes. Metadata alone is watched; an object is compared only when its metadata
 * says that more than its status changed, and nothing is asked while nothing happens. What a deploy does is waited for, and what it deployed is followed from then
 * on. Who keeps changing an object back is named, and met with longer and longer pauses. A server that is away for less than five minutes is waited for.
 */
export async function watchRollout(
  request: SyncRequest,
  ports: SyncPorts,
  signal: AbortSignal,
): Promise<Report> {
  const state: Watching = {
    request,
    ports,
    tracker: createChangeTracker(),
    contention: createContention(),
    looks: createContention(),
    dirty: new Set(),
    later: new Set(),
    stuck: new Set(),
    told: new Map(),
    fights: new Map(),
    corrected: 0,
    wake: () => {},
  };
  let set: WatchedSet | undefined;
  const outage = createOutage(ports.clock);
  while (!signal.aborted) {
    const round = new AbortController();
    const inRound = AbortSignal.any([signal, round.signal]);
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    try {
      await untilFree(request, ports, signal);
      set = await readWatchedSet(request, ports, signal);
      outage.over();
      follow(set, state, inRound, failed.reject);
      await Promise.race([failed.promise, followChanges(set, state, inRound)]);
    } catch (error) {
      round.abort();
      if (signal.aborted) break;
      if (!outage.endures(error)) throw error;
      await sitOut(error, state, signal);
    } finally {
      round.abort();
    }
  }
  // The report is of now, not of before a pause.
  if (state.later.size > 0)
    await set?.check([...state.later], AbortSignal.timeout(lastLookMs)).catch(() => undefined);
  return reportWatch(state, set);
}

/** Tells that the server is away, and waits a moment. */
async function sitOut({ message }: Error, { ports, request }: Watching, signal: AbortSignal): Promise<void> {
  ports.progress.emit({ stage: 'watch', subject: request.set, state: 'waiting', message });
  await ports.clock.sleep(awayMs, signal).catch(() => undefined);
}

interface Watching {
  readonly request: SyncRequest;
  readonly ports: SyncPorts;
  readonly tracker: ChangeTracker;
  /** Putting back. */
  readonly contention: Contention;
  /** Comparing what had changed again whenever it was looked at. */
  readonly looks: Contention;
  /** Objects to compare. */
  readonly dirty: Set<string>;
  /** The same, after a pause. */
  readonly later: Set<string>;
  /** What the last correction could not put back. */
  readonly stuck: Set<string>;
  /** What was last said of an object. */
  readonly told: Map<string, string>;
  readonly fights: Map<string, Finding>;
  corrected: number;
  /** A new revision was deployed, or a deploy began. */
  moved?: boolean;
  wake: () => void;
}

/** Opens the watches: of the objects, and of Helm's records, which tell of a deploy. */
function follow(set: WatchedSet, state: Watching, signal: AbortSignal, fail: (error: unknown) => void): void {
  const { ports, request, tracker } = state;
  const drifts = [...set.objects.values()].map(({ drift }) => drift);
  for (const { ref, live } of drifts) tracker.settle(keyOf(ref), live);
  const see = (key: string, object: KubeObject | undefined): void => {
    if (!set.objects.has(key) || state.later.has(key) || !tracker.see(key, object)) return;
    state.dirty.add(key);
    state.wake();
  };
  const selectors = watchesFor(drifts.filter(({ state, live }) => state !== 'unknown' || live));
  for (const selector of selectors) {
    const known = drifts.filter(({ ref }) => isOfKind(ref, selector)).map(({ ref }) => keyOf(ref));
    followMetadata(selector, ports, signal, { known, see, fail });
  }
  const names = request.releases.map(({ name }) => name);
  const seeRecord = (key: string, object: KubeObject | undefined): void => {
    if (set.records.get(key) === object?.metadata.resourceVersion) return;
    state.moved = true;
    state.wake();
  };
  for (const namespace of new Set(request.releases.map(({ namespace }) => namespace))) {
    const labelSelector = `owner=helm,name in (${names.join(',')})`;
    const selector = { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector, metadataOnly: true };
    const known = [...set.records.keys()].filter((key) => key.startsWith(keyOf({ ...selector, name: '' })));
    followMetadata(selector, ports, signal, { known, see: seeRecord, fail });
  }
  const message = `${drifts.length} objects, ${selectors.length} kinds and namespaces`;
  ports.progress.emit({ stage: 'watch', subject: request.set, state: 'waiting', message });
}

function isOfKind(ref: KubeRef, { apiVersion, kind, namespace }: KubeWatchSelector): boolean {
  return ref.apiVersion === apiVersion && ref.kind === kind && ref.namespace === namespace;
}

/** Deals with changes until a deploy moves the set on. */
async function followChanges(set: WatchedSet, state: Watching, signal: AbortSignal): Promise<void> {
  state.moved = false;
  for (const [key, { drift }] of set.objects) if (drift.state !== 'in-sync') state.dirty.add(key);
  let isFirst = true;
  for (;;) {
    if (!isFirst) await untilWoken(set, state, signal);
    isFirst = false;
    if (state.moved) return;
    await state.ports.clock.sleep(settleMs, signal);
    await untilFree(state.request, state.ports, signal);
    if (state.moved) return;
    for (const key of await set.check(takeDue(state), signal)) {
      tell(key, set, state);
      noteFight(key, set, state);
    }
    if (state.request.mode === 'correct') await correctDue(set, state, signal);
  }
}

/** What is to be compared now; what changes all the time comes after a pause. */
function takeDue({ dirty, later, looks, ports }: Watching): readonly string[] {
  const now = ports.clock.monotonicMs();
  const all = [...new Set([...dirty, ...later])];
  const isEarly = (key: string): boolean => looks.notBefore(key) > now;
  dirty.clear();
  later.clear();
  for (const key of all.filter(isEarly)) later.add(key);
  return all.filter((key) => !isEarly(key));
}

/** Waits for an event, or for the end of a pause after which something is to be put back. */
async function untilWoken(set: WatchedSet, state: Watching, signal: AbortSignal): Promise<void> {
  if (state.dirty.size > 0 || state.moved) return;
  const now = state.ports.clock.monotonicMs();
  const due = state.request.mode === 'correct' ? curable(set) : [];
  const unknown = keysOf(set, 'unknown');
  const waits = [
    ...due.map((key) => Math.max(0, state.contention.notBefore(key) - now)),
    ...[...state.later].map((key) => Math.max(0, state.looks.notBefore(key) - now)),
    ...unknown.map(() => unknownMs),
  ];
  const over = new AbortController();
  const woken = new Promise<void>((wake) => {
    state.wake = wake;
  });
  const anyEnd = AbortSignal.any([signal, over.signal]);
  const timer = state.ports.clock.sleep(waits.length > 0 ? Math.min(...waits) : longestSleepMs, anyEnd);
  try {
    const isOver = await Promise.race([woken.then(() => false), timer.then(() => true)]);
    if (isOver) for (const key of unknown) state.dirty.add(key);
  } finally {
    over.abort();
    timer.catch(() => {});
  }
}

// Timers of Node hold no more.
const longestSleepMs = 2 ** 31 - 1;

function keysOf(set: WatchedSet, wanted: string): readonly string[] {
  return [...set.objects].filter(([, { drift }]) => drift.state === wanted).map(([key]) => key);
}

function curable(set: WatchedSet): readonly string[] {
  return [...set.objects].filter(([, { drift }]) => drift.cure).map(([key]) => key);
}

/** Says what became of an object, once. */
function tell(key: string, set: WatchedSet, { ports, told, tracker, looks }: Watching): void {
  const watched = set.objects.get(key);
  if (!watched) return;
  const { drift, owner } = watched;
  tracker.settle(key, drift.live);
  if (drift.state === 'drifted') looks.happened(key, ports.clock.monotonicMs());
  else looks.settled(key);
  const text = drift.state === 'in-sync' ? '' : describeDrift(drift, ports.clock.now());
  const digest = drift.state === 'in-sync' ? '' : JSON.stringify([drift.state, drift.reason, drift.fields]);
  if ((told.get(key) ?? '') === digest) return;
  told.set(key, digest);
  const subject = `${owner.name}: ${describe(drift.ref)}`;
  const isCalm = drift.state === 'in-sync';
  ports.progress.emit({
    stage: 'drift',
    subject,
    state: isCalm ? 'done' : 'failed',
    message: isCalm ? 'in sync' : text,
  });
}

async function correctDue(set: WatchedSet, state: Watching, signal: AbortSignal): Promise<void> {
  const { contention, ports, request } = state;
  const now = ports.clock.monotonicMs();
  const due = new Set(curable(set).filter((key) => contention.notBefore(key) <= now));
  if (due.size === 0) return;
  const names = new Set([...due].map((key) => set.objects.get(key)?.owner.name));
  const releases = request.releases.filter(({ name }) => names.has(name));
  const only = (ref: KubeRef): boolean => due.has(keyOf(ref));
  const outcome = await syncRollout({ ...request, releases, unhold: false, only }, ports, signal).then(
    ({ verdict, summary }) => ({ isDone: verdict === 'passed' || verdict === 'simulated', message: summary }),
    (error: unknown) => {
      // Another look comes after the pause: the deploy may be finished by then.
      if (error instanceof ZakenakError && error.exitCode === exitCodes.refused)
        return { isDone: false, message: error.message };
      throw error;
    },
  );
  const ended = ports.clock.monotonicMs();
  const { isDone, message } = outcome;
  for (const key of due) {
    contention.happened(key, ended);
    if (isDone) state.stuck.delete(key);
    else state.stuck.add(key);
  }
  if (isDone) state.corrected += due.size;
  ports.progress.emit({ stage: 'correct', subject: request.set, state: isDone ? 'done' : 'failed', message });
  for (const key of await set.check([...due], signal)) tell(key, set, state);
}

/** Somebody who changes an object again and again is a finding of its own. */
function noteFight(key: string, set: WatchedSet, { contention, fights, ports, stuck }: Watching): void {
  const watched = set.objects.get(key);
  const rounds = contention.rounds(key);
  // What was never put back is told as drift.
  if (!watched?.drift.cure || rounds < fightRounds || stuck.has(key)) return;
  const { drift, owner } = watched;
  const finding = foughtOver(owner.name, drift, rounds, ports.clock.now());
  fights.set(key, finding);
  ports.progress.emit({
    stage: 'drift',
    subject: `${owner.name}: ${describe(drift.ref)}`,
    state: 'failed',
    message: finding.message,
  });
}

/** What the watch saw, and how the set stood in the end. */
function reportWatch({ request, ports, fights, corrected }: Watching, set: WatchedSet | undefined): Report {
  const compared = set ? byRelease(set.objects) : [];
  const now = ports.clock.now();
  const { outputs, sections } = detailsOf(request.set, request.mode, compared, now);
  const done =
    corrected > 0 ? ` ${corrected} ${corrected === 1 ? 'correction was' : 'corrections were'} made.` : '';
  return createReport({
    tool: 'sync',
    summary: `${summaryOf(request.set, compared)}${done}`,
    findings: [...driftFindings(compared, now), ...fights.values()],
    outputs: { ...outputs, corrected },
    sections,
  });
}
