import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createRedactor, type KubeApi, type KubeObject, KubeStatusError, ZakenakError } from '@zakenak/core';
import { createLiveObjects } from '../fields/live-objects.ts';
import { ownedBy } from '../fields/ownership.ts';
import { createKinds } from '../kinds/kinds.ts';
import type { HelmRecord } from '../state/helm-record.ts';
import type { HelmRelease } from '../state/helm-release.ts';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { type DryRunContext, planObject } from './dry-run.ts';
import { judgePlan } from './judge-plan.ts';
import {
  comparePlans,
  compareRest,
  countActions,
  isNoop,
  isSealed,
  type Plan,
  type PlannedObject,
  type PlannedRelease,
  sealPlan,
} from './plan.ts';
import { formerObjects, planPrune } from './prune.ts';

const object = (more: Partial<PlannedObject> = {}): PlannedObject => ({
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
  action: 'apply',
  reason: 'it differs',
  diff: [],
  conflicts: [],
  ...more,
});
const release = (more: Partial<PlannedRelease> = {}): PlannedRelease => ({
  name: 'web',
  namespace: 'shop',
  action: 'upgrade',
  reason: 'its manifests changed',
  chart: 'web-1.0.0',
  fromRevision: 2,
  toRevision: 3,
  needs: [],
  digests: { chart: 'c', values: 'v', manifest: 'm' },
  createsNamespace: false,
  objects: [object()],
  hooks: [],
  ...more,
});
const plan = (more: Partial<Omit<Plan, 'id'>> = {}): Plan =>
  sealPlan({
    schemaVersion: 1,
    set: 'prod',
    cluster: { uid: 'u-1', version: 'v1.34.4' },
    releases: [release()],
    orphans: [],
    irreversible: [],
    ...more,
  });

/** The same value with its keys the other way round, at every depth. */
function turned<T>(value: T): T {
  if (Array.isArray(value)) return value.map(turned) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, part]) => [key, turned(part)]),
  ) as T;
}

test('a plan’s id is 64 hex digits, whatever the order of its keys', () => {
  const { id, ...rest } = plan();
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(sealPlan(turned(rest)).id, id);
  assert.notEqual(plan({ releases: [release({ objects: [object({ uid: 'x' })] })] }).id, id);
});

test('a plan whose content was edited after it was sealed is not the plan of its id', () => {
  const sealed: Plan = JSON.parse(
    JSON.stringify(plan({ releases: [release({ objects: [object({ uid: 'x' })] })] })),
  );
  assert.equal(isSealed(turned(sealed)), true);
  assert.equal(isSealed({ ...sealed, releases: [release({ action: 'noop' })] }), false);
});

const db = release({ name: 'db' });
for (const [name, more, words] of [
  ['nothing', {}, []],
  ['the cluster', { cluster: { uid: 'u-2', version: 'v1.35.0' } }, ['it was made for another cluster']],
  [
    'the cluster’s version',
    { cluster: { uid: 'u-1', version: 'v1.35.0' } },
    ['the cluster runs v1.35.0, not v1.34.4'],
  ],
  ['the set', { set: 'test' }, ["it was made for the set 'prod'"]],
  ['a new release', { releases: [release(), db] }, ["the release 'db' is new"]],
  ['a release that is gone', { releases: [] }, ["the release 'web' is gone"]],
  ['another release', { releases: [db] }, ["the release 'db' is new", "the release 'web' is gone"]],
  [
    'the revision',
    { releases: [release({ fromRevision: 3, toRevision: 4 })] },
    ["'web' is at revision 3, not 2"],
  ],
  [
    'the chart',
    { releases: [release({ digests: { chart: 'x', values: 'v', manifest: 'm' } })] },
    ["'web' renders differently"],
  ],
  [
    'the cluster’s objects',
    { releases: [release({ objects: [] })] },
    ["the cluster's objects of 'web' have changed (Deployment shop/web)"],
  ],
  [
    'a failed revision between',
    { releases: [release({ toRevision: 4 })] },
    ["'web' would become revision 4, not 3"],
  ],
  ['what a release needs', { releases: [release({ needs: ['db'] })] }, ["'web' is asked for differently"]],
  [
    'what cannot be undone',
    { irreversible: [{ release: 'web', what: 'a', why: 'b', needsConsent: true }] },
    ['its content differs'],
  ],
] as const)
  test(`a plan that is compared says what moved: ${name}`, () => {
    assert.deepEqual(comparePlans(plan(), plan(more)), words);
  });

