import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeApi, type KubeObject, KubeStatusError } from '@zakenak/core';
import { createLiveObjects } from '../fields/live-objects.ts';
import { ownedBy } from '../fields/ownership.ts';
import { createKinds } from '../kinds/kinds.ts';
import { refOf } from '../objects/object.ts';
import { readTolerance } from '../policy/drift-policy.ts';
import type { DriftSettings } from '../policy/drift-rules.ts';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { compareObject, type ObjectDrift } from './drift.ts';
import { describeDrift } from './drift-text.ts';

const owner = { name: 'web', namespace: 'shop' };
const now = new Date('2026-01-01T12:00:00Z');
const kinds = createKinds(
  [
    ['apps/v1', 'Deployment'],
    ['v1', 'ConfigMap'],
    ['v1', 'Secret'],
    ['autoscaling/v2', 'HorizontalPodAutoscaler'],
    ['batch/v1', 'Job'],
  ].map(([apiVersion = '', kind = '']) => ({
    apiVersion,
    kind,
    resource: `${kind.toLowerCase()}s`,
    namespaced: true,
    verbs: [],
    subresources: [],
  })),
  [],
);

/** A deployed object, what lives, and who wrote what of it. */
interface Case {
  readonly desired: KubeObject;
  readonly live?: KubeObject;
  readonly fields?: readonly (readonly [manager: string, fieldsV1: object, time?: string])[];
  readonly settings?: DriftSettings;
  readonly scalers?: readonly KubeObject[];
  readonly apply?: KubeApi['apply'];
}

async function compare(about: Case): Promise<ObjectDrift> {
  const desired = ownedBy(about.desired, owner);
  const managedFields = (about.fields ?? [['helm', {}]]).map(([manager, fieldsV1, time]) => ({
    manager,
    operation: manager === 'helm' ? 'Apply' : 'Update',
    time: time ?? '2026-01-01T11:48:00Z',
    fieldsV1,
  }));
  const raw = about.live && ownedBy(about.live, owner);
  const live = raw && ({ ...raw, metadata: { ...raw.metadata, managedFields } } as KubeObject);
  const kube = fakeKube({
    get: async () => live,
    list: listsOf({ HorizontalPodAutoscaler: about.scalers ?? [] }),
    // What the server makes of an apply: the fields asked for, over what is there.
    apply: about.apply ?? (async (object) => merge(live, object) as KubeObject),
  });
  const ports = { kube, redactor: { redact: (text: string) => text, add: () => {} } };
  const tolerance = await readTolerance(about.settings ?? {}, [desired], kinds, ports);
  return compareObject(
    desired,
    { owner, kinds, tolerance, live: createLiveObjects([refOf(desired)], ports) },
    ports,
  );
}

function merge(a: unknown, b: unknown): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(a) || !isMap(b)) return b;
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(keys.map((key) => [key, key in b ? merge(a[key], b[key]) : a[key]]));
}

const deployment = (replicas: number, more: object = {}) =>
  objectOf('apps/v1', 'Deployment', { spec: { replicas, ...more } });
const replicasBy = (manager: string) => [manager, { 'f:spec': { 'f:replicas': {} } }] as const;
const hpa = (least: number, most: number, name = 'web') =>
  objectOf('autoscaling/v2', 'HorizontalPodAutoscaler', {
    metadata: { name: 'scaler' },
    spec: {
      minReplicas: least,
      maxReplicas: most,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    },
  });

test('a changed field names who changed it, from what to what, and when', async () => {
  const drift = await compare({
    desired: deployment(2),
    live: deployment(5),
    fields: [['helm', {}, '2026-01-01T11:00:00Z'], replicasBy('kubectl-edit')],
  });
  assert.equal(drift.state, 'drifted');
  assert.equal(describeDrift(drift, now), 'kubectl-edit changed spec.replicas from 2 to 5 12 minutes ago');
  assert.equal(drift.fields[0]?.pointer, '/spec/replicas');
  assert.equal(drift.cure, 'apply');
});

