import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeApi, KubeStatusError } from '@zakenak/core';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { describeRooms, freeIn, gpusOf, ownPods, readGpuRooms } from './gpu-room.ts';

const asking = (gpus: number) => ({ resources: { limits: { 'nvidia.com/gpu': `${gpus}` } } });

const node = (name: string, gpus: string, labels = {}) =>
  objectOf('v1', 'Node', {
    metadata: { name, labels },
    status: { allocatable: { 'nvidia.com/gpu': gpus } },
  });

const pod = (name: string, nodeName: string, gpus: number, labels = {}) =>
  objectOf('v1', 'Pod', { metadata: { name, labels }, spec: { nodeName, containers: [asking(gpus)] } });

test('what pods of a node ask for is not free, but what a release’s own pods hold is', async () => {
  const nodes = [node('one', '2', { 'nvidia.com/gpu.memory': '1024' }), node('two', '4')];
  const pods = [
    pod('a', 'one', 2, { app: 'a' }),
    pod('b', 'two', 1),
    pod('none', 'two', 0),
    pod('new', '', 4),
  ];
  const list = listsOf({ Node: nodes, Pod: pods });
  const rooms = await readGpuRooms({ kube: fakeKube({ list }) });
  assert.deepEqual(
    rooms.map((room) => freeIn(room)),
    [0, 3],
  );
  assert.deepEqual(
    rooms.map(({ memoryBytes }) => memoryBytes),
    [2 ** 30, undefined],
  );
  const isOwn = ownPods([
    objectOf('apps/v1', 'Deployment', { spec: { selector: { matchLabels: { app: 'a' } } } }),
  ]);
  assert.deepEqual(
    rooms.map((room) => freeIn(room, isOwn)),
    [2, 3],
  );
  assert.equal(describeRooms(rooms), 'one offers 2, shop/a holds 2; two offers 4, shop/b holds 1');
  assert.deepEqual(
    list.asked.find(({ kind }) => kind === 'Pod')?.fieldSelector,
    'status.phase!=Succeeded,status.phase!=Failed',
    'what has ended holds nothing',
  );
});

test('who may not see all pods is told what the nodes offer', async () => {
  const list: KubeApi['list'] = async ({ kind }) => {
    if (kind === 'Pod')
      throw new KubeStatusError({ status: 403, reason: 'Forbidden', message: 'pods is forbidden' });
    return { items: [node('one', '2')], resourceVersion: '1' };
  };
  const rooms = await readGpuRooms({ kube: fakeKube({ list }) });
  assert.deepEqual(
    rooms.map((room) => freeIn(room)),
    [2],
  );
});

test('a pod holds what its containers take together, or the most that one before them takes', () => {
  const [one, two, four] = [asking(1), asking(2), asking(4)];
  assert.equal(gpusOf({ containers: [one, two] }), 3);
  assert.equal(gpusOf({ initContainers: [four], containers: [one] }), 4);
  assert.equal(gpusOf({ initContainers: [{ ...two, restartPolicy: 'Always' }], containers: [one] }), 3);
  assert.equal(gpusOf({ containers: [{ resources: { requests: { 'nvidia.com/gpu': 2 } } }] }), 2);
  assert.equal(gpusOf(undefined), 0);
});