// An approved plan that was interrupted, and what is left of it.
for (const [name, was, left, words] of [
  ['nothing', 'create', 'noop', []],
  ['all of it', 'create', 'create', []],
  ['what was made and changed meanwhile', 'create', 'apply', []],
  ['what was deleted to be made again', 'recreate', 'create', []],
  ['a removal', 'delete', 'delete', []],
  ['an object that is kept', 'noop', 'keep', []],
  [
    'an object that was to stay',
    'noop',
    'apply',
    ["ConfigMap shop/web of 'web' was to be left alone and would be changed"],
  ],
  [
    'an object that went meanwhile',
    'apply',
    'create',
    ["ConfigMap shop/web of 'web' was to be left alone and would be changed"],
  ],
  [
    'a removal of what was to be changed',
    'apply',
    'delete',
    ["ConfigMap shop/web of 'web' was to be left alone and would be changed"],
  ],
  [
    'an object that was not planned',
    undefined,
    'create',
    ["ConfigMap shop/web of 'web' was to be left alone and would be changed"],
  ],
] as const)
  test(`what is left of an interrupted plan is part of it: ${name}`, () => {
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'web' };
    const before = release({ objects: was ? [object({ ref, action: was })] : [] });
    const now = release({ objects: [object({ ref, action: left })], fromRevision: 3, toRevision: 5 });
    assert.deepEqual(compareRest(plan({ releases: [before] }), plan({ releases: [now] })), words);
  });

test('what is left of an interrupted plan renders as it did, and touches no release that was to stay', () => {
  const approved = plan({ releases: [release({ action: 'noop' })] });
  assert.deepEqual(compareRest(approved, plan()), ["'web' was to stay as it is"]);
  const other = release({ digests: { chart: 'x', values: 'v', manifest: 'm' } });
  assert.deepEqual(compareRest(plan(), plan({ releases: [other] })), ["'web' renders differently"]);
});

test('a plan without work says so, and actions are counted', () => {
  assert.equal(isNoop(plan()), false);
  assert.equal(isNoop(plan({ releases: [release({ action: 'noop' })] })), true);
  assert.equal(isNoop(plan({ releases: [release({ action: 'noop' }), db] })), false);
  const objects = (['create', 'create', 'keep', 'unknown'] as const).map((action) => object({ action }));
  assert.deepEqual(countActions([release({ objects }), release()]), {
    create: 2,
    apply: 1,
    noop: 0,
    recreate: 0,
    delete: 0,
    keep: 1,
    unknown: 1,
  });
});

