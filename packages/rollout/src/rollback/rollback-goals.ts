import { nothingBefore, nothingDeployed, sameBefore, unknownRevision } from '../errors.ts';
import { textAt } from '../objects/json.ts';
import { type Since, sinceOf } from '../plan/prune.ts';
import { lookInto } from '../state/damaged-record.ts';
import type { HelmHistory, HelmRecord } from '../state/helm-record.ts';
import {
  deployedBefore,
  formerOf,
  holdsSame,
  keptFailure,
  keptInstalls,
  newest,
  putBackBy,
  removedBy,
  rolloutOf,
  triedSinceOf,
  wasInstalled,
} from '../state/helm-storage.ts';
import type { JournalRelease } from '../state/journal-shape.ts';
import { sinceUninstalled } from '../state/since-uninstalled.ts';

interface GoalRequest {
  readonly set: string;
  readonly releases: readonly { readonly name: string }[];
  readonly release?: string;
  readonly revision?: number;
}

/** Where a release goes back to. */
export interface Goal extends Since {
  readonly name: string;
  /** Absent: the release was not there before. */
  readonly target: HelmRecord | undefined;
}

/** The goal of a release whose install failed and was kept. */
function neverThere(name: string, history: HelmHistory): Goal {
  const triedSince = triedSinceOf(history);
  return { name, target: undefined, ...(triedSince ? { triedSince } : {}) };
}

/** What an interrupted rollback was to do. */
export function begunGoals(
  releases: readonly JournalRelease[],
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  return releases.flatMap((release) => {
    const { name, goal } = release;
    const target = (histories.get(name) ?? []).find(({ version }) => version === goal);
    if (goal === undefined || (goal > 0 && !target)) return [];
    return [{ name, target, ...sinceOf(release) }];
  });
}

/** What going back with one release is asked for. Throws ZakenakError `rollout/unknown-revision`. */
export function oneRelease(
  { release = '', revision }: GoalRequest,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  const history = histories.get(release) ?? [];
  const attempts = keptInstalls(history);
  if (revision === undefined && attempts.length > 0) return [neverThere(release, history)];
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

/** Every release whose deployed revision came with the newest rollout, and where each one stood before it. Rollouts that failed and were kept are the newest. What it removed comes back. Throws ZakenakError `rollout/unknown-revision`. */
export function lastRollout(
  request: GoalRequest,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  const kept = keptRollouts(request, histories);
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
  const removed = removedReleases(request, histories);
  const [last] = [...deployed.map((release) => ({ ...release, at: beganAt(release) })), ...removed]
    .map(({ rollout, at }) => ({ rollout, at }))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
  if (!last) throw nothingDeployed(request.set);
  const goals = deployed
    .filter(({ rollout }) => rollout === last.rollout)
    .map(({ name, record }) => ({ name, record, target: formerOf(histories.get(name) ?? []) }));
  // After a deploy that was put back, nobody who says "rollback" means that the whole set is to go.
  const wasPutBack = goals.some(({ record }) => putBackBy(record) !== '');
  if (wasPutBack && goals.every(({ target }) => !target)) throw nothingBefore(request.set);
  const moved = goals.filter((goal) => moves(goal, histories.get(goal.name) ?? []));
  const back = removed.filter(({ rollout }) => rollout === last.rollout);
  if (moved.length + back.length === 0) throw sameBefore(request.set);
  return [...back, ...moved];
}

/** The releases that are gone by a rollout's hand; `at`: when, in RFC 3339. */
function removedReleases(
  { releases }: GoalRequest,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly {
  readonly name: string;
  readonly target: HelmRecord;
  readonly rollout: string;
  readonly at: string;
}[] {
  return releases.flatMap(({ name }) => {
    const history = histories.get(name) ?? [];
    const [target, rollout] = [newest(history), removedBy(history)];
    if (!target || rollout === '') return [];
    const begunAt = new Date(Number(target.secret.metadata.labels?.['modifiedAt'] ?? 0) * 1_000);
    const { value = begunAt.toISOString() } = lookInto(target, ({ info }) => info.deleted);
    return [{ name, target, rollout, at: value }];
  });
}

/** False where the rollout deployed what had been deployed before, as it does to take back drift: nothing of the release is to be taken back, and it is not the rollout's to remove. */
function moves({ target }: Goal, history: HelmHistory): boolean {
  const current = newest(history, 'deployed');
  const before = deployedBefore(history).at(-1);
  if (current && before && holdsSame(before, current)) return false;
  return target !== undefined || wasInstalled(history);
}

/**
 * What rollouts left that failed and were kept, one after the other: their failures go back to what is deployed of them, or go where nothing was there before, and what they deployed to what was there
 * before the first of them. What failed by Helm's hands is part of no rollout.
 */
function keptRollouts(
  { releases }: GoalRequest,
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Goal[] {
  const all = releases.map(({ name }) => ({ name, history: histories.get(name) ?? [] }));
  const kept = new Set(all.flatMap(({ history }) => triesOf(history)));
  // What a release failed at on its way from there to here was no whole state of the set either.
  for (let known = -1; known < kept.size; ) {
    known = kept.size;
    for (const { history } of all)
      for (const rollout of failedSince(history, wholeBefore(history, kept))) kept.add(rollout);
  }
  return all.flatMap(({ name, history }): readonly Goal[] => {
    const [last, deployed] = [newest(history), newest(history, 'deployed')];
    const target = wholeBefore(history, kept);
    const goal = target ? { name, target } : { name, target, ...cameOf(history) };
    if (triesOf(history).length > 0) return [deployed ? goal : neverThere(name, history)];
    if (kept.has(removedBy(history))) return [{ name, target: last }];
    const isMoved = deployed !== target && !(deployed && target && holdsSame(target, deployed));
    return isMoved ? [goal] : [];
  });
}

/** When a release came to be there, by the API server's clock. */
function cameOf(history: HelmHistory): Pick<Goal, 'cameAt'> {
  const [first] = sinceUninstalled(history);
  const cameAt = first && textAt(first.secret, 'metadata', 'creationTimestamp');
  return cameAt ? { cameAt } : {};
}

/** The revision that was deployed before all of these rollouts, or the oldest that the history's limit has left; undefined where the release was not there. */
function wholeBefore(history: HelmHistory, kept: ReadonlySet<string>): HelmRecord | undefined {
  const deployed = newest(history, 'deployed');
  if (!deployed || !kept.has(rolloutOf(deployed))) return deployed;
  const isWhole = history[0]?.version === 1 || history.some(({ status }) => status === 'uninstalled');
  const since = sinceUninstalled(history);
  const before = deployedBefore(since, kept).at(-1);
  return before ?? (isWhole ? undefined : (deployedBefore(since)[0] ?? deployed));
}

/** The rollouts of a release's failures, where the newest revision is one and was kept. */
function triesOf(history: HelmHistory): readonly string[] {
  const failed = keptFailure(history) ?? keptInstalls(history).at(-1);
  return failed && rolloutOf(failed) !== '' ? failedSince(history, newest(history, 'deployed')) : [];
}

/** The rollouts that failed after a revision, or from the beginning on, and were not put back. */
function failedSince(history: HelmHistory, revision: HelmRecord | undefined): readonly string[] {
  const putBack = new Set(history.map(putBackBy));
  return sinceUninstalled(history)
    .filter(({ version, status }) => version > (revision?.version ?? 0) && status === 'failed')
    .map(rolloutOf)
    .filter((rollout) => rollout !== '' && !putBack.has(rollout));
}
