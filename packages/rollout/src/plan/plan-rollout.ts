import { createLimiter, type KubeObject, type KubeRef, type Limiter, type Ports } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { createConflictJudges } from '../fields/conflict.ts';
import { createLiveObjects } from '../fields/live-objects.ts';
import { sameJson } from '../objects/json.ts';
import { keyOf, refOf } from '../objects/object.ts';
import { readTolerance } from '../policy/drift-policy.ts';
import { renderRemoval } from '../render/from-record.ts';
import { type HookEvent, hooksFor } from '../render/hook.ts';
import { learnFromFormer, learnFromRelease } from '../render/learn-releases.ts';
import { renderRollout } from '../render/render.ts';
import type { RenderedRelease, RenderedRollout } from '../render/rendered.ts';
import { findUnusedValues } from '../render/unused-values.ts';
import { createValuesFiles } from '../render/values.ts';
import { defaultTimeoutMs, type RolloutRequest } from '../request.ts';
import type { HelmHistory } from '../state/helm-record.ts';
import { newest, standing, triedSinceOf } from '../state/helm-storage.ts';
import { sameHooks, sameManifest } from '../state/inputs.ts';
import type { Orphan } from '../state/orphans.ts';
import { chartForRecord } from '../state/record-size.ts';
import { removedOf, type Standing } from '../state/standing.ts';
import { type ChangingKinds, createChangingKinds } from './changing-kinds.ts';
import { type DryRunContext, type PreparedObject, planObject } from './dry-run.ts';
import { findGpuDeadlocks } from './gpu-deadlock.ts';
import { createHeldDefinitions } from './held-definitions.ts';
import { listIrreversible } from './irreversible.ts';
import { maskPlanned } from './mask-planned.ts';
import { findNewNamespaces } from './new-namespaces.ts';
import { findOtherStorage } from './other-storage.ts';
import { type Plan, type PlannedRelease, type RevisionAction, sealPlan } from './plan.ts';
import type { Intent, PreparedRelease, PreparedRollout } from './prepared.ts';
import { deployedObjects, formerObjects, leavingOf, planPrune, sinceOf } from './prune.ts';
import { nextRevisionOf } from './revision.ts';

/** The ports that planning reaches. */
export type PlanPorts = Pick<Ports, 'kube' | 'process' | 'files' | 'progress' | 'redactor'>;

// Reads and dry runs are cheap for the server; this keeps one client from filling its queue.
const parallelRequests = 32;

/** Renders the set and decides, with reads and server-side dry runs only, what a deploy would do. Nothing is written. */
export async function prepareRollout(
  request: RolloutRequest,
  { histories, orphans }: Standing,
  ports: PlanPorts,
  signal?: AbortSignal,
): Promise<PreparedRollout> {
  const removed = removedOf(request, orphans);
  const deployed = new Map(
    [...histories].flatMap(([name, history]) => {
      const record = newest(history, 'deployed');
      return record ? [[name, record] as const] : [];
    }),
  );
  const read = createValuesFiles(ports, signal);
  const rendered = await renderRollout(request, ports, { deployed, read, ...(signal ? { signal } : {}) });
  const removals = removed.flatMap(({ name }) => renderOrphan(name, histories, rendered));
  const intents = new Map<string, Intent>(
    removals.map(({ name }) => {
      const triedSince = triedSinceOf(histories.get(name) ?? []);
      return [name, { uninstall: true, ...sinceOf({ triedSince }) }];
    }),
  );
  const drift = request.drift ? { drift: request.drift } : {};
  const whole = { ...rendered, ...drift, releases: [...rendered.releases, ...removals] };
  const left = orphans.filter((orphan) => !removed.includes(orphan));
  const unused = await findUnusedValues(request.releases, read);
  const prepared = await planRendered(whole, histories, intents, ports, signal, left);
  const elsewhere = await findOtherStorage(prepared.releases, ports, signal);
  return { ...prepared, findings: [...unused, ...elsewhere, ...prepared.findings] };
}

/** What left the set goes when everything that stays is ready: something may still use it until then. */
function renderOrphan(
  name: string,
  histories: ReadonlyMap<string, HelmHistory>,
  { releases, kinds }: RenderedRollout,
): readonly RenderedRelease[] {
  const record = standing(histories.get(name) ?? []);
  const facts = { needs: releases.map((release) => release.name), timeoutMs: defaultTimeoutMs };
  return record ? [renderRemoval(record, kinds, facts)] : [];
}

