import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { findFailedPod, isWorkload, podsOf } from './culprit.ts';

const template = (image: string, labels: object = {}) => ({
  metadata: { creationTimestamp: null, labels: { app: 'web', ...labels } },
  spec: { containers: [{ name: 'app', image }] },
});
const workload = (kind: string, image: string, apiVersion = 'apps/v1'): KubeObject =>
  objectOf(apiVersion, kind, {
    metadata: { uid: 'w-1' },
    spec: { selector: { matchLabels: { app: 'web' } }, template: template(image) },
  });
const owned = (uid: string) => ({ ownerReferences: [{ uid: 'somebody' }, { uid }] });

function replicaSet(hash: string, image: string, uid = 'w-1'): KubeObject {
  return objectOf('apps/v1', 'ReplicaSet', {
    metadata: { name: `web-${hash}`, labels: { app: 'web', 'pod-template-hash': hash }, ...owned(uid) },
    spec: { template: template(image, { 'pod-template-hash': hash }) },
  });
}

function revision(hash: string, image: string, uid = 'w-1'): KubeObject {
  const { creationTimestamp: _, ...metadata } = template(image).metadata;
  return objectOf('apps/v1', 'ControllerRevision', {
    metadata: {
      name: `web-${hash}`,
      labels: { app: 'web', 'controller-revision-hash': hash },
      ...owned(uid),
    },
    data: { spec: { template: { $patch: 'replace', ...template(image), metadata } } },
  });
}

const crashing = {
  phase: 'Running',
  containerStatuses: [{ name: 'app', restartCount: 5, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
};
const noImage = {
  phase: 'Pending',
  containerStatuses: [{ name: 'app', restartCount: 0, state: { waiting: { reason: 'ImagePullBackOff' } } }],
};
const pod = (name: string, labels: object, status: object = crashing) =>
  objectOf('v1', 'Pod', { metadata: { name, labels: { app: 'web', ...labels } }, status });

const found = async (given: KubeObject, kinds: Readonly<Record<string, readonly KubeObject[]>>) =>
  (await findFailedPod(given, { kube: fakeKube({ list: listsOf(kinds) }) }))?.pod.metadata.name;

for (const [kind, owners, list, labels] of [
  ['Deployment', 'ReplicaSet', replicaSet, (hash: string) => ({ 'pod-template-hash': hash })],
  [
    'StatefulSet',
    'ControllerRevision',
    revision,
    (hash: string) => ({ 'controller-revision-hash': `web-${hash}` }),
  ],
  ['DaemonSet', 'ControllerRevision', revision, (hash: string) => ({ 'controller-revision-hash': hash })],
] as const) {
  const pods = [pod('old', labels('a')), pod('new', labels('b'))];

  test(`the pod to blame for a ${kind} is one of its template`, async () => {
    assert.equal(
      await found(workload(kind, 'web:2'), { Pod: pods, [owners]: [list('a', 'web:1'), list('b', 'web:2')] }),
      'new',
    );
    assert.equal(
      await found(workload(kind, 'web:1'), { Pod: pods, [owners]: [list('a', 'web:1'), list('b', 'web:2')] }),
      'old',
      'rolled back',
    );
  });

  test(`crashing pods that a ${kind} is about to replace are not to blame, even before their successors are there`, async () => {
    assert.equal(
      await found(workload(kind, 'web:2'), {
        Pod: [pod('old', labels('a'))],
        [owners]: [list('a', 'web:1')],
      }),
      undefined,
    );
  });

  test(`pods of another owner with the same labels are not a ${kind}’s`, async () => {
    assert.equal(
      await found(workload(kind, 'web:2'), { Pod: pods, [owners]: [list('b', 'web:2', 'another')] }),
      undefined,
    );
  });
}

test('of several pods the first that failed is named, and ready ones are not', async () => {
  const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const labels = { 'pod-template-hash': 'b' };
  const pods = [pod('ready', labels, ready), pod('first', labels, noImage), pod('second', labels)];
  assert.equal(
    await found(workload('Deployment', 'web:2'), { Pod: pods, ReplicaSet: [replicaSet('b', 'web:2')] }),
    'first',
  );
});

test('a ReplicaSet has only one template', async () => {
  assert.equal(await found(workload('ReplicaSet', 'web:1'), { Pod: [pod('any', {})] }), 'any');
});

test('a Job’s failed tries are its own matter, but a pod that never starts is not', async () => {
  const job = workload('Job', 'web:1', 'batch/v1');
  assert.equal(
    await found(job, { Pod: [pod('failed', {}, { phase: 'Failed' }), pod('crashing', {})] }),
    undefined,
  );
  assert.equal(
    await found(job, { Pod: [pod('failed', {}, { phase: 'Failed' }), pod('stuck', {}, noImage)] }),
    'stuck',
  );
});

test('a Job’s pod that ran once has started', async () => {
  const restarted = { ...noImage, initContainerStatuses: [{ name: 'init', restartCount: 1 }] };
  assert.equal(
    await found(workload('Job', 'web:1', 'batch/v1'), { Pod: [pod('again', {}, restarted)] }),
    undefined,
  );
});

for (const [name, selector, text] of [
  ['labels', { matchLabels: { a: 'b', c: 'd' } }, 'a=b,c=d'],
  [
    'expressions',
    {
      matchLabels: { a: 'b' },
      matchExpressions: [
        { key: 'c', operator: 'In', values: ['d', 'e'] },
        { key: 'f', operator: 'NotIn', values: ['g'] },
        { key: 'h', operator: 'Exists' },
        { key: 'i', operator: 'DoesNotExist' },
      ],
    },
    'a=b,c in (d,e),f notin (g),h,!i',
  ],
] as const)
  test(`pods are asked for by ${name}`, async () => {
    const list = listsOf({ Pod: [] });
    await podsOf(objectOf('apps/v1', 'ReplicaSet', { spec: { selector } }), { kube: fakeKube({ list }) });
    assert.deepEqual(list.asked, [{ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', labelSelector: text }]);
  });

test('pods of a ReplicationController are asked for by its labels', async () => {
  const list = listsOf({ Pod: [] });
  const spec = { selector: { app: 'web' } };
  await podsOf(objectOf('v1', 'ReplicationController', { spec }), { kube: fakeKube({ list }) });
  assert.deepEqual(
    list.asked.map(({ labelSelector }) => labelSelector),
    ['app=web'],
  );
});

test('a pod that its controller replaces is not to blame: evicted, preempted, refused by its node', async () => {
  const evicted = pod('evicted', {}, { phase: 'Failed', reason: 'Evicted' });
  assert.equal(await found(workload('ReplicaSet', 'web:1'), { Pod: [evicted] }), undefined);
  assert.equal(await found(workload('ReplicaSet', 'web:1'), { Pod: [evicted, pod('next', {})] }), 'next');
});

test('a workload without selector has no pods to ask for', async () => {
  assert.deepEqual(await podsOf(objectOf('apps/v1', 'ReplicaSet'), { kube: fakeKube({}) }), []);
});

test('what makes pods is a workload', () => {
  const made = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job'];
  assert.deepEqual(
    [...made, 'Pod', 'CronJob', 'Service'].filter((kind) => isWorkload(objectOf('v1', kind))),
    made,
  );
});
