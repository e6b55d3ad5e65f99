import type { KubeObject } from '@zakenak/core';
import { ReleaseTimeout } from '../failure.ts';
import { createKinds, definedKinds } from '../kinds/kinds.ts';
import { backersOf } from '../kinds/served-by.ts';
import { groupByStage } from '../objects/kind-order.ts';
import { keyOf, refOf } from '../objects/object.ts';
import type { PreparedObject } from '../plan/dry-run.ts';
import { createTally } from '../wait/release-progress.ts';
import { type WaitContext, waitReady } from '../wait/wait.ts';
import { applyPrepared } from './apply-object.ts';
import type { RunContext } from './run-context.ts';

/** What applying needs to know of the release. */
interface Applied {
  readonly name: string;
  readonly timeoutMs: number;
}

/**
 * Applies what is not to go, stage by stage: only real dependencies wait for each other. A definition is waited for before what comes after it, and what the API server calls (a webhook, an
 * extension of the API) comes when the workload behind it is ready.
 */
export async function applyStages(
  release: Applied,
  objects: readonly PreparedObject[],
  context: RunContext,
): Promise<readonly KubeObject[]> {
  const kept = objects.filter(({ planned }) => planned.action !== 'delete');
  const wanted = kept.flatMap(({ desired }) => (desired ? [desired] : []));
  const states = new Map<string, KubeObject>();
  const tellApplied = createTally('apply', release.name, kept.length, context);
  for (const stage of groupByStage(kept, ({ planned }) => planned.ref.kind)) {
    const backers = stage.flatMap(({ desired }) => (desired ? backersOf(desired, wanted) : []));
    await gate(release, backers, states, context);
    const done = await applyAll(stage, context, tellApplied);
    for (const state of done) states.set(keyOf(refOf(state)), state);
    const definitions = done.filter(({ kind }) => kind === 'CustomResourceDefinition');
    if (definitions.length > 0) await established(release, definitions, context);
  }
  return [...states.values()];
}

/** Deletes in the opposite order. */
export async function removeStages(
  release: Applied,
  objects: readonly PreparedObject[],
  context: RunContext,
): Promise<void> {
  const tellRemoved = createTally('prune', release.name, objects.length, context);
  for (const stage of [...groupByStage(objects, ({ planned }) => planned.ref.kind)].reverse())
    await applyAll(stage, context, tellRemoved);
}

/** Applies definitions of a chart's crds/ folders, and waits until the server serves their kinds. */
export async function establish(
  release: Applied,
  crds: readonly PreparedObject[],
  context: RunContext,
): Promise<void> {
  if (crds.some(({ planned }) => planned.action !== 'noop'))
    await established(release, await applyAll(crds, context), context);
}

/**
 * Waits for the workloads behind webhooks for half of the release's time at most: some become ready only when their own webhook is registered. One that fails ends the release here.
 */
async function gate(
  { name, timeoutMs }: Applied,
  backers: readonly KubeObject[],
  states: ReadonlyMap<string, KubeObject>,
  context: RunContext,
): Promise<void> {
  const live = [...new Set(backers)].flatMap((backer) => states.get(keyOf(refOf(backer))) ?? []);
  if (live.length === 0) return;
  await waitReady(name, live, timeoutMs / 2, context).catch((error: unknown) => {
    if (!(error instanceof ReleaseTimeout)) throw error;
  });
}

async function applyAll(
  objects: readonly PreparedObject[],
  context: RunContext,
  onDone: () => void = () => {},
): Promise<readonly KubeObject[]> {
  const states = await Promise.all(
    objects.map((object) =>
      context.limit(async () => {
        // Writes that are under way are let finish; the next one is not begun.
        if (context.signal.aborted) throw context.signal.reason;
        const state = await applyPrepared(object, context);
        onDone();
        return state;
      }),
    ),
  );
  return states.filter((state) => state !== undefined);
}

async function established(
  { name, timeoutMs }: Applied,
  definitions: readonly KubeObject[],
  context: RunContext,
): Promise<void> {
  await waitReady(name, definitions, timeoutMs, context);
  await untilServed(definitions, context);
}

const servedMs = 10_000;

/** A definition is established a moment before the server's discovery tells of its kind. What does not come is told by the apply that needs it. */
export async function untilServed(
  definitions: readonly KubeObject[],
  { ports, signal }: Pick<WaitContext, 'ports' | 'signal'>,
): Promise<void> {
  const deadline = ports.clock.monotonicMs() + servedMs;
  for (;;) {
    ports.kube.refreshDiscovery();
    const served = createKinds(await ports.kube.resources(), []);
    if (definedKinds(definitions).every((kind) => served.find(kind))) return;
    if (ports.clock.monotonicMs() >= deadline) return;
    await ports.clock.sleep(100, signal);
  }
}
