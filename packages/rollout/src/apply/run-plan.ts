import { Halted, ReleaseFailure } from '../failure.ts';
import { needsWithin, runByNeeds } from '../kinds/graph.ts';
import { keyOf } from '../objects/object.ts';
import type { PreparedRelease, PreparedRollout } from '../plan/prepared.ts';
import { type Since, sinceOf } from '../plan/prune.ts';
import { newest } from '../state/helm-storage.ts';
import type { Journal, JournalRelease } from '../state/journal-shape.ts';
import { dataToPrune } from './prune-data.ts';
import { announceQueue } from './queue.ts';
import { type FailedRelease, runRelease } from './release-run.ts';
import type { RunContext } from './run-context.ts';

/**
 * The journal of a plan that is about to be carried out. Where an earlier run was interrupted its baselines stay: a rollback goes back to before both.
 */
export function journalOf(
  prepared: PreparedRollout,
  facts: Pick<Journal, 'planId' | 'startedAt' | 'epoch' | 'verb' | 'commit' | 'by'>,
  interrupted: Journal | undefined,
): Journal {
  const former = new Map(interrupted?.releases.map((release) => [release.name, release]));
  const begun = prepared.releases.filter(
    ({ planned }) => planned.action !== 'noop' || former.has(planned.name),
  );
  const names = new Set(begun.map(({ planned }) => planned.name));
  const needs = new Map(
    needsWithin(prepared.releases.map(nodeOf), names).map((node) => [node.name, node.needs]),
  );
  const releases = begun.map((release) => ({
    ...mergeBaseline(baselineOf(release), former.get(release.planned.name)),
    ...goalOf(release),
    needs: needs.get(release.planned.name) ?? [],
  }));
  const leftOver = [...former.values()].filter(({ name }) => !names.has(name));
  const { set, id } = prepared.plan;
  // The same plan may be made again after it was put back: that is another rollout.
  const rollout = interrupted?.rollout ?? `${id.slice(0, 12)}-${facts.epoch}`;
  const prune = dataToPrune(prepared, interrupted?.prune);
  return {
    set,
    rollout,
    ...facts,
    begunBy: interrupted?.begunBy ?? facts.by,
    startedAt: interrupted?.startedAt ?? facts.startedAt,
    phase: 'running',
    prune,
    releases: [...releases, ...leftOver],
  };
}

function nodeOf({ rendered: { name, needs } }: PreparedRelease) {
  return { name, needs };
}

/** Where a rollback was to bring the release: the next one goes on with it. */
function goalOf(prepared: PreparedRelease): Pick<JournalRelease, 'goal' | keyof Since> {
  const { planned, target } = prepared;
  if (target) return { goal: target.version };
  if (planned.action !== 'uninstall') return {};
  return { goal: 0, ...sinceOf(prepared) };
}

function baselineOf({ rendered, planned, history, crds, objects }: PreparedRelease): JournalRelease {
  const touched = [...crds, ...objects].filter(
    ({ planned: { action } }) => action !== 'noop' && action !== 'keep',
  );
  return {
    name: rendered.name,
    namespace: rendered.namespace,
    needs: rendered.needs,
    timeoutMs: rendered.timeoutMs,
    fromRevision: planned.fromRevision,
    lastRevision: newest(history)?.version ?? 0,
    toRevision: planned.toRevision,
    baseline: touched.map(({ planned: { ref }, live }) => ({ ref, ...(live ? { before: live } : {}) })),
    newNamespaces: planned.createsNamespace ? [rendered.namespace] : [],
    ...(planned.action === 'correct' ? { keepsRevision: true } : {}),
  };
}

function mergeBaseline(now: JournalRelease, before: JournalRelease | undefined): JournalRelease {
  if (!before) return now;
  // Its records went with its namespace: what was in there is nothing to go back to any more.
  const isLost = now.lastRevision < before.lastRevision;
  const former = isLost
    ? before.baseline.filter(({ ref }) => ref.namespace !== now.namespace)
    : before.baseline;
  const known = new Set(former.map(({ ref }) => keyOf(ref)));
  // A deploy that finds nothing more to do in a release that was being corrected: a rollback still puts its objects back.
  const keepsRevision = before.keepsRevision && now.baseline.length === 0;
  return {
    ...now,
    ...(keepsRevision ? { keepsRevision } : {}),
    fromRevision: isLost ? now.fromRevision : before.fromRevision,
    lastRevision: isLost ? now.lastRevision : before.lastRevision,
    baseline: [...former, ...now.baseline.filter(({ ref }) => !known.has(keyOf(ref)))],
    newNamespaces: [...new Set([...before.newNamespaces, ...now.newNamespaces])],
  };
}

/** How carrying out a plan went. */
export interface RunResult {
  readonly done: readonly string[];
  /** The first is the cause; the others failed by themselves before they were stopped. */
  readonly failures: readonly FailedRelease[];
  readonly notBegun: readonly string[];
}

/**
 * Starts every release as soon as what it needs is ready. With `stopAll` the first failure ends the waits of the others. Errors that are no failure of a release (an
 * unreachable server, a lost lock, Ctrl-C) are thrown when everything under way has come to rest.
 */
export async function runPlan(
  prepared: PreparedRollout,
  base: RunContext,
  stopAll: boolean,
): Promise<RunResult> {
  const halt = new AbortController();
  const context = { ...base, signal: AbortSignal.any([base.signal, halt.signal]) };
  const failures: FailedRelease[] = [];
  const nodes = prepared.releases.map((release) => ({ ...nodeOf(release), release }));
  const queue = announceQueue(nodes, 'apply', base.ports.progress);
  const { results, errors } = await runByNeeds(nodes, ({ name, release }) =>
    runRelease(release, context, (failed) => failures.push(failed)).then(
      () => queue.done(name),
      (error: unknown) => {
        if (stopAll || !(error instanceof ReleaseFailure)) halt.abort(new Halted(name));
        throw error;
      },
    ),
  );
  const begun = new Set([...results.keys(), ...errors.map(({ node }) => node.name)]);
  const left = nodes.flatMap(({ name }) => (begun.has(name) ? [] : [name]));
  queue.giveUp(left, `not begun, because ${errors[0]?.node.name} did not get ready`);
  const fatal = errors.find(({ error }) => !(error instanceof ReleaseFailure || error instanceof Halted));
  if (base.signal.aborted) throw base.signal.reason;
  if (fatal) throw fatal.error;
  return { done: [...results.keys()], failures, notBegun: left };
}
