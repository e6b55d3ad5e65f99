import { firstFew, type KubeObject, type KubeRef, KubeStatusError } from '@zakenak/core';
import { applyObject, removeObject } from '../apply/apply-object.ts';
import { checkSignal } from '../apply/release-run.ts';
import type { RunContext } from '../apply/run-context.ts';
import { requestOf } from '../errors.ts';
import { ReleaseFailure } from '../failure.ts';
import { isMadeByOthers } from '../fields/field-writer.ts';
import { keepLive, keptOf } from '../fields/kept.ts';
import { fieldManager, type Owner, ownerOf, sameOwner } from '../fields/ownership.ts';
import { withBond, withWhatStays } from '../fields/what-stays.ts';
import { dataKinds } from '../objects/data-kinds.ts';
import { type FieldPath, pathText, withValueAt } from '../objects/field-path.ts';
import { canonicalJson, listAt, sameJson, textAt, valueAt } from '../objects/json.ts';
import { kindRank } from '../objects/kind-order.ts';
import { bodyOf, describe, keyOf, refOf, sameBody } from '../objects/object.ts';
import { getIfServed, waitGone } from '../objects/presence.ts';
import { isSilentApi, isUnserved } from '../objects/unserved.ts';
import { isImmutable } from '../plan/dry-run.ts';
import { recordedObjects } from '../render/from-record.ts';
import type { HelmRelease } from '../state/helm-release.ts';
import type { Baseline, Journal, JournalRelease } from '../state/journal-shape.ts';
import { createTally } from '../wait/release-progress.ts';
import { findInstances, findTenants } from './tenants.ts';

const goneTimeoutMs = 60_000;
// The API server obeys a policy for a while after it is gone.
const inTheWayMs = 10_000;

/**
 * Puts objects back to their baseline: what did not exist is deleted, what did gets its former manifest applied again, and what still differs then is
 * replaced by the snapshot. What cannot be put back is tried again after everything else, which may have been in its way. Returns the restored objects. Running it
 * twice is running it once.
 */
export async function restoreObjects(
  baseline: readonly Baseline[],
  former: HelmRelease | undefined,
  owner: Owner,
  context: RestoreContext,
): Promise<readonly KubeObject[]> {
  const manifest = formerManifest(former, context);
  const restored: KubeObject[] = [];
  const isEarly = baseline.some(({ ref, before }) => before && ref.kind === 'CustomResourceDefinition');
  const removed: KubeRef[] = [];
  const tellDone = createTally('rollback', owner.name, baseline.length, context);
  const putBack = async ({ ref, before }: Baseline, patience: Patience): Promise<void> => {
    checkSignal(context);
    try {
      if (before)
        restored.push(await restoreObject(before, manifest.get(keyOf(ref)), owner, context, patience));
      else if (await removeCreated(ref, owner, context)) removed.push(ref);
    } catch (error) {
      throw failureOf(ref, error);
    }
    tellDone();
  };
  const tryAll = async (objects: readonly Baseline[]): Promise<readonly Baseline[]> => {
    const left: Baseline[] = [];
    for (const object of objects)
      await putBack(object, { patienceMs: 0, isEarly }).catch((error: unknown) => {
        if (!(error instanceof ReleaseFailure)) throw error;
        left.push(object);
      });
    return left;
  };
  const { clock } = context.ports;
  const begun = clock.monotonicMs();
  let left = await tryAll(inOrder(baseline));
  for (; left.length > 0 && clock.monotonicMs() - begun < inTheWayMs; left = await tryAll(left))
    await clock.sleep(500, context.signal);
  for (const object of left) await putBack(object, { isEarly });
  if (!(await waitGone(removed, goneTimeoutMs, context)))
    throw new ReleaseFailure(
      'rollout/rollback-incomplete',
      'objects that this rollout created are still there after a minute',
    );
  return restored;
}

/** What putting back needs; `journal` is of the rollout that is put back. */
type RestoreContext = RunContext & { readonly journal: Journal };
type Patience = Parameters<typeof applyObject>[2];

/** What existed as Helm installs it, then what did not the other way round. */
function inOrder(baseline: readonly Baseline[]): readonly Baseline[] {
  const rank = ({ ref }: Baseline): number => kindRank(ref.kind);
  const existed = baseline.filter(({ before }) => before !== undefined);
  const created = baseline.filter(({ before }) => before === undefined);
  return [...existed.sort((a, b) => rank(a) - rank(b)), ...created.sort((a, b) => rank(b) - rank(a))];
}

/** Kinds whose objects decide over every write of others. */
const admissionKinds =
  /^(?:(?:Mutating|Validating)WebhookConfiguration|(?:Mutating|Validating)AdmissionPolicy(?:Binding)?)$/;

/**
 * Puts back first what decides over other objects: what is new of admission goes, since what is put back was there without it and may be what it refuses, and definitions convert as they did, without
 * which no object of theirs can be read. What fails is told when its release is put back.
 */
