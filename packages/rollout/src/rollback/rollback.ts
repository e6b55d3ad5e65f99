import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { describeLostObjects, findLostKinds, lostObjects, withoutLostKinds } from '../apply/lost-kinds.ts';
import { describeLost, findLost, lostForGood, withoutLost } from '../apply/lost-namespaces.ts';
import { announceQueue } from '../apply/queue.ts';
import type { FailedRelease } from '../apply/release-run.ts';
import type { RunContext } from '../apply/run-context.ts';
import { removeHookRemains, runHooks } from '../apply/run-hooks.ts';
import { ReleaseFailure } from '../failure.ts';
import { judgeHealth } from '../health/health.ts';
import { reverseNeeds, runByNeeds } from '../kinds/graph.ts';
import { learnFromObjects } from '../objects/learn-secrets.ts';
import { keyOf, refOf } from '../objects/object.ts';
import { waitGone } from '../objects/presence.ts';
import { helmsAt, outlastHelm } from '../plan/helm-at-work.ts';
import { rollbackRevisionOf } from '../plan/revision.ts';
import { readTolerance } from '../policy/drift-policy.ts';
import { learnFromRecord } from '../render/learn-releases.ts';
import type { HelmHistory, HelmRecord } from '../state/helm-record.ts';
import type { HelmRelease } from '../state/helm-release.ts';
import {
  askedFor,
  createRecord,
  deleteRecord,
  readHistories,
  rolloutOf,
  trimHistory,
  updateRecord,
} from '../state/helm-storage.ts';
import { inputsLabel } from '../state/inputs.ts';
import type { Journal, JournalRelease } from '../state/journal-shape.ts';
import { aboutRelease } from '../wait/release-progress.ts';
import { waitReady } from '../wait/wait.ts';
import { clearTheWay, removeNamespace, restoreObjects } from './restore.ts';

/** How a rollback went. */
export interface RollbackResult {
  /** Releases that were put back, with the revision that says so; 0: the release is gone again. */
  readonly restored: readonly { readonly name: string; readonly revision: number }[];
  readonly failures: readonly FailedRelease[];
  /** Namespaces that were there before and are gone, with what was in them; absent where there are none. */
  readonly lost?: readonly string[];
  /** What was there before and does not come back, as sentences; absent where all of it does. */
  readonly losses?: string;
}

/**
 * Puts every release of the journal that was touched back to its baseline, dependents before what they need, and records it as Helm does:
 * a new revision "Rollback to N by zakenak", or no record at all where there was none. `reason` is written into the failed revision.
 */
export async function rollBack(
  journal: Journal,
  all: readonly JournalRelease[],
  context: RunContext,
): Promise<RollbackResult> {
  const lost = await findLost(all, context.ports);
  const inPlace = all.map((release) => withoutLost(release, lost));
  const lostKinds = await findLostKinds(inPlace, context.ports);
  const releases = inPlace.map((release) => withoutLostKinds(release, lostKinds));
  const histories = await readAtRest(releases, context);
  const before = all.flatMap(({ baseline }) => baseline.flatMap(({ before }) => before ?? []));
  learnFromObjects(before, context.ports.redactor);
  for (const history of histories.values())
    for (const record of history.slice(-1)) learnFromRecord(record, context.ports.redactor);
  const tolerance = await readTolerance(context.drift ?? {}, before, context.kinds, context.ports);
  const known = new Set(releases.map(({ name }) => name));
  const nodes = reverseNeeds(
    releases.map((release) => ({ ...release, needs: release.needs.filter((need) => known.has(need)) })),
  );
  // What its records would tell went with its namespace: what it has elsewhere is put back in any case.
  const touched = nodes.filter((node) =>
    lost.has(node.namespace) ? node.baseline.length > 0 : isTouched(node, histories.get(node.name) ?? []),
  );
  const queue = announceQueue(touched, 'rollback', context.ports.progress);
  const inside = { ...context, tolerance, journal, lost, isRollback: true };
  for (const release of touched)
    await clearTheWay(release, () => baseOf(release, histories.get(release.name) ?? [])?.release(), inside);
  const { results, errors } = await runByNeeds(nodes, async (release) => {
    if (!touched.includes(release)) return undefined;
    const history = histories.get(release.name) ?? [];
    const revision = await putBack(release, history, inside);
    queue.done(release.name);
    return revision;
  });
  const begun = new Set([...results.keys(), ...errors.map(({ node }) => node.name)]);
  const left = touched.filter(({ name }) => !begun.has(name)).map(({ name }) => name);
  queue.giveUp(left, `not begun, because ${errors[0]?.node.name} could not be put back`);
  const unexpected = errors.find(({ error }) => !(error instanceof ReleaseFailure));
  if (unexpected) throw unexpected.error;
  if (errors.length === 0) await removeNamespaces(releases, inside);
  const forGood = lostForGood(all, lost);
  const withKind = lostObjects(inPlace, lostKinds);
  const losses = [
    ...(forGood.length > 0 ? [describeLost(forGood)] : []),
    ...(withKind.length > 0 ? [describeLostObjects(withKind)] : []),
  ];
  for (const loss of losses) (context.warn ?? context.ports.log.warn)(loss);
  return {
    restored: [...results].flatMap(([name, revision]) =>
      revision === undefined ? [] : [{ name, revision }],
    ),
    failures: errors.flatMap(({ node, error }) =>
      error instanceof ReleaseFailure ? [{ release: node.name, failure: error }] : [],
    ),
    ...(forGood.length > 0 ? { lost: forGood } : {}),
    ...(losses.length > 0 ? { losses: losses.join(' ') } : {}),
  };
}

