import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { ownedBy } from '../fields/ownership.ts';
import { refOf } from '../objects/object.ts';
import { objectOf } from '../testing/objects.ts';
import type { PreparedObject } from './dry-run.ts';
import { lossesOf } from './object-losses.ts';
import type { ObjectAction } from './plan.ts';

const owner = { name: 'web', namespace: 'shop' };
const ours = (apiVersion: string, kind: string, fields: Parameters<typeof objectOf>[2] = {}): KubeObject => ({
  ...ownedBy(objectOf(apiVersion, kind, fields), owner),
  ...(fields['status'] ? { status: fields['status'] } : {}),
});

/** What is told of an object that is planned so. */
const told = (
  action: ObjectAction,
  objects: Pick<PreparedObject, 'desired' | 'live' | 'former'>,
  diff: PreparedObject['planned']['diff'] = [],
): readonly string[] => {
  const object = objects.desired ?? objects.live;
  assert.ok(object);
  const planned = { ref: refOf(object), action, reason: '', diff, conflicts: [] };
  return lossesOf({ planned, ...objects }).map(({ what, losesData }) => `${losesData ? 'DATA ' : ''}${what}`);
};

const going = ['delete', 'recreate'] as const;
const policy = (whenDeleted: string, replicas = 2) =>
  ours('apps/v1', 'StatefulSet', {
    spec: { replicas, persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled: whenDeleted } },
  });

test('claims that a StatefulSet takes with it are data, and those that it leaves are not', () => {
  for (const action of going) {
    const isData = (text: string): boolean => text.startsWith('DATA ');
    assert.equal(told(action, { live: policy('Delete') }).some(isData), true, action);
    assert.equal(told(action, { live: policy('Retain') }).some(isData), false, action);
  }
  const scaled = (whenScaled: string, replicas: number) =>
    told('apply', { live: policy(whenScaled), desired: policy(whenScaled, replicas) });
  assert.deepEqual(scaled('Delete', 1), ['DATA is scaled down']);
  assert.deepEqual([scaled('Delete', 3), scaled('Retain', 1)], [[], []]);
});

const service = (spec: object, more: object = {}) => ours('v1', 'Service', { spec, ...more });
const ports = [{ name: 'http', port: 80, nodePort: 30080 }, { port: 81 }];
const address = { clusterIP: '10.0.0.7', type: 'LoadBalancer', ports };
const balanced = service(address, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });

test('a Service gives up what it has and does without, and nothing else', () => {
  assert.deepEqual(told('delete', { live: balanced }), [
    'gives up its address 10.0.0.7, node port 30080, load balancer 192.0.2.1',
  ]);
  assert.deepEqual(told('delete', { live: service({ clusterIP: 'None', ports: [{ port: 80 }] }) }), []);
  const apply = (...diff: PreparedObject['planned']['diff']) =>
    told('apply', { live: balanced, desired: service({}) }, diff);
  assert.deepEqual(apply({ path: 'spec.selector.app', before: 'a', after: 'b' }), []);
  assert.deepEqual(apply({ path: 'spec.ports[http].nodePort', before: '30080', after: '30081' }), [
    'gives up its node port 30080',
  ]);
  assert.deepEqual(
    apply(
      { path: 'spec.type', before: 'LoadBalancer', after: 'ExternalName' },
      { path: 'spec.clusterIP', before: '10.0.0.7' },
    ),
    ['gives up its address 10.0.0.7, load balancer 192.0.2.1'],
  );
});

test('a Job of the manifest runs where it is made, and once more where a rollback makes it, unless it is suspended', () => {
  const job = (suspend: boolean) => ours('batch/v1', 'Job', { spec: { suspend } });
  assert.deepEqual(told('create', { desired: job(false) }), ['runs']);
  for (const [action, isOff, wasOff, losses] of [
    ['recreate', false, false, ['runs']],
    ['recreate', false, true, ['runs']],
    ['recreate', true, false, ['is deleted and created again']],
    ['recreate', true, true, ['is deleted and created again']],
    ['create', true, true, []],
    ['delete', false, false, ['is deleted']],
    ['delete', true, true, []],
    ['apply', false, false, []],
  ] as const) {
    const objects = { desired: job(isOff), live: job(wasOff), former: job(wasOff) };
    assert.deepEqual(told(action, objects), losses, `${action} ${isOff} ${wasOff}`);
  }
});

const config = (fields: Parameters<typeof objectOf>[2] = {}) =>
  ours('v1', 'ConfigMap', { data: { a: '1' }, ...fields });

test('what others wrote into it, and what finalizers clear away, goes with an object', () => {
  const filled = config({ data: { a: '1', token: 'x' } });
  assert.deepEqual(told('delete', { live: filled, former: config() }), ['is deleted']);
  assert.deepEqual(told('delete', { live: config(), former: config() }), []);
  assert.deepEqual(told('delete', { live: filled }), [], 'nobody knows what the release held');
  const held = (finalizer: string) => config({ metadata: { finalizers: [finalizer] } });
  assert.deepEqual(told('delete', { live: held('example.com/purge') }), ['is deleted']);
  for (const own of ['kubernetes.io/pvc-protection', 'service.kubernetes.io/load-balancer-cleanup'])
    assert.deepEqual(told('delete', { live: held(own) }), [], own);
});

