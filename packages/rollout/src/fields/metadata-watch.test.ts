import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeMetadata, KubeObject } from '@zakenak/core';
import { createContention } from '../drift/contention.ts';
import { objectOf } from '../testing/objects.ts';
import { createChangeTracker, watchesFor } from './metadata-watch.ts';

const at = (resourceVersion: string, metadata: Partial<KubeMetadata> = {}): KubeObject =>
  objectOf('apps/v1', 'Deployment', { metadata: { uid: 'u', generation: 1, resourceVersion, ...metadata } });

test('what was compared is no news, whatever a watch still tells of it', () => {
  const tracker = createChangeTracker();
  assert.equal(tracker.see('web', at('1')), true, 'never compared');
  tracker.settle('web', at('1'));
  assert.equal(tracker.see('web', at('1')), false);
  tracker.settle('web', at('5'));
  assert.equal(tracker.see('web', at('5')), false, 'our own write');
});

test('a status is no news; a generation, a label, an annotation, an end and another uid are', () => {
  const tracker = createChangeTracker();
  tracker.settle('web', at('1'));
  assert.equal(tracker.see('web', at('2')), false, 'the status alone');
  assert.equal(
    tracker.see('web', at('3', { annotations: { 'deployment.kubernetes.io/revision': '2' } })),
    false,
  );
  for (const [name, metadata] of Object.entries({
    generation: { generation: 2 },
    label: { labels: { a: 'b' } },
    annotation: { annotations: { a: 'b' } },
    uid: { uid: 'v' },
    end: { deletionTimestamp: '2026-01-01T00:00:00Z' },
  }))
    assert.equal(tracker.see('web', at('4', metadata)), true, name);
});

test('where the server counts no generations every new version is news', () => {
  const tracker = createChangeTracker();
  tracker.settle('web', at('1', { generation: 0 }));
  assert.equal(tracker.see('web', at('2', { generation: 0 })), true);
});

test('what is gone is news once', () => {
  const tracker = createChangeTracker();
  tracker.settle('web', at('1'));
  assert.equal(tracker.see('web', undefined), true);
  tracker.settle('web', undefined);
  assert.equal(tracker.see('web', undefined), false);
  assert.equal(tracker.see('web', at('2')), true);
});

test('one watch for a kind and namespace, by Helm’s label only where every object bears it', () => {
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
  const map = (name: string, live?: KubeObject) => ({
    desired: objectOf('v1', 'ConfigMap', { metadata: { name } }),
    ...(live ? { live } : {}),
  });
  const labelled = objectOf('v1', 'ConfigMap', { metadata: { labels } });
  const [one, ...others] = watchesFor([map('a', labelled), map('b', labelled), map('c')]);
  assert.equal(others.length, 0);
  assert.equal(one?.labelSelector, 'app.kubernetes.io/managed-by=Helm');
  const [whole] = watchesFor([map('a', labelled), map('b', objectOf('v1', 'ConfigMap'))]);
  assert.equal(whole?.labelSelector, undefined);
});

test('pauses grow threefold from 2 s to 5 minutes, and begin anew after a calm', () => {
  const contention = createContention();
  assert.equal(contention.notBefore('web'), 0);
  let now = 1_000;
  const pauses: number[] = [];
  for (let round = 0; round < 8; round++) {
    contention.happened('web', now);
    pauses.push(contention.notBefore('web') - now);
    now = contention.notBefore('web');
  }
  assert.deepEqual(pauses, [2_000, 6_000, 18_000, 54_000, 162_000, 300_000, 300_000, 300_000]);
  assert.equal(contention.rounds('web'), 8);
  contention.happened('web', now + 400_000);
  assert.equal(contention.rounds('web'), 1);
});