/** Decides, with reads and dry runs only, what bringing the cluster to the rendered set would do. */
export async function planRendered(
  rendered: RenderedRollout,
  histories: ReadonlyMap<string, HelmHistory>,
  intents: ReadonlyMap<string, Intent>,
  ports: PlanPorts,
  signal?: AbortSignal,
  orphans: readonly Orphan[] = [],
): Promise<PreparedRollout & Required<Pick<PreparedRollout, 'findings'>>> {
  for (const release of rendered.releases) {
    if (intents.has(release.name)) learnFromRelease(release, ports.redactor);
    learnFromFormer(release, histories.get(release.name) ?? [], ports.redactor);
  }
  const wanted = rendered.releases.flatMap(({ crds, objects }) => [...crds, ...objects]);
  const keys = new Set(wanted.map((object) => keyOf(refOf(object))));
  const live = createLiveObjects(wanted.map(refOf), ports);
  const [newNamespaces, tolerance, cluster] = await Promise.all([
    findNewNamespaces(rendered, intents, ports, signal),
    readTolerance(
      { ...rendered.drift, isLeaving: leavingOf(rendered.releases) },
      wanted,
      rendered.kinds,
      ports,
      signal,
    ),
    readCluster(ports, signal),
  ]);
  const judgeFor = createConflictJudges(rendered.drift?.conflicts);
  const limit = createLimiter(parallelRequests);
  const changing = createChangingKinds(ports);
  const held = createHeldDefinitions(rendered.releases);
  const prepare = (release: RenderedRelease): Promise<PreparedRelease> => {
    const { kinds, releases: owners } = rendered;
    const about = { owner: release, owners, kinds, newNamespaces, live, tolerance, judgeFor };
    const intent = intents.get(release.name);
    const goesBack = intent !== undefined && 'rollBackTo' in intent;
    const context = { ...about, goesBack, wanted: keys, changing, held };
    const subject = { rendered: release, history: histories.get(release.name) ?? [] };
    return prepareRelease({ ...subject, ...(intent ? { intent } : {}) }, context, limit, ports, signal);
  };
  const releases = await Promise.all(rendered.releases.map(prepare));
  const plan = sealPlan({
    schemaVersion: 1,
    set: rendered.set,
    cluster,
    releases: releases.map(({ planned, objects }) =>
      maskPlanned(
        planned,
        objects.flatMap(({ live }) => live ?? []),
        ports.redactor,
      ),
    ),
    orphans,
    irreversible: listIrreversible(releases),
  });
  return { plan, rendered, releases, findings: await findGpuDeadlocks(releases, ports, signal) };
}