/** What putting back needs: the run's own, and the journal of what is put back. */
type PutBackContext = RunContext & { readonly journal: Journal; readonly lost: ReadonlySet<string> };

/** The histories when no Helm is at what is put back: one that began after we were done with its release is let end. */
async function readAtRest(
  releases: readonly JournalRelease[],
  context: RunContext,
): Promise<ReadonlyMap<string, HelmHistory>> {
  for (;;) {
    const histories = await readHistories(releases, context.ports);
    const touched = releases.flatMap((release) => {
      const history = histories.get(release.name) ?? [];
      return isTouched(release, history) ? [history] : [];
    });
    const atWork = helmsAt(touched, context.ports.clock.now(), context);
    if (atWork.length === 0) return histories;
    await outlastHelm(atWork, context, context.ports, context.signal);
  }
}

function writtenBy(release: JournalRelease, history: HelmHistory): HelmHistory {
  return history.filter(({ version }) => version > release.lastRevision);
}

function baseOf(release: JournalRelease, history: HelmHistory): HelmHistory[number] | undefined {
  return history.find(({ version }) => version === release.fromRevision);
}

/** Whether the rollout had begun with a release: what Helm alone did to it meanwhile is not the rollout's to take back. */
export function isTouched(release: JournalRelease, history: HelmHistory): boolean {
  if (release.keepsRevision) return true;
  if (writtenBy(release, history).some((record) => rolloutOf(record) !== '')) return true;
  // An uninstall writes no revision of its own.
  return ['uninstalling', 'uninstalled'].includes(baseOf(release, history)?.status ?? '');
}

/** The revision that the release is at afterwards. */
async function putBack(release: JournalRelease, history: HelmHistory, base: PutBackContext): Promise<number> {
  const context = aboutRelease(release.name, base);
  const { progress } = context.ports;
  const about = { stage: 'rollback', subject: release.name };
  progress.emit({ ...about, state: 'started' });
  try {
    const target = baseOf(release, history)?.release();
    if (!context.lost.has(release.namespace)) await removeRemains(release, history, context);
    const revision = await backTo(release, target, history, context);
    progress.emit({ ...about, state: 'done', message: revision > 0 ? `revision ${revision}` : 'gone again' });
    return revision;
  } catch (thrown) {
    // Of a hook, or of what is waited for.
    const isRefused = thrown instanceof KubeStatusError;
    const error = isRefused ? new ReleaseFailure('rollout/rollback-incomplete', thrown.message) : thrown;
    if (error instanceof ReleaseFailure) progress.emit({ ...about, state: 'failed', message: error.message });
    throw error;
  }
}

/** A hook that was under way when the rollout was stopped. */
async function removeRemains(
  release: JournalRelease,
  history: HelmHistory,
  context: RunContext,
): Promise<void> {
  const revisions = [...writtenBy(release, history), baseOf(release, history)];
  const hooks = revisions.flatMap((record) => record?.release().hooks ?? []);
  await removeHookRemains({ ...release, hooks, kinds: context.kinds }, context);
}

function backTo(
  release: JournalRelease,
  target: HelmRelease | undefined,
  history: HelmHistory,
  context: PutBackContext,
): Promise<number> {
  if (context.lost.has(release.namespace)) return backToNothing(release, [], context);
  if (release.keepsRevision) return backToObjects(release, target, context);
  if (release.triedSince !== undefined) return backToFailure(release, history, context);
  if (!target) return backToNothing(release, writtenBy(release, history), context);
  return backToRevision(release, target, history, context);
}

