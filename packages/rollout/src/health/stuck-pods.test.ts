import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { condition, fakeKube, objectOf } from '../testing/objects.ts';
import { createUnsticking, isStuck } from './stuck-pods.ts';

const set = (spec: object = {}, status: object = {}): KubeObject =>
  objectOf('apps/v1', 'StatefulSet', {
    metadata: { uid: 's-1', generation: 2 },
    spec,
    status: { observedGeneration: 2, updateRevision: 'web-new', ...status },
  });
const pod = (metadata: object = {}, status: object = {}): KubeObject =>
  objectOf('v1', 'Pod', {
    metadata: {
      name: 'web-1',
      uid: 'p-1',
      labels: { 'controller-revision-hash': 'web-old' },
      ownerReferences: [{ uid: 's-1' }],
      ...metadata,
    },
    status,
  });
const crashed = {
  containerStatuses: [{ name: 'web', restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
};

test('a pod of a former template that is not ready holds its StatefulSet up', () => {
  assert.equal(isStuck(pod(), set()), true);
});

const partition = (value: number) => ({ updateStrategy: { rollingUpdate: { partition: value } } });
for (const [name, given, owner] of [
  ['one that is ready is replaced', pod({}, { conditions: [condition('Ready', 'True')] }), set()],
  [
    'one of the newest template is waited for',
    pod({ labels: { 'controller-revision-hash': 'web-new' } }),
    set(),
  ],
  ['one that is ending makes room by itself', pod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), set()],
  ['one of another set is not its', pod({ ownerReferences: [{ uid: 's-2' }] }), set()],
  ['below the partition pods stay', pod(), set(partition(2))],
  ['pods updated on delete stay', pod(), set({ updateStrategy: { type: 'OnDelete' } })],
  ['pods managed in parallel are not waited for', pod(), set({ podManagementPolicy: 'Parallel' })],
  ['what the controller has not seen yet is unknown', pod(), set({}, { observedGeneration: 1 })],
  ['a set without a revision tells nothing', pod(), set({}, { updateRevision: '' })],
] as const)
  test(name, () => assert.equal(isStuck(given, owner), false));

test('the partition counts from the first ordinal', () => {
  const counted = { ...partition(2), ordinals: { start: 5 } };
  assert.equal(isStuck(pod({ name: 'web-6' }), set(counted)), false);
  assert.equal(isStuck(pod({ name: 'web-7' }), set(counted)), true);
});

async function deletedOf(given: KubeObject, isRollback: boolean, error?: Error): Promise<readonly string[]> {
  const told: string[] = [];
  const kube = fakeKube({
    delete: async (ref, options) => {
      if (error) throw error;
      told.push(`${ref.kind} ${ref.name} ${options?.uid}`);
      return true;
    },
  });
  const unsticking = createUnsticking({ ports: { kube }, isRollback, warn: (text) => told.push(text) });
  for (let seen = 0; seen < 2; seen += 1) await unsticking.see([given], [set()]);
  return told.map((text) => text.replace(/ to make room.*/, ''));
}

test('a pod that failed is deleted once, and it is told', async () => {
  const all = ['Pod web-1 p-1', 'Pod shop/web-1 was deleted'];
  assert.deepEqual(await deletedOf(pod({}, crashed), false), all);
});

test('one that only is not ready is deleted in a rollback alone', async () => {
  const starting = pod({}, { phase: 'Running', conditions: [condition('Ready', 'False')] });
  assert.deepEqual(await deletedOf(starting, false), []);
  assert.equal((await deletedOf(starting, true)).length, 2);
});

test('one that may not be deleted stays, and nothing is told of it', async () => {
  const forbidden = new KubeStatusError({ status: 403, reason: 'Forbidden', message: 'no' });
  assert.deepEqual(await deletedOf(pod({}, crashed), false, forbidden), []);
});