test('a controller that took a field is drift by name, not something unknown', async () => {
  const drift = await compare({
    desired: deployment(2),
    live: deployment(5),
    fields: [['helm', {}], replicasBy('some-operator')],
  });
  assert.equal(drift.state, 'drifted');
  assert.equal(drift.fields[0]?.writer?.manager, 'some-operator');
});

test('a field that is gone is drift, and a person’s tool that wrote since is named as the likely one', async () => {
  const drift = await compare({
    desired: objectOf('v1', 'ConfigMap', { data: { a: '1', b: '2' } }),
    live: objectOf('v1', 'ConfigMap', { data: { a: '1' } }),
    fields: [
      ['helm', {}, '2026-01-01T11:00:00Z'],
      ['kubectl-patch', { 'f:metadata': {} }, '2026-01-01T11:59:00Z'],
    ],
  });
  assert.equal(describeDrift(drift, now), 'data.b (2) was removed (probably by kubectl-patch 1 minute ago)');
});

test('a field that a person added is drift though no dry run shows it; a controller’s own field is not', async () => {
  const env = (...names: string[]) => ({ env: names.map((name) => ({ name, value: 'x' })) });
  const template = (...names: string[]) => ({
    template: { spec: { containers: [{ name: 'c', ...env(...names) }] } },
  });
  const added = (manager: string) =>
    [
      manager,
      {
        'f:spec': {
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"c"}': { 'f:env': { 'k:{"name":"B"}': { '.': {}, 'f:name': {}, 'f:value': {} } } },
              },
            },
          },
        },
      },
    ] as const;
  const about = (manager: string) => ({
    desired: deployment(1, template('A')),
    live: deployment(1, template('A', 'B')),
    fields: [['helm', {}] as const, added(manager)],
    apply: async () => ({ ...ownedBy(deployment(1, template('A', 'B')), owner) }),
  });
  const byHand = await compare(about('kubectl-set'));
  assert.equal(byHand.state, 'drifted');
  assert.deepEqual(
    byHand.fields.map(({ pointer, deployed }) => [pointer, deployed]),
    [['/spec/template/spec/containers/c/env/B', undefined]],
  );
  assert.equal(byHand.foreign.length, 1);
  assert.equal((await compare(about('injector'))).state, 'in-sync');
});

test('a restart by kubectl is shown and left alone', async () => {
  const annotated = deployment(1, {
    template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } },
  });
  const owns = {
    'f:spec': {
      'f:template': {
        'f:metadata': { 'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/restartedAt': {} } },
      },
    },
  };
  const drift = await compare({
    desired: deployment(1),
    live: annotated,
    fields: [
      ['helm', {}],
      ['kubectl-rollout', owns],
    ],
  });
  assert.equal(drift.state, 'in-sync');
  assert.match(drift.ignored[0]?.rule ?? '', /restart/);
});

test('what is gone, replaced or another release’s is drift; what cannot be tried is unknown', async () => {
  const map = objectOf('v1', 'ConfigMap', { data: { a: '1' } });
  const gone = await compare({ desired: map });
  assert.deepEqual([gone.state, gone.reason, gone.cure], ['drifted', 'it is gone', 'create']);
  const replaced = await compare({ desired: map, live: map, fields: [['kubectl-create', {}]] });
  assert.deepEqual(
    [replaced.state, replaced.reason, replaced.cure],
    ['drifted', 'it was replaced by another object', 'apply'],
  );
  const refused = async () => {
    throw new KubeStatusError({ status: 500, reason: 'InternalError', message: 'failed calling webhook' });
  };
  const unknown = await compare({ desired: map, live: map, apply: refused });
  assert.deepEqual(
    [unknown.state, unknown.reason, unknown.cure],
    ['unknown', 'failed calling webhook', undefined],
  );
  const served = await compare({ desired: objectOf('example.com/v1', 'Nothing') });
  assert.equal(served.state, 'unknown');
});