test('what becomes immutable, grows or is stored anew cannot be changed back', () => {
  const both = (desired: KubeObject, live: KubeObject) => told('apply', { desired, live, former: live });
  assert.deepEqual(both(config({ immutable: true }), config()), ['cannot be changed any more']);
  assert.deepEqual(both(config({ data: {} }), config()), []);
  const claim = (storage: string) =>
    ours('v1', 'PersistentVolumeClaim', { spec: { resources: { requests: { storage } } } });
  assert.deepEqual(both(claim('2Gi'), claim('1Gi')), ['changes']);
  assert.deepEqual(both(claim('1024Mi'), claim('1Gi')), []);
  const definition = (stored: string, ...names: readonly string[]) =>
    ours('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      spec: { versions: names.map((name) => ({ name, storage: name === stored })) },
      status: { storedVersions: ['v1'] },
    });
  assert.deepEqual(both(definition('v2', 'v1', 'v2'), definition('v1', 'v1')), ['changes']);
  assert.deepEqual(both(definition('v1', 'v1', 'v2'), definition('v1', 'v1')), [], 'v2 is only served');
  assert.deepEqual(both(definition('v2', 'v1', 'v2'), definition('v1', 'v1', 'v2')), [], 'it was there');
});

test('what is taken over goes with the release from then on, unless it is to be kept', () => {
  const found = objectOf('v1', 'ConfigMap', { data: { a: '0' } });
  const kept = config({ metadata: { annotations: { 'helm.sh/resource-policy': 'keep' } } });
  assert.deepEqual(told('apply', { desired: config(), live: found }), ['is taken over']);
  assert.deepEqual(told('apply', { desired: kept, live: found }), []);
  assert.deepEqual(told('apply', { desired: config(), live: found, former: config() }), []);
  assert.deepEqual(told('apply', { desired: config(), live: config() }), []);
});

test('a definition that fills in what it left empty tells where', () => {
  const definition = (spec: object) =>
    ours('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: { properties: { spec } } } }] },
      status: { storedVersions: ['v1'] },
    });
  const both = (live: object, desired: object) =>
    told('apply', { desired: definition(desired), live: definition(live), former: definition(live) });
  const text = { type: 'string' };
  const filled = { type: 'string', default: 'a' };
  const all = (field: object) => ({
    properties: {
      mode: field,
      list: { items: { properties: { mode: field } } },
      map: { additionalProperties: { properties: { mode: field } } },
    },
  });
  assert.deepEqual(both(all(text), all(filled)), [
    'fills in v1 spec.mode, v1 spec.list[].mode, v1 spec.map.*.mode',
  ]);
  assert.deepEqual(both(all(filled), all({ ...filled, default: 'b' })), []);
  assert.deepEqual(both(all(filled), all(text)), []);
  assert.deepEqual(both({ properties: {} }, all(filled)), [], 'a field that is new goes with the rollback');
});

test('an attributes class stays with a claim', () => {
  const claim = (volumeAttributesClassName?: string) =>
    ours('v1', 'PersistentVolumeClaim', {
      spec: { volumeAttributesClassName, resources: { requests: { storage: '1Gi' } } },
    });
  const both = (desired: KubeObject, live: KubeObject) => told('apply', { desired, live, former: live });
  assert.deepEqual(both(claim('gold'), claim()), ['changes']);
  assert.deepEqual(both(claim('gold'), claim('')), ['changes']);
  assert.deepEqual(both(claim('gold'), claim('silver')), []);
  const larger = {
    ...claim('gold'),
    spec: { volumeAttributesClassName: 'gold', resources: { requests: { storage: '2Gi' } } },
  };
  assert.deepEqual(both(larger, claim()), ['changes', 'changes']);
});

test('a definition that knows fields no more tells which', () => {
  const definition = (schema: object) =>
    ours('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      spec: { versions: [{ name: 'v1', storage: true, schema: { openAPIV3Schema: schema } }] },
      status: { storedVersions: ['v1'] },
    });
  const text = { type: 'string' };
  const of = (spec: object) => definition({ properties: { spec } });
  const both = (live: object, desired: object) =>
    told('apply', { desired: of(desired), live: of(live), former: of(live) });
  const full = { properties: { size: text, ports: { items: { properties: { name: text, port: text } } } } };
  assert.deepEqual(both(full, full), []);
  assert.deepEqual(both(full, { properties: { ...full.properties, more: text } }), []);
  assert.deepEqual(both(full, { properties: { ports: { items: { properties: { port: text } } } } }), [
    'drops v1 spec.size, v1 spec.ports[].name',
  ]);
  const map = (values: object) => ({ properties: { by: { additionalProperties: values } } });
  assert.deepEqual(both(map({ properties: { a: text } }), map({ properties: { b: text } })), [
    'drops v1 spec.by.*.a',
  ]);
  for (const open of [{ 'x-kubernetes-preserve-unknown-fields': true }, { additionalProperties: text }])
    assert.deepEqual(both(full, open), []);
  const many = { properties: Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, text])) };
  assert.deepEqual(both(many, { properties: {} }), ['drops v1 spec.a, v1 spec.b, v1 spec.c, 2 more']);
});
