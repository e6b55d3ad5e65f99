import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { addHeldRules, readHeldRules } from './held-rules.ts';

const place = { set: 'shop', namespace: 'shop' };
const rule = (name: string) => ({ kind: 'ConfigMap', name, pointers: [''], reason: 'r' });

test('what several hold at once is held, also before anything was, not even the namespace', async () => {
  let kept: KubeObject | undefined;
  let isThere = false;
  const absent = () => Promise.reject(new KubeStatusError({ status: 404, reason: 'NotFound', message: '' }));
  const conflict = () =>
    Promise.reject(new KubeStatusError({ status: 409, reason: 'Conflict', message: '' }));
  const keep = async (object: KubeObject): Promise<KubeObject> => {
    const resourceVersion = String(Number(kept?.metadata.resourceVersion ?? 0) + 1);
    kept = { ...object, metadata: { ...object.metadata, resourceVersion } };
    return kept;
  };
  const kube = fakeKube({
    get: async ({ kind }) => (kind === 'Namespace' ? undefined : kept),
    create: async (object) => {
      if (object.kind !== 'Namespace') return !isThere ? absent() : kept ? conflict() : keep(object);
      if (isThere) return conflict();
      isThere = true;
      return object;
    },
    replace: async (object) =>
      object.metadata.resourceVersion === kept?.metadata.resourceVersion ? keep(object) : conflict(),
  });
  const names = ['a', 'b', 'c'];
  await Promise.all(names.map((name) => addHeldRules([rule(name)], place, { kube })));
  assert.deepEqual((await readHeldRules(place, { kube })).map(({ name }) => name).sort(), names);
});

test('what is held and cannot be read is refused, whatever is wrong with it', async () => {
  for (const rules of [
    '[',
    'null',
    '{}',
    '5',
    '[null]',
    '[{}]',
    JSON.stringify([{ ...rule('a'), pointers: '/data' }]),
  ]) {
    const kube = fakeKube({ get: async () => objectOf('v1', 'ConfigMap', { data: { rules } }) });
    await assert.rejects(readHeldRules(place, { kube }), { code: 'rollout/damaged-state' }, rules);
  }
});
