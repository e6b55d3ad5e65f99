import { type KubeObject, KubeStatusError, type Progress, type ProgressEvent } from '@zakenak/core';
import { ReleaseFailure } from './failure.ts';
import type { HelmHook } from './helm-release.ts';
import { type HookEvent, hasDeletePolicy, hookObject, hooksFor } from './hook.ts';
import type { Kinds } from './kinds.ts';
import { describe, placeObject, refOf } from './object.ts';
import { fieldManager } from './ownership.ts';
import { type WaitContext, waitGone, waitReady } from './wait.ts';

/** Whose hooks run. */
export interface HookOwner {
  readonly name: string;
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly hooks: readonly HelmHook[];
  readonly kinds: Kinds;
}

/**
 * Runs the hooks of one event one after the other, each to its end, with Helm's delete policies; returns the hooks with the record of their run. Throws
 * ReleaseFailure `rollout/hook-failed`; `onFailure` is called before a failed hook's object is deleted, so that its logs can be read.
 */
export async function runHooks(
  owner: HookOwner,
  event: HookEvent,
  context: WaitContext,
  onFailure: (failure: ReleaseFailure) => Promise<void>,
): Promise<readonly HelmHook[]> {
  const ran = new Map<string, HelmHook>();
  const finished: { hook: HelmHook; object: KubeObject }[] = [];
  for (const hook of hooksFor(owner.hooks, event)) {
    if (context.signal.aborted) throw context.signal.reason;
    const object = hookObject(hook);
    if (!object) continue;
    const placed = placeObject(object, owner.namespace, owner.kinds.find(object));
    const startedAt = context.ports.clock.now().toISOString();
    const about = { subject: owner.name, message: `${event} hook ${hook.name}`, object: refOf(placed) };
    await tellHook(about, context, (inside) => runHook(hook, placed, owner, inside, onFailure));
    const run = {
      started_at: startedAt,
      completed_at: context.ports.clock.now().toISOString(),
      phase: 'Succeeded',
    };
    ran.set(hook.path + hook.name, { ...hook, last_run: run });
    finished.push({ hook, object: placed });
  }
  for (const { hook, object } of finished.reverse())
    if (hasDeletePolicy(hook, 'hook-succeeded')) await removeHook(object, context);
  return owner.hooks.map((hook) => ran.get(hook.path + hook.name) ?? hook);
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
  if (hasDeletePolicy(hook, 'before-hook-creation')) await removeHook(object, context);
  try {
    const created = await context.ports.kube.create(object, { fieldManager });
    await waitReady(owner.name, [created], owner.timeoutMs, context);
  } catch (error) {
    if (!(error instanceof KubeStatusError || error instanceof ReleaseFailure)) throw error;
    const hookName = `${describe(refOf(object))}: `;
    const reason = error.message.startsWith(hookName) ? error.message.slice(hookName.length) : error.message;
    const failure = new ReleaseFailure('rollout/hook-failed', `hook ${hookName}${reason}`, refOf(object));
    await onFailure(failure);
    if (hasDeletePolicy(hook, 'hook-failed')) await removeHook(object, context);
    throw failure;
  }
}

async function removeHook(object: KubeObject, context: WaitContext): Promise<void> {
  // Deleting a definition deletes every object of its kind.
  if (object.kind === 'CustomResourceDefinition') return;
  if (await context.ports.kube.delete(refOf(object), { propagation: 'Background' }))
    await waitGone([refOf(object)], 60_000, context);
}
