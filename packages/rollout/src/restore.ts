import { type KubeObject, type KubeRef, KubeStatusError } from '@zakenak/core';
import { applyObject, removeObject } from './apply-object.ts';
import { isImmutable } from './dry-run.ts';
import { ReleaseFailure } from './failure.ts';
import { recordedObjects } from './from-record.ts';
import type { HelmRelease } from './helm-release.ts';
import type { Baseline } from './journal.ts';
import { textAt } from './json.ts';
import { keepLive, keptOf } from './kept.ts';
import { kindRank } from './kind-order.ts';
import { bodyOf, describe, keyOf, refOf, sameBody } from './object.ts';
import { type Owner, ownerOf, sameOwner } from './ownership.ts';
import { getIfServed, waitGone } from './presence.ts';
import { createTally } from './release-progress.ts';
import { checkSignal, type RunContext } from './release-run.ts';

const goneTimeoutMs = 60_000;

/**
 * Puts objects back to their baseline: what did not exist is deleted, what did gets its former manifest applied again, and what still differs then is
 * replaced by the snapshot. Returns the restored objects. Running it twice is running it once.
 */
export async function restoreObjects(
  baseline: readonly Baseline[],
  former: HelmRelease | undefined,
  owner: Owner,
  context: RunContext,
): Promise<readonly KubeObject[]> {
  const manifest = formerManifest(former, context);
  const created = baseline.filter(({ before }) => before === undefined);
  const existed = baseline.filter(({ before }) => before !== undefined);
  const restored: KubeObject[] = [];
  const tell = createTally('rollback', owner.name, baseline.length, context);
  for (const { ref, before } of [...existed].sort((a, b) => kindRank(a.ref.kind) - kindRank(b.ref.kind))) {
    checkSignal(context);
    if (before) restored.push(await restoreObject(before, manifest.get(keyOf(ref)), owner, context));
    tell();
  }
  const reversed = [...created].sort((a, b) => kindRank(b.ref.kind) - kindRank(a.ref.kind));
  const removed: KubeRef[] = [];
  for (const { ref } of reversed) {
    if (await removeCreated(ref, owner, context)) removed.push(ref);
    tell();
  }
  if (!(await waitGone(removed, goneTimeoutMs, context)))
    throw new ReleaseFailure(
      'rollout/rollback-incomplete',
      'objects that this rollout created are still there after a minute',
    );
  return restored;
}

/** One object back to how it was. */
async function restoreObject(
  snapshot: KubeObject,
  manifest: KubeObject | undefined,
  owner: Owner,
  context: RunContext,
): Promise<KubeObject> {
  const { kube } = context.ports;
  const live = await kube.get(refOf(snapshot));
  // What an autoscaler or somebody by rule steers has moved on meanwhile: it is not ours to put back.
  const kept =
    live && context.tolerance && keptOf(snapshot, live, snapshot, { owner, tolerance: context.tolerance });
  const before = kept?.applied ?? snapshot;
  const desired = manifest && live && kept ? keepLive(manifest, live, kept.paths) : manifest;
  if (live && sameBody(live, before)) return live;
  if (live && desired && !losesAddress(live, before)) {
    const applied = await applyObject(desired, context, { force: true, former: live }).catch(
      (error: unknown) => {
        if (error instanceof ReleaseFailure) return undefined;
        throw error;
      },
    );
    if (applied && sameBody(applied, before)) return applied;
  }
  return replaceBySnapshot(before, context);
}

/** True for a Service that has no address now: applied, it is given a new one, and could not get its own any more. */
function losesAddress(live: KubeObject, before: KubeObject): boolean {
  return textAt(live, 'spec', 'clusterIP') === '' && textAt(before, 'spec', 'clusterIP') !== '';
}

async function replaceBySnapshot(before: KubeObject, context: RunContext): Promise<KubeObject> {
  const { kube } = context.ports;
  const live = await kube.get(refOf(before));
  const body = bodyOf(before);
  try {
    if (!live) return await kube.create(withoutServerFields(body));
    const { resourceVersion = '', uid = '' } = live.metadata;
    const { managedFields } = before.metadata;
    return await kube.replace({
      ...body,
      metadata: { ...body.metadata, resourceVersion, uid, ...(managedFields ? { managedFields } : {}) },
    });
  } catch (error) {
    if (!isImmutable(error)) throw failureOf(before, error);
    await removeObject(refOf(before), live?.metadata.uid, context);
    await waitGone([refOf(before)], goneTimeoutMs, context);
    return kube.create(withoutServerFields(body));
  }
}

/** A Service's addresses and a claim's volume are chosen anew when they are free for it; everything else is as it was. */
function withoutServerFields(body: KubeObject): KubeObject {
  const { ownerReferences: _owners, ...metadata } = body.metadata;
  return { ...body, metadata: { ...metadata, name: body.metadata.name } };
}

/** What another release took over in the meantime is not ours to delete. */
async function removeCreated(ref: Baseline['ref'], owner: Owner, context: RunContext): Promise<boolean> {
  const live = await getIfServed(ref, context.ports);
  const other = live && ownerOf(live);
  if (!live || (other && !sameOwner(other, owner))) return false;
  await removeObject(ref, live.metadata.uid, context);
  return true;
}

function formerManifest(
  former: HelmRelease | undefined,
  context: RunContext,
): ReadonlyMap<string, KubeObject> {
  if (!former) return new Map();
  return new Map(recordedObjects(former, context.kinds).map((object) => [keyOf(refOf(object)), object]));
}

function failureOf(before: KubeObject, error: unknown): unknown {
  return error instanceof KubeStatusError
    ? new ReleaseFailure(
        'rollout/rollback-incomplete',
        `${describe(refOf(before))}: ${error.message}`,
        refOf(before),
      )
    : error;
}