/** No revision was written: the objects alone go back to how they were found. */
async function backToObjects(
  release: JournalRelease,
  target: HelmRelease | undefined,
  context: PutBackContext,
): Promise<number> {
  const restored = await restoreObjects(release.baseline, target, release, context);
  await waitReady(release.name, wereReady(restored, release), release.timeoutMs, context);
  return release.fromRevision;
}

/** An install that failed and was kept was to go, and could not: it is as it was found, and its record says why. */
async function backToFailure(
  release: JournalRelease,
  history: HelmHistory,
  context: PutBackContext,
): Promise<number> {
  const base = baseOf(release, history);
  await restoreObjects(release.baseline, base?.release(), release, context);
  const reason = context.ports.redactor.redact(context.journal.reason ?? '');
  const description = `Not uninstalled: ${reason}`.slice(0, 1_000);
  if (base) await updateRecord(base, { status: 'failed', description }, context.ports);
  return release.fromRevision;
}

async function backToNothing(
  release: JournalRelease,
  written: HelmHistory,
  context: PutBackContext,
): Promise<number> {
  await restoreObjects(release.baseline, undefined, release, context);
  for (const record of written) await deleteRecord(record, context.ports);
  return 0;
}

async function backToRevision(
  release: JournalRelease,
  target: HelmRelease,
  history: HelmHistory,
  context: PutBackContext,
): Promise<number> {
  const { ports } = context;
  const isOurs = ({ version, release: read }: HelmRecord): boolean =>
    version > release.lastRevision && read().info.rollback_revision === target.version;
  const unfinished = history.find((record) => record.status === 'pending-rollback' && isOurs(record));
  const ended = history.find((record) => record.status === 'deployed' && isOurs(record));
  if (ended) {
    await trimHistory(history, context);
    return ended.version;
  }
  const origin = history.find(({ version }) => version === target.version);
  const inputs = origin?.secret.metadata.labels?.[inputsLabel];
  // What is there again is what that rollout had deployed: it is the one that the next `zakenak rollback` takes back.
  const rollout = (origin && rolloutOf(origin)) || context.rollout;
  const asked = origin && askedFor(origin);
  const by = { set: context.set, rollout, inputs, asked, putsBack: context.rollout };
  const pending =
    unfinished ?? (await createRecord(rollbackRevisionOf(target, history, ports.clock.now()), by, ports));
  const owner = { ...release, hooks: target.hooks ?? [], kinds: context.kinds };
  await runHooks(owner, 'pre-rollback', context, async () => undefined);
  const restored = await restoreObjects(release.baseline, target, release, context);
  await waitReady(release.name, wereReady(restored, release), release.timeoutMs, context);
  await runHooks(owner, 'post-rollback', context, async () => undefined);
  const former: HelmHistory[number][] = [];
  for (const record of history) {
    if (record === unfinished) continue;
    former.push(await supersede(record, release, context));
  }
  const done = await updateRecord(pending, { status: 'deployed' }, ports);
  await trimHistory([...former, done], context);
  return done.version;
}

async function supersede(
  record: HelmHistory[number],
  release: JournalRelease,
  { ports, journal: { reason = '' } }: PutBackContext,
): Promise<HelmHistory[number]> {
  if (['deployed', 'uninstalling', 'uninstalled'].includes(record.status))
    return updateRecord(record, { status: 'superseded' }, ports);
  if (record.version <= release.lastRevision || !record.status.startsWith('pending-')) return record;
  return updateRecord(
    record,
    { status: 'failed', description: `Stopped: ${ports.redactor.redact(reason)}`.slice(0, 1_000) },
    ports,
  );
}

/** What was not ready before need not become so now. A Job that was made anew runs once more, and nothing of what it did before depends on it. */
function wereReady(restored: readonly KubeObject[], { baseline }: JournalRelease): readonly KubeObject[] {
  const ready = new Map(
    baseline.flatMap(({ ref, before }) =>
      before && judgeHealth(before).state === 'ready' ? [[keyOf(ref), before.metadata.uid]] : [],
    ),
  );
  return restored.filter((object) => {
    const uid = ready.get(keyOf(refOf(object)));
    return uid !== undefined && (object.kind !== 'Job' || object.metadata.uid === uid);
  });
}

async function removeNamespaces(releases: readonly JournalRelease[], context: PutBackContext): Promise<void> {
  const made = new Set(releases.flatMap(({ newNamespaces }) => newNamespaces));
  const names = [...made].filter((name) => !context.lost.has(name));
  const removed: string[] = [];
  for (const name of names) if (await removeNamespace(name, context)) removed.push(name);
  const refs = removed.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', name }));
  if (!(await waitGone(refs, 60_000, context)))
    (context.warn ?? context.ports.log.warn)(
      `Namespaces that this rollout created are still ending: ${removed.join(', ')}.`,
    );
}