export async function clearTheWay(
  { baseline, ...owner }: JournalRelease,
  formerOf: () => HelmRelease | undefined,
  { warn: _once, ...context }: RestoreContext,
): Promise<void> {
  const clear = async ({ ref, before }: Baseline): Promise<unknown> => {
    if (!before) return admissionKinds.test(ref.kind) && removeCreated(ref, owner, context);
    if (ref.kind !== 'CustomResourceDefinition') return undefined;
    const live = await context.ports.kube.get(ref);
    if (!live || sameJson(conversionOf(live), conversionOf(before))) return undefined;
    const manifest = formerManifest(formerOf(), context).get(keyOf(ref));
    return restoreObject(before, manifest, owner, context, { patienceMs: 0 });
  };
  for (const object of baseline)
    await clear(object).catch((error: unknown) => {
      if (!(error instanceof ReleaseFailure || error instanceof KubeStatusError)) throw error;
    });
}

function conversionOf(definition: KubeObject): unknown {
  return valueAt(definition, 'spec', 'conversion');
}

/** One object back to how it was. */
async function restoreObject(
  found: KubeObject,
  manifest: KubeObject | undefined,
  owner: Owner,
  context: RunContext,
  patience: Patience,
): Promise<KubeObject> {
  const ref = refOf(found);
  const live = await getStaying(ref, context, patience);
  const snapshot = withBond(found, live);
  // What an autoscaler or somebody by rule steers has moved on meanwhile: it is not ours to put back.
  const kept =
    live && context.tolerance && keptOf(snapshot, live, snapshot, { owner, tolerance: context.tolerance });
  const stays = withWhatStays(kept?.applied ?? snapshot, live);
  for (const { path, rule } of stays?.fields ?? [])
    context.warn?.(`${describe(ref)} keeps its ${pathText(path)}: ${rule}.`);
  const before = stays?.object ?? kept?.applied ?? snapshot;
  const desired = manifest && live && kept ? keepLive(manifest, live, kept.paths) : manifest;
  if (live && isAsBefore(live, before)) return live;
  if (live && desired && !stays && !losesAddress(live, before)) {
    const applied = await applyObject(desired, context, { ...patience, force: true, former: live }).catch(
      (error: unknown) => {
        if (error instanceof ReleaseFailure) return undefined;
        throw error;
      },
    );
    if (applied && isAsBefore(applied, before)) return applied;
  }
  return replaceBySnapshot(before, context);
}

/** True where nothing differs, nor who wrote what: else a person's field would be the release's from then on. */
function isAsBefore(live: KubeObject, before: KubeObject): boolean {
  return sameBody(live, before) && sameWriters(live, before);
}

function sameWriters(a: KubeObject, b: KubeObject): boolean {
  return sameJson(writersOf(a).sort(), writersOf(b).sort());
}

function writersOf(object: KubeObject): string[] {
  return writtenIn(object).map((entry) =>
    canonicalJson([textAt(entry, 'manager'), textAt(entry, 'operation'), valueAt(entry, 'fieldsV1')]),
  );
}

/** What managedFields say of the object itself. */
function writtenIn(object: KubeObject): readonly unknown[] {
  return listAt(object, 'metadata', 'managedFields').filter((entry) => textAt(entry, 'subresource') === '');
}

/** What lives and is not about to go: what is being deleted would be gone again a moment after it was put back. */
async function getStaying(
  ref: KubeRef,
  context: RunContext,
  { patienceMs = goneTimeoutMs }: Patience = {},
): Promise<KubeObject | undefined> {
  const live = await context.ports.kube.get(ref);
  if (!live?.metadata.deletionTimestamp) return live;
  if (await waitGone([ref], patienceMs, context)) return undefined;
  const holding = listAt(live, 'metadata', 'finalizers').join(', ');
  throw new ReleaseFailure(
    'rollout/rollback-incomplete',
    `${describe(ref)}: it is being deleted, and its finalizers keep it: ${holding}`,
    ref,
  );
}

/** True for a Service that has no address now: applied, it is given a new one, and could not get its own any more. */
function losesAddress(live: KubeObject, before: KubeObject): boolean {
  return textAt(live, 'spec', 'clusterIP') === '' && textAt(before, 'spec', 'clusterIP') !== '';
}

async function replaceBySnapshot(before: KubeObject, context: RunContext): Promise<KubeObject> {
  const { kube } = context.ports;
  const ref = refOf(before);
  const live = await kube.get(ref);
  try {
    if (!live) return await createAnew(before, context);
    const { resourceVersion = '', uid = '' } = live.metadata;
    const { managedFields } = before.metadata;
    const body = bodyOf(before);
    const replaced = await kube.replace({
      ...body,
      metadata: { ...body.metadata, resourceVersion, uid, ...(managedFields ? { managedFields } : {}) },
    });
    return await withWriters(replaced, before, context);
  } catch (error) {
    // What holds data is never deleted to be made anew.
    if (!isImmutable(error) || dataKinds.has(before.kind)) throw failureOf(ref, error);
    await removeObject(ref, live?.metadata.uid, context);
    await waitGone([ref], goneTimeoutMs, context);
    return createAnew(before, context);
  }
}