const take = { field: '.spec.a', manager: 'kubectl', decision: 'take' } as const;
const refuse = { field: '.spec.b', manager: 'hpa', decision: 'refuse' } as const;
const lost = {
  release: 'web',
  what: 'PersistentVolumeClaim shop/data is deleted',
  why: 'its data goes',
  needsConsent: true,
};
for (const [name, more, findings] of [
  ['a plan without remarks', {}, []],
  [
    'an object that could not be tried',
    { releases: [release({ objects: [object({ action: 'unknown', reason: 'no such field' })] })] },
    ['high rollout/unknown-object'],
  ],
  [
    'a field of somebody else',
    {
      releases: [
        release({
          objects: [object({ action: 'unknown', conflicts: [take, refuse], blockedBy: 'manager' })],
        }),
      ],
    },
    ['high rollout/conflict'],
  ],
  [
    'an object of another release',
    {
      releases: [
        release({
          objects: [
            object({ action: 'unknown', reason: 'it belongs to the release a/b', blockedBy: 'owner' }),
          ],
        }),
      ],
    },
    ['high rollout/owned-elsewhere'],
  ],
  [
    'fields that are taken over',
    { releases: [release({ objects: [object({ conflicts: [take] })] })] },
    ['info rollout/takes-over-fields'],
  ],
  ['data that would be lost', { irreversible: [lost] }, ['high rollout/irreversible']],
  ['what cannot be undone but loses nothing', { irreversible: [{ ...lost, needsConsent: false }] }, []],
] as const)
  test(`the judgement of ${name}`, () => {
    const judged = judgePlan(plan(more));
    assert.deepEqual(
      judged.map(({ severity, ruleId }) => `${severity} ${ruleId}`),
      findings,
    );
    for (const { severity, remedy } of judged)
      assert.ok(severity === 'info' || remedy, 'what blocks has a remedy');
  });

test('an object that could not be tried for another reason than its fields is no conflict', () => {
  const objects = [object({ action: 'unknown', reason: 'webhook down', conflicts: [take] })];
  assert.deepEqual(
    judgePlan(plan({ releases: [release({ objects })] })).map(({ ruleId }) => ruleId),
    ['rollout/unknown-object'],
  );
});

test('consent turns the loss of data into a remark', () => {
  const [finding] = judgePlan(plan({ irreversible: [lost] }), true);
  assert.equal(finding?.severity, 'medium');
});

const owner = { name: 'web', namespace: 'shop' };
const resource = (apiVersion: string, kind: string, namespaced = true) => ({
  apiVersion,
  kind,
  namespaced,
  resource: '',
  verbs: [],
  subresources: [],
});
const context: Omit<DryRunContext, 'live'> = {
  owner,
  kinds: createKinds(
    [resource('v1', 'Secret'), resource('apps/v1', 'Deployment'), resource('v1', 'PersistentVolumeClaim')],
    [],
  ),
  newNamespaces: new Set(['new']),
};
const planAlone = (desired: KubeObject, calls: Partial<KubeApi>, redactor = createRedactor()) => {
  const kube = fakeKube(calls);
  return planObject(desired, { ...context, live: createLiveObjects([], { kube }) }, { kube, redactor });
};
const planned = async (desired: KubeObject, calls: Partial<KubeApi>) =>
  (await planAlone(desired, calls)).planned;
const echo: Partial<KubeApi> = { apply: async (given) => given };
const desired = ownedBy(objectOf('apps/v1', 'Deployment', { spec: { replicas: 2 } }), owner);
const live = (more: object = {}): KubeObject => ({
  ...desired,
  ...more,
  metadata: { ...desired.metadata, uid: 'u-7', resourceVersion: '1' },
});
const answer = (status: number, message: string, causes: KubeStatusError['causes'] = []) =>
  new KubeStatusError({ status, reason: '', message, causes });
const got = (object: KubeObject | undefined): Partial<KubeApi> => ({ get: async () => object });
const refusing = (...errors: readonly unknown[]): Partial<KubeApi> => {
  const left = [...errors];
  return { apply: async (given) => (left.length > 0 ? Promise.reject(left.shift()) : given) };
};
const conflict = (manager: string) =>
  answer(409, 'conflict', [
    {
      reason: 'FieldManagerConflict',
      field: '.spec.replicas',
      message: `conflict with "${manager}" using apps/v1`,
    },
  ]);
const immutable = answer(422, 'spec.selector: Invalid value: field is immutable');
const foreign = ownedBy(desired, { name: 'other', namespace: 'shop' });

