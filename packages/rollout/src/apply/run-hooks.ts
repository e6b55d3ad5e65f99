import { type KubeObject, KubeStatusError, type Progress, type ProgressEvent } from '@zakenak/core';
import { ReleaseFailure } from '../failure.ts';
import { fieldManager } from '../fields/ownership.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { removesItself } from '../objects/ended-job.ts';
import { digestOf } from '../objects/json.ts';
import { describe, placeObject, refOf } from '../objects/object.ts';
import { getIfServed, waitGone } from '../objects/presence.ts';
import { type HookEvent, hasDeletePolicy, hookObject, hooksFor } from '../render/hook.ts';
import type { HelmHook } from '../state/helm-release.ts';
import { type WaitContext, waitReady } from '../wait/wait.ts';
import { untilServed } from './apply-stages.ts';

/** Whose hooks run. */
export interface HookOwner {
  readonly name: string;
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly hooks: readonly HelmHook[];
  readonly kinds: Kinds;
}

/** What running hooks needs; `rollout` is its id, kept over interruptions. */
export type HookContext = WaitContext & { readonly rollout: string; readonly endedHooks?: EndedHooks };

/** Which events of the rollout have seen the end of all their hooks: of those that their policy removes nothing else tells it after an interruption. */
export interface EndedHooks {
  has(event: HookEvent, hooks: string): boolean;
  /** Told before the first of them is removed. `hooks`: what they were. */
  add(event: HookEvent, hooks: string): Promise<void>;
}

/**
 * Runs the hooks of one event one after the other, each to its end, with Helm's delete policies; returns the hooks with the record of their run. A hook that an
 * interrupted run of the same rollout had begun is not begun again, and where all had ended none is. Throws ReleaseFailure `rollout/hook-failed`; `onFailure` is called before a failed hook's object
 * is deleted, so that its logs can be read.
 */
export async function runHooks(
  owner: HookOwner,
  event: HookEvent,
  context: HookContext,
  onFailure: (failure: ReleaseFailure) => Promise<void>,
): Promise<readonly HelmHook[]> {
  const due = hooksFor(owner.hooks, event);
  const digest = digestOf(due.map(({ manifest }) => manifest)).slice(0, 16);
  if (context.endedHooks?.has(event, digest)) {
    const passing = due.filter((hook) => hasDeletePolicy(hook, 'hook-succeeded'));
    await removeHookRemains({ ...owner, hooks: passing }, context, (run) =>
      run.startsWith(`${context.rollout}.${event}.`),
    );
    return owner.hooks.map((hook) => (due.includes(hook) ? { ...hook, last_run: succeeded } : hook));
  }
  const ran = new Map<HelmHook, HelmHook>();
  const finished: { hook: HelmHook; object: KubeObject }[] = [];
  const tidyUp = async (): Promise<void> => {
    for (const { hook, object } of finished.reverse())
      if (hasDeletePolicy(hook, 'hook-succeeded')) await removeHook(object, context);
  };
  for (const hook of due) {
    if (context.signal.aborted) throw context.signal.reason;
    const object = hookObject(hook);
    if (!object) continue;
    const placed = placeObject(object, owner.namespace, owner.kinds.find(object));
    const marked = markRun(placed, runOf(hook, event, context));
    const startedAt = context.ports.clock.now().toISOString();
    const about = { subject: owner.name, message: `${event} hook ${hook.name}`, object: refOf(placed) };
    await tellHook(about, context, (inside) => runHook(hook, marked, owner, inside, onFailure)).catch(
      async (error: unknown) => {
        // As Helm: those before it have succeeded.
        if (error instanceof ReleaseFailure) await tidyUp();
        throw error;
      },
    );
    const completedAt = context.ports.clock.now().toISOString();
    const run = { started_at: startedAt, completed_at: completedAt, ...succeeded };
    ran.set(hook, { ...hook, last_run: run });
    finished.push({ hook, object: placed });
  }
  const goes = finished.some(
    ({ hook, object }) => hasDeletePolicy(hook, 'hook-succeeded') || removesItself(object),
  );
  if (goes) await context.endedHooks?.add(event, digest);
  await tidyUp();
  return owner.hooks.map((hook) => ran.get(hook) ?? hook);
}

const succeeded = { phase: 'Succeeded' };

/** Removes what an interrupted rollout left of hooks, of the runs that `isMeant` tells, that would not have outlived their run. */
export async function removeHookRemains(
  { hooks, namespace, kinds }: Pick<HookOwner, 'hooks' | 'namespace' | 'kinds'>,
  context: HookContext,
  isMeant: (run: string) => boolean = () => true,
): Promise<void> {
  const isOurs = (run = ''): boolean => run.startsWith(`${context.rollout}.`) && isMeant(run);
  const passing = hooks.filter((hook) =>
    (['hook-succeeded', 'hook-failed'] as const).some((policy) => hasDeletePolicy(hook, policy)),
  );
  for (const object of passing.flatMap((hook) => hookObject(hook) ?? [])) {
    const placed = placeObject(object, namespace, kinds.find(object));
    const live = await getIfServed(refOf(placed), context.ports);
    if (live && isOurs(hookRunOf(live))) await removeHook(placed, context);
  }
}

