import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeRef, KubeStatusError } from '@zakenak/core';
import { fakeKube, listsOf, noted, objectOf } from '../testing/objects.ts';
import { createLiveObjects } from './live-objects.ts';

const refs = (count: number, kind = 'ConfigMap'): readonly KubeRef[] =>
  Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind,
    namespace: 'shop',
    name: `o${index}`,
  }));
const named = (name: string) => objectOf('v1', 'ConfigMap', { metadata: { name } });

test('three objects of a kind and namespace are read by one LIST of those that Helm owns, whoever asks first', async () => {
  const list = listsOf({ ConfigMap: [named('o0'), named('o2')] });
  const live = createLiveObjects(refs(3), { kube: fakeKube({ list }) });
  const found = await Promise.all(refs(3).map((ref) => live.find(ref)));
  assert.deepEqual(
    found.map((object) => object?.metadata.name),
    ['o0', undefined, 'o2'],
  );
  assert.deepEqual(list.asked, [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: 'shop',
      labelSelector: 'app.kubernetes.io/managed-by=Helm',
    },
  ]);
});

test('two objects are read one by one', async () => {
  const asked: string[] = [];
  const kube = fakeKube({ get: async ({ name }) => named(noted(asked, name)) });
  const live = createLiveObjects([...refs(2), ...refs(1, 'Secret')], { kube });
  assert.equal((await live.find(refs(2)[1] as KubeRef))?.metadata.name, 'o1');
  assert.deepEqual(asked, ['o1']);
});

test('an account that may not LIST reads one by one; any other error is told', async () => {
  const refusal = (status: number) => ({
    list: async () => Promise.reject(new KubeStatusError({ status, reason: '', message: 'no' })),
  });
  const get = async ({ name }: KubeRef) => named(name);
  const forbidden = createLiveObjects(refs(3), { kube: fakeKube({ ...refusal(403), get }) });
  assert.equal((await forbidden.find(refs(3)[0] as KubeRef))?.metadata.name, 'o0');
  const broken = createLiveObjects(refs(3), { kube: fakeKube({ ...refusal(500), get }) });
  await assert.rejects(broken.find(refs(3)[0] as KubeRef), { status: 500 });
});