test('replicas within an autoscaler’s bounds are its own, and outside of them they are drift', async () => {
  const at = (live: number, settings: DriftSettings = {}, scaler = hpa(2, 10)) =>
    compare({
      desired: deployment(2),
      live: deployment(live),
      fields: [['helm', {}], replicasBy('kube-controller-manager')],
      settings,
      scalers: [scaler],
    });
  const steered = await at(7);
  assert.equal(steered.state, 'in-sync');
  assert.equal(steered.ignored[0]?.rule, 'steered by HorizontalPodAutoscaler shop/scaler');
  assert.equal((await at(11)).state, 'drifted');
  assert.equal((await at(0)).state, 'drifted');
  assert.equal((await at(7, { autoscalers: 'report' })).state, 'drifted');
  assert.equal((await at(7, {}, hpa(2, 10, 'other'))).state, 'drifted');
});

test('ignore rules go by pointer with *, by manager, and by the object; what they leave alone bears their text', async () => {
  const about = (rule: NonNullable<DriftSettings['ignore']>[number]) =>
    compare({
      desired: objectOf('v1', 'ConfigMap', { data: { 'a/b': '1' } }),
      live: objectOf('v1', 'ConfigMap', { data: { 'a/b': '2' } }),
      fields: [
        ['helm', {}],
        ['some-operator', { 'f:data': { 'f:a/b': {} } }],
      ],
      settings: { ignore: [rule] },
    });
  const state = async (rule: Parameters<typeof about>[0]) => (await about(rule)).state;
  assert.equal(await state({ pointers: ['/data/a~1b'] }), 'in-sync');
  assert.equal(await state({ pointers: ['/data/*'] }), 'in-sync');
  assert.equal(await state({ pointers: ['/data'] }), 'in-sync');
  assert.equal(await state({ pointers: [''] }), 'in-sync');
  assert.equal(await state({ pointers: ['/data/a'] }), 'drifted');
  assert.equal(await state({ pointers: ['/data/~2'] }), 'drifted');
  assert.equal(await state({ managers: ['some-*'] }), 'in-sync');
  assert.equal(await state({ managers: ['some'] }), 'drifted');
  assert.equal(await state({ managers: ['some-*'], pointers: ['/metadata'] }), 'drifted');
  assert.equal(await state({ pointers: ['/data'], kind: 'Secret' }), 'drifted');
  assert.equal(
    await state({ pointers: ['/data'], kind: 'Config*', name: 'w*', namespace: 'shop', release: 'web' }),
    'in-sync',
  );
  const { ignored } = await about({ pointers: ['/data'], reason: 'the operator’s' });
  assert.equal(ignored[0]?.rule, 'drift.ignore: /data (the operator’s)');
});

test('a Secret’s values are never shown', async () => {
  const secret = (value: string) => objectOf('v1', 'Secret', { data: { password: value } });
  const drift = await compare({ desired: secret('Zmlyc3Q='), live: secret('c2Vjb25k') });
  assert.equal(drift.state, 'drifted');
  assert.doesNotMatch(JSON.stringify(drift.fields), /Zmlyc3Q|c2Vjb25k/);
});

test('a Job that removed itself when it had ended is no drift, one that is gone otherwise is', async () => {
  const job = (spec: object) => compare({ desired: objectOf('batch/v1', 'Job', { spec }) });
  const ended = await job({ ttlSecondsAfterFinished: 0 });
  assert.deepEqual([ended.state, ended.cure], ['in-sync', undefined]);
  assert.match(ended.ignored[0]?.rule ?? '', /ttlSecondsAfterFinished/);
  for (const spec of [{}, { ttlSecondsAfterFinished: 0, suspend: true }]) {
    const gone = await job(spec);
    assert.deepEqual([gone.state, gone.cure], ['drifted', 'create']);
  }
});