/**
 * Removes what an interrupted run of the same rollout left of the hooks of its revision (`former`) and this one, whose `events` are named, does not go on with: those of another action or another chart, which no later run
 * would come to.
 */
export async function removeFormerHooks(
  { hooks, ...owner }: Pick<HookOwner, 'hooks' | 'namespace' | 'kinds'>,
  events: readonly HookEvent[],
  former: readonly HelmHook[],
  context: HookContext,
): Promise<void> {
  const coming = new Set(
    events.flatMap((event) => hooksFor(hooks, event).map((hook) => runOf(hook, event, context))),
  );
  await removeHookRemains({ ...owner, hooks: former }, context, (run) => !coming.has(run));
}

const runAnnotation = 'zakenak.dev/hook-run';

/** One run of a hook: which rollout, which event, and what it was. */
function runOf(hook: HelmHook, event: HookEvent, { rollout }: HookContext): string {
  return `${rollout}.${event}.${digestOf(hook.manifest).slice(0, 16)}`;
}

/** The run that an object was made for as a hook; undefined for any other object. */
export function hookRunOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[runAnnotation];
}

/** True for what an interrupted run of the same rollout was at for the same event, when the hook was another: it never ended, so no policy of its own has removed it. */
function isFormer(live: KubeObject, object: KubeObject): boolean {
  const event = (run = ''): string => run.slice(0, run.lastIndexOf('.'));
  return hookRunOf(live) !== undefined && event(hookRunOf(live)) === event(hookRunOf(object));
}

function markRun(object: KubeObject, run: string): KubeObject {
  const { metadata } = object;
  const annotations = { ...metadata.annotations, [runAnnotation]: run };
  return { ...object, metadata: { ...metadata, annotations } };
}

/** Tells of a hook from its beginning to its end; that its object is waited for is part of that. */
async function tellHook(
  about: Pick<ProgressEvent, 'subject' | 'message' | 'object'>,
  context: WaitContext,
  body: (inside: WaitContext) => Promise<void>,
): Promise<void> {
  const { ports } = context;
  const tell = (state: ProgressEvent['state'], more: Pick<ProgressEvent, 'waitingFor'> = {}): void =>
    ports.progress.emit({ stage: 'hook', ...about, state, ...more });
  const progress: Progress = {
    emit(event) {
      if (event.stage !== 'wait') ports.progress.emit(event);
      else if (event.waitingFor) tell('waiting', { waitingFor: event.waitingFor });
    },
  };
  tell('started');
  try {
    await body({ ...context, ports: { ...ports, progress } });
    tell('done');
  } catch (error) {
    tell('failed');
    throw error;
  }
}

async function runHook(
  hook: HelmHook,
  object: KubeObject,
  owner: HookOwner,
  context: WaitContext,
  onFailure: (failure: ReleaseFailure) => Promise<void>,
): Promise<void> {
  const live = await getIfServed(refOf(object), context.ports);
  const begun =
    live && !live.metadata.deletionTimestamp && hookRunOf(live) === hookRunOf(object) ? live : undefined;
  const isInTheWay =
    live && !begun && (hasDeletePolicy(hook, 'before-hook-creation') || isFormer(live, object));
  if (isInTheWay) await removeHook(object, context);
  try {
    const created =
      begun ?? (await context.ports.kube.create(object, { fieldManager, fieldValidation: 'Strict' }));
    await waitReady(owner.name, [created], owner.timeoutMs, context);
    if (created.kind === 'CustomResourceDefinition') await untilServed([created], context);
  } catch (error) {
    if (!(error instanceof KubeStatusError || error instanceof ReleaseFailure)) throw error;
    const hookName = `${describe(refOf(object))}: `;
    const reason = error.message.startsWith(hookName) ? error.message.slice(hookName.length) : error.message;
    const failure = new ReleaseFailure('rollout/hook-failed', `hook ${hookName}${reason}`, refOf(object));
    await onFailure(failure);
    if (hasDeletePolicy(hook, 'hook-failed')) await removeRun(object, context);
    throw failure;
  }
}

/** Removes what this run has made: an object that was in its way, and kept it from being made, is none of it. */
async function removeRun(object: KubeObject, context: WaitContext): Promise<void> {
  const live = await getIfServed(refOf(object), context.ports);
  if (live && hookRunOf(live) === hookRunOf(object)) await removeHook(object, context);
}

async function removeHook(object: KubeObject, context: WaitContext): Promise<void> {
  // Deleting a definition deletes every object of its kind.
  if (object.kind === 'CustomResourceDefinition') return;
  if (await context.ports.kube.delete(refOf(object), { propagation: 'Background' }))
    await waitGone([refOf(object)], 60_000, context);
}