/** Which cluster a plan is made for. */
export async function readCluster(
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Plan['cluster']> {
  const [version, system] = await Promise.all([
    ports.kube.version(),
    requestOf('Reading the cluster’s identity', () =>
      ports.kube.get({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' }, signal),
    ),
  ]);
  return { uid: system?.metadata.uid ?? '', version: version.gitVersion };
}

/** A release, where it stands and what is to become of it. */
interface Subject {
  readonly rendered: RenderedRelease;
  readonly history: HelmHistory;
  readonly intent?: Intent;
}

interface PrepareContext extends DryRunContext {
  readonly changing: ChangingKinds;
  readonly held: ReturnType<typeof createHeldDefinitions>;
  /** The keys of what any release of the plan holds: what leaves one for another is not pruned. */
  readonly wanted: ReadonlySet<string>;
}

async function prepareRelease(
  subject: Subject,
  { changing, held, wanted, ...context }: PrepareContext,
  limit: Limiter,
  ports: PlanPorts,
  signal?: AbortSignal,
): Promise<PreparedRelease> {
  const { rendered, history, intent } = subject;
  const about = { stage: 'plan', subject: rendered.name, release: rendered.name };
  ports.progress.emit({ ...about, state: 'started' });
  const deployed = deployedObjects(rendered, history, context.kinds);
  const formerOf = (ref: KubeRef): KubeObject | undefined => deployed().get(keyOf(ref));
  const tryOne = (object: KubeObject): Promise<PreparedObject> =>
    limit(() => planObject(object, { ...context, formerOf }, ports, signal));
  const planOne = (object: KubeObject): Promise<PreparedObject> => changing.settle(object, tryOne(object));
  const planDefinition = (object: KubeObject): Promise<PreparedObject> =>
    changing.settle(
      object,
      tryOne(object).then((plan) => held.settle(plan, rendered)),
    );
  const isGoing = intent !== undefined && 'uninstall' in intent;
  const known = isGoing ? undefined : rendered.manifest;
  const since = isGoing ? sinceOf(intent) : {};
  const former = formerObjects(history, context.kinds, known);
  const stale = former.filter((object) => !wanted.has(keyOf(refOf(object))));
  const [crds, objects, pruned] = await Promise.all([
    Promise.all(rendered.crds.map(planDefinition)),
    Promise.all(rendered.objects.map(planOne)),
    planPrune(stale, { ...rendered, ...since }, ports, signal),
  ]);
  const all = [...objects, ...pruned];
  const planned = planRelease(subject, [...crds, ...all], context.newNamespaces);
  ports.progress.emit({ ...about, state: 'done', message: planned.reason });
  const target = intent && 'rollBackTo' in intent ? { target: intent.rollBackTo } : {};
  return {
    rendered,
    planned,
    history,
    ...target,
    ...since,
    ...recordedOf(subject, planned),
    crds,
    objects: all,
  };
}

/** Before anything is written it is known that a record can hold the revision. */
function recordedOf(
  { rendered, history, intent }: Subject,
  { action }: PlannedRelease,
): Pick<PreparedRelease, 'recorded'> {
  if (action === 'noop' || action === 'uninstall') return {};
  const target = intent && 'rollBackTo' in intent ? intent.rollBackTo : undefined;
  return { recorded: chartForRecord(nextRevisionOf({ rendered, history, target }, new Date(0))) };
}

function planRelease(
  subject: Subject,
  objects: readonly PreparedObject[],
  newNamespaces: ReadonlySet<string>,
): PlannedRelease {
  const { rendered, history } = subject;
  const deployed = newest(history, 'deployed');
  const last = newest(history);
  const reason = changeReason(subject, objects);
  const action = reason === undefined ? 'noop' : actionOf(subject);
  const { metadata } = rendered.chart;
  return {
    name: rendered.name,
    namespace: rendered.namespace,
    action,
    reason: reason ?? 'unchanged',
    chart: `${metadata.name}-${metadata.version}`,
    fromRevision: (action === 'uninstall' ? standing(history) : deployed)?.version ?? 0,
    toRevision: action === 'uninstall' ? 0 : (last?.version ?? 0) + (action === 'noop' ? 0 : 1),
    needs: rendered.needs,
    digests: rendered.digests,
    createsNamespace: newNamespaces.has(rendered.namespace),
    ...(rendered.unstable ? { unstable: rendered.unstable } : {}),
    objects: objects.map(({ planned }) => planned),
    hooks: action === 'noop' ? [] : hookList(rendered, action),
  };
}

function actionOf({ history, intent }: Subject): RevisionAction {
  if (intent) return 'uninstall' in intent ? 'uninstall' : 'rollback';
  return newest(history, 'deployed') ? 'upgrade' : 'install';
}

/** Why the release needs a new revision; undefined when the cluster and Helm's record both hold it already. */
function changeReason(
  { rendered, history, intent }: Subject,
  objects: readonly PreparedObject[],
): string | undefined {
  if (intent && 'uninstall' in intent) return 'it goes';
  const deployed = newest(history, 'deployed');
  if (!deployed) return intent ? 'it was removed, and comes back' : 'it is not deployed';
  const last = newest(history);
  if (last && last !== deployed) return `its revision ${last.version} is ${last.status}`;
  const former = deployed.release();
  if (!sameManifest(former.manifest, rendered.manifest)) return 'its manifests changed';
  if (!sameHooks(former.hooks, rendered.hooks)) return 'its hooks changed';
  if (former.chart?.metadata.version !== rendered.chart.metadata.version)
    return 'its chart’s version changed';
  if (!sameJson(former.config ?? {}, rendered.values)) return 'its values changed';
  if (objects.some(({ planned }) => planned.action !== 'noop' && planned.action !== 'keep'))
    return 'the cluster differs from what was deployed';
  return undefined;
}

function hookList(rendered: RenderedRelease, action: RevisionAction): PlannedRelease['hooks'] {
  const tests = runsTests(action, rendered) ? (['test'] as const) : [];
  return [...hookEvents(action), ...tests].flatMap((event) =>
    hooksFor(rendered.hooks, event).map(({ kind, name }) => ({ event, kind, name })),
  );
}

/** The events of a release's action, before and after its objects. */
export function hookEvents(action: RevisionAction): readonly [HookEvent, HookEvent] {
  const verb = action === 'uninstall' ? 'delete' : action;
  return [`pre-${verb}`, `post-${verb}`];
}

/** Tests say something of what was just deployed; a rollback goes back to what had passed them. */
export function runsTests(
  action: PlannedRelease['action'],
  { test }: Pick<RenderedRelease, 'test'>,
): boolean {
  return test === true && (action === 'install' || action === 'upgrade');
}