for (const [name, object, calls, action, reason] of [
  ['a missing object is created', desired, { ...got(undefined), ...echo }, 'create', /does not exist/],
  ['an equal one is left alone', desired, { ...got(live()), ...echo }, 'noop', /unchanged/],
  [
    'another one is applied',
    desired,
    { ...got(live({ spec: { replicas: 1 } })), ...echo },
    'apply',
    /differs/,
  ],
  [
    'one without owner is taken over',
    desired,
    { ...got(objectOf('apps/v1', 'Deployment')), ...echo },
    'apply',
    /taken over/,
  ],
  [
    'one of another release is refused',
    desired,
    got(foreign),
    'unknown',
    /belongs to the release shop\/other/,
  ],
  [
    'one that is being deleted is refused',
    desired,
    got({ ...desired, metadata: { ...desired.metadata, deletionTimestamp: 'x' } }),
    'unknown',
    /being deleted/,
  ],
  ['a kind that nobody knows is refused', objectOf('x/v1', 'X'), {}, 'unknown', /serves no x\/v1 X/],
  [
    'an object of a new namespace is not asked for',
    objectOf('v1', 'Secret', { metadata: { namespace: 'new' } }),
    {},
    'create',
    /namespace new/,
  ],
  [
    'a field of kubectl is taken',
    desired,
    { ...got(live({ spec: {} })), ...refusing(conflict('kubectl')) },
    'apply',
    /differs/,
  ],
  [
    'a field of a controller is not',
    desired,
    { ...got(live()), ...refusing(conflict('kube-controller-manager')) },
    'unknown',
    /owned by kube-controller-manager/,
  ],
  [
    'an immutable field means creating anew',
    desired,
    { ...got(live({ spec: {} })), ...refusing(immutable) },
    'recreate',
    /cannot be changed in place/,
  ],
  [
    'a claim is never created anew',
    objectOf('v1', 'PersistentVolumeClaim'),
    { ...got(objectOf('v1', 'PersistentVolumeClaim')), ...refusing(immutable) },
    'unknown',
    /immutable/,
  ],
  [
    'a dry run that fails is unknown',
    desired,
    { ...got(live()), ...refusing(answer(500, 'webhook down')) },
    'unknown',
    /webhook down/,
  ],
  [
    'a read that is forbidden is unknown',
    desired,
    { get: () => Promise.reject(answer(403, 'not allowed')) },
    'unknown',
    /not allowed/,
  ],
] as const)
  test(`planning one object: ${name}`, async () => {
    const result = await planned(object, calls);
    assert.equal(result.action, action, result.reason);
    assert.match(result.reason, reason);
    assert.equal(
      result.diff.length > 0,
      ['apply', 'recreate'].includes(action) || reason.source === 'does not exist',
    );
  });

test('a cluster that cannot be reached ends the planning', async () => {
  const unreachable = new ZakenakError({ code: 'kube/unreachable', message: 'x', remedy: 'y', exitCode: 4 });
  await assert.rejects(planned(desired, { get: () => Promise.reject(unreachable) }), {
    code: 'kube/unreachable',
  });
});

