import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { findRemoved } from './orphans.ts';

const record = (name: string, namespace: string, modifiedAt: string, ...removedBy: string[]): KubeObject => {
  const [rollout] = removedBy;
  const labels = {
    name,
    status: 'uninstalled',
    modifiedAt,
    ...(rollout ? { 'zakenak.dev/removed-by': rollout } : {}),
  };
  return objectOf('v1', 'Secret', { metadata: { name: `sh.helm.release.v1.${name}.v1`, namespace, labels } });
};

test('of two releases of one name that were removed in two namespaces, the one that went last is told', async () => {
  const Secret = [
    record('web', 'a', '1700000001', 'first'),
    record('web', 'b', '1700000009', 'second'),
    record('web', 'c', '1700000005', 'third'),
    record('api', 'c', '1700000005'),
    record('here', 'z', '1700000005', 'third'),
  ];
  const releases = [{ name: 'here', namespace: 'shop' }];
  const found = await findRemoved(
    { set: 'shop', releases },
    { kube: fakeKube({ list: listsOf({ Secret }) }) },
  );
  assert.deepEqual(found, {
    removed: [{ name: 'web', namespace: 'b' }],
    unclear: [{ name: 'api', namespace: 'c' }],
  });
});
