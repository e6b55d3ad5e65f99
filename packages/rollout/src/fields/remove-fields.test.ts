import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import type { FieldPath, PathStep } from '../objects/field-path.ts';
import { refOf } from '../objects/object.ts';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { refilledFields, removeFields } from './remove-fields.ts';

const at = (...steps: readonly (string | PathStep)[]): FieldPath =>
  steps.map((step) => (typeof step === 'string' ? { key: step } : step));

const service = (spec: object): KubeObject =>
  objectOf('v1', 'Service', { metadata: { resourceVersion: '7' }, spec });
const live = service({ policy: 'Cluster', ip: '10.0.0.7', ports: [{ port: 80, protocol: 'TCP' }] });
const paths = [
  at('spec', 'policy'),
  at('spec', 'ip'),
  at('spec', 'ports', { at: 0 }, 'protocol'),
  at('spec', 'ports', { at: 0 }),
];

test('a field is refilled that comes back as it is when it is taken away', async () => {
  const asked: unknown[] = [];
  const kube = fakeKube({
    patch: async (_ref, type, body, options) => {
      asked.push([type, body, options]);
      return service({ policy: 'Cluster', ip: '10.0.0.8', ports: [{ port: 80, protocol: 'TCP' }] });
    },
  });
  assert.deepEqual(
    [...(await refilledFields(live, paths, { kube }))],
    ['spec.policy', 'spec.ports[0].protocol'],
  );
  const removed = ['/spec/ports/0/protocol', '/spec/policy', '/spec/ip'].map((path) => ({
    op: 'remove',
    path,
  }));
  const guard = { op: 'test', path: '/metadata/resourceVersion', value: '7' };
  assert.deepEqual(asked, [['json', [guard, ...removed], { dryRun: true }]]);
});

test('where the server refuses the question nothing counts as refilled, and where there is none it is not asked', async () => {
  const refusing = fakeKube({
    patch: async () => {
      throw new KubeStatusError({ status: 422, reason: 'Invalid', message: 'field is immutable' });
    },
  });
  assert.equal((await refilledFields(live, paths, { kube: refusing })).size, 0);
  assert.equal(
    (await refilledFields(live, [at('spec', 'ports', { at: 0 })], { kube: fakeKube({}) })).size,
    0,
  );
});

test('what is empty without the fields goes with them, unless it is wanted', async () => {
  const gear = objectOf('example.com/v1', 'Gear', {
    spec: { mode: 'a', words: { x: '1', y: '2' }, deep: { inner: { set: ['hand'] } } },
  });
  const removedFor = async (wanted: object): Promise<unknown> => {
    let operations: readonly { readonly op: string; readonly path: string }[] = [];
    const kube = fakeKube({
      get: async () => gear,
      patch: async (_ref, _type, body) => {
        operations = body as typeof operations;
        return gear;
      },
    });
    const all = [at('spec', 'words', 'x'), at('spec', 'words', 'y')];
    const set = at('spec', 'deep', 'inner', 'set', { at: 0 });
    await removeFields(refOf(gear), [...all, set], { ...gear, spec: wanted }, { kube });
    return operations.filter(({ op }) => op === 'remove').map(({ path }) => path);
  };
  assert.deepEqual(await removedFor({ mode: 'a' }), ['/spec/words', '/spec/deep']);
  assert.deepEqual(await removedFor({ mode: 'a', words: {}, deep: {} }), [
    '/spec/words/x',
    '/spec/words/y',
    '/spec/deep/inner',
  ]);
});