/** Makes an object as it was. */
async function createAnew(before: KubeObject, context: RunContext): Promise<KubeObject> {
  return withWriters(await context.ports.kube.create(asNew(before), { fieldManager }), before, context);
}

/** Gives an object's fields back to who had written them: the server takes whoever makes or replaces it for the writer of what it brings. */
async function withWriters(
  made: KubeObject,
  before: KubeObject,
  { ports: { kube } }: RunContext,
): Promise<KubeObject> {
  const written = writtenIn(before);
  if (written.length === 0 || sameWriters(made, before)) return made;
  const others = listAt(made, 'metadata', 'managedFields').filter(
    (entry) => textAt(entry, 'subresource') !== '',
  );
  const operation = { op: 'replace', path: '/metadata/managedFields', value: [...written, ...others] };
  return kube.patch(refOf(before), 'json', [operation]).catch((error: unknown) => {
    // It is there, whole: that another writer is told is no reason to leave the rest undone.
    if (error instanceof KubeStatusError) return made;
    throw error;
  });
}

/** A Service's addresses and a claim's volume are chosen anew when they are free for it; everything else is as it was, but for what belongs to the one object that is gone. */
function asNew(before: KubeObject): KubeObject {
  const body = bodyOf(before);
  const { ownerReferences: _owners, ...metadata } = body.metadata;
  const whole = { ...body, metadata: { ...metadata, name: body.metadata.name } };
  return ofThatOne(before).reduce((object, path) => withValueAt(object, path, undefined), whole);
}

/** Fields that the server takes from nobody for a new object: a pod's debuggers, and what it writes into a Job by its uid (kubernetes: pkg/registry/batch/job/strategy.go). */
function ofThatOne(before: KubeObject): readonly FieldPath[] {
  if (before.kind === 'Pod') return [['spec', 'ephemeralContainers'].map((key) => ({ key }))];
  return before.kind === 'Job' && valueAt(before, 'spec', 'manualSelector') !== true ? ofJob : [];
}

const ofJob: readonly FieldPath[] = [
  ['spec', 'selector'],
  ...['controller-uid', 'job-name', 'batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name'].map(
    (label) => ['spec', 'template', 'metadata', 'labels', label],
  ),
].map((keys) => keys.map((key) => ({ key })));

/** What another release took over in the meantime, or somebody made before the rollout came to it, is not ours to delete, nor a namespace or a definition that others use. */
async function removeCreated(ref: KubeRef, owner: Owner, context: RestoreContext): Promise<boolean> {
  const live = await getIfServed(ref, context.ports);
  const other = live && ownerOf(live);
  if (!live || (other && !sameOwner(other, owner))) return false;
  if (!other && isMadeByOthers(live)) {
    tell(`${describe(ref)} stays: somebody made it meanwhile, not this rollout.`, context);
    return false;
  }
  if (await isUsed(live, context)) return false;
  await removeObject(ref, live.metadata.uid, context);
  return true;
}

/** Removes a namespace that the rollout has made; false where it is gone or stays, which is told. */
export async function removeNamespace(name: string, context: RestoreContext): Promise<boolean> {
  const ref = { apiVersion: 'v1', kind: 'Namespace', name };
  const live = await requestOf(`Reading namespace ${name}`, () => getIfServed(ref, context.ports));
  if (!live || (await isUsed(live, context))) return false;
  try {
    await removeObject(ref, live.metadata.uid, context);
    return true;
  } catch (error) {
    if (!(error instanceof ReleaseFailure)) throw error;
    tell(`Namespace ${name}, which this rollout made, stays: ${error.message}.`, context);
    return false;
  }
}

function tell(text: string, { warn, ports }: Pick<RestoreContext, 'warn' | 'ports'>): void {
  (warn ?? ports.log.warn)(text);
}

const mostNamed = 5;

/** True, and told, where others have something in what would go with all that is in it, or of it. */
async function isUsed(live: KubeObject, context: RestoreContext): Promise<boolean> {
  const { kind, metadata } = live;
  const { journal, ports } = context;
  const users =
    kind === 'Namespace'
      ? await findTenants(metadata.name, journal, ports)
      : kind === 'CustomResourceDefinition'
        ? await findInstances(live, journal, ports)
        : [];
  if (users.length === 0) return false;
  const named = firstFew(users, mostNamed);
  tell(`${kind} ${metadata.name} stays: it holds what is of others: ${named}.`, context);
  return true;
}

function formerManifest(
  former: HelmRelease | undefined,
  context: RunContext,
): ReadonlyMap<string, KubeObject> {
  if (!former) return new Map();
  return new Map(recordedObjects(former, context.kinds).map((object) => [keyOf(refOf(object)), object]));
}

function failureOf(ref: KubeRef, error: unknown): unknown {
  return error instanceof KubeStatusError || isSilentApi(error) || isUnserved(error)
    ? new ReleaseFailure('rollout/rollback-incomplete', `${describe(ref)}: ${error.message}`, ref)
    : error;
}
