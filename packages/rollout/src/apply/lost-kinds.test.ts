import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { refOf } from '../objects/object.ts';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { describeLostObjects, findLostKinds, lostObjects, withoutLostKinds } from './lost-kinds.ts';

const gear = objectOf('example.com/v1', 'Gear');
const definition = objectOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
  spec: {
    group: 'example.com',
    names: { kind: 'Gear' },
    versions: [{ name: 'v1', served: true }],
  },
});
const found = (...objects: readonly KubeObject[]) => ({
  baseline: objects.map((before) => ({ ref: refOf(before), before })),
});
const served = (...apiVersions: readonly string[]) =>
  fakeKube({
    resources: async () =>
      ['apiextensions.k8s.io/v1 CustomResourceDefinition', ...apiVersions].map((one) => {
        const [apiVersion = '', kind = 'Gear'] = one.split(' ');
        return { apiVersion, kind, resource: '', namespaced: true, verbs: [], subresources: [] };
      }),
    unavailableApis: async () => ['silent.example.com/v1'],
  });

for (const [what, objects, kube, isLost] of [
  ['of a kind that is served no more is lost', [gear], served(), true],
  ['of a kind that is served in another version is not lost', [gear], served('example.com/v2'), false],
  ['whose definition is put back too is not lost', [gear, definition], served(), false],
  [
    'of a server that does not answer is not lost',
    [objectOf('silent.example.com/v1', 'Gear')],
    served(),
    false,
  ],
] as const)
  test(`what was there before ${what}`, async () => {
    const release = found(...objects);
    const lost = await findLostKinds([release], { kube });
    assert.equal(lost.size > 0, isLost);
    assert.equal(withoutLostKinds(release, lost).baseline.length, isLost ? 0 : objects.length);
  });

test('what a rollout made of a kind that is gone is not told: it was to go', async () => {
  const made = { baseline: [{ ref: refOf(gear) }, ...found(gear).baseline] };
  const lost = await findLostKinds([made], { kube: served() });
  assert.equal(withoutLostKinds(made, lost).baseline.length, 1);
  assert.equal(lostObjects([made], lost).length, 1);
  assert.match(describeLostObjects(lostObjects([made], lost)), /^Gear \S+ does not come back: /);
});