test('no value of a Secret stands in the plan that is made of it, whatever becomes of it', async () => {
  const canaries = Array.from({ length: 4 }, () => randomBytes(24).toString('base64'));
  const [a = '', b = '', c = '', d = ''] = canaries;
  const encoded = canaries.map((value) => Buffer.from(value).toString('base64'));
  const copy = (data: object) => ({
    'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ data }),
  });
  const wanted = objectOf('v1', 'Secret', {
    data: { password: encoded[0], same: encoded[2] },
    stringData: { token: d },
  });
  const former = objectOf('v1', 'Secret', {
    metadata: { uid: 'u', annotations: copy({ password: encoded[1] }) },
    data: { password: encoded[1], same: encoded[2] },
  });
  const stale = { ...former, metadata: { ...former.metadata, name: 'stale' } };
  const redactor = createRedactor();
  redactor.add(a);
  const ways: readonly Partial<KubeApi>[] = [
    { ...got(undefined), ...echo },
    { ...got(former), ...echo },
    { ...got(former), ...refusing(immutable) },
    { ...got(former), ...refusing(answer(422, `data.password: Invalid value: "${a}"`)) },
    { ...got(former), ...refusing(conflict('kubectl')) },
  ];
  const objects = await Promise.all(
    ways.map(async (calls) => (await planAlone(wanted, calls, redactor)).planned),
  );
  const pruned = await planPrune([stale], owner, { kube: fakeKube(got(stale)), redactor });
  assert.deepEqual(
    objects.map(({ action }) => action),
    ['create', 'apply', 'recreate', 'unknown', 'apply'],
  );
  const sealed = plan({
    releases: [release({ objects: [...objects, ...pruned.map(({ planned }) => planned)] })],
  });
  const text = JSON.stringify([sealed, judgePlan(sealed)]);
  assert.match(text, /data\.password.*\*\*\* \(/);
  for (const canary of [a, b, c, d, ...encoded]) assert.ok(!text.includes(canary), 'a value shows');
});

test('an earlier revision’s objects are those of the deployed one and of all after it, as they were applied', () => {
  const record = (version: number, status: HelmRecord['status'], ...names: readonly string[]): HelmRecord => {
    const manifest = names
      .map((name) => `---\napiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n`)
      .join('');
    const hook =
      '---\napiVersion: v1\nkind: Secret\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\n';
    const release = () => ({ ...owner, version, manifest: manifest + hook }) as unknown as HelmRelease;
    return { secret: objectOf('v1', 'Secret'), version, status, release };
  };
  const former = (...history: readonly HelmRecord[]) =>
    formerObjects(history, context.kinds).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const gone = record(1, 'superseded', 'gone');
  assert.deepEqual(former(gone, record(2, 'deployed', 'a', 'b'), record(3, 'failed', 'b', 'c')), [
    'shop/a',
    'shop/b',
    'shop/c',
  ]);
  assert.deepEqual(
    former(record(1, 'failed', 'a'), record(2, 'failed', 'b')),
    ['shop/a', 'shop/b'],
    'none was ever deployed',
  );
  assert.deepEqual(former(), []);
});

const prune = async (stale: KubeObject, calls: Partial<KubeApi>) => {
  const [prepared] = await planPrune([stale], owner, { kube: fakeKube(calls), redactor: createRedactor() });
  return prepared && `${prepared.planned.action} ${prepared.planned.uid ?? ''}`.trim();
};
const kept = { 'helm.sh/resource-policy': 'keep' };
const unserved = new ZakenakError({ code: 'kube/unknown-kind', message: 'x', remedy: 'y', exitCode: 2 });
const withAnnotations = (object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
});
for (const [name, stale, calls, outcome] of [
  ['it is deleted, by its uid', desired, got(live()), 'delete u-7'],
  ['what is gone is left out', desired, got(undefined), undefined],
  [
    'what is being deleted is left out',
    desired,
    got({ ...desired, metadata: { ...desired.metadata, deletionTimestamp: 'x' } }),
    undefined,
  ],
  ['what another release owns by now is left out', desired, got(foreign), undefined],
  [
    'what is of a kind no longer served is left out',
    desired,
    { get: () => Promise.reject(unserved) },
    undefined,
  ],
  ['the manifest’s wish to stay counts', withAnnotations(desired, kept), got(live()), 'keep u-7'],
  ['the live object’s wish to stay counts', desired, got(withAnnotations(live(), kept)), 'keep u-7'],
  ['what cannot be read is unknown', desired, { get: () => Promise.reject(answer(403, 'no')) }, 'unknown'],
] as const)
  test(`what a release no longer has: ${name}`, async () => {
    assert.equal(await prune(stale, calls), outcome);
  });
