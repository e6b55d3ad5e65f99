import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { readNamespaces } from './namespaces.ts';

const refusing = (status: number) => new KubeStatusError({ status, reason: 'R', message: 'no', causes: [] });
const namespace = (metadata: object = {}) => objectOf('v1', 'Namespace', { metadata });

test('of a namespace that may not be read it is not known how it stands', async () => {
  const answers = new Map<string, () => ReturnType<typeof namespace> | undefined>([
    ['there', () => namespace()],
    ['going', () => namespace({ deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['gone', () => undefined],
    [
      'hidden',
      () => {
        throw refusing(403);
      },
    ],
  ]);
  const kube = fakeKube({ get: async ({ name }) => answers.get(name)?.() });
  const read = await readNamespaces(new Set(answers.keys()), { kube });
  assert.deepEqual(
    [...read].map(([name, { state }]) => [name, state]),
    [
      ['there', 'there'],
      ['going', 'ending'],
      ['gone', 'absent'],
      ['hidden', 'unseen'],
    ],
  );
  const hidden = read.get('hidden');
  assert.equal(hidden?.state === 'unseen' && hidden.refusal.code, 'rollout/forbidden');
});

test('a server that fails tells nothing of a namespace', async () => {
  const kube = fakeKube({ get: () => Promise.reject(refusing(500)) });
  await assert.rejects(readNamespaces(new Set(['any']), { kube }), { code: 'rollout/server-refused' });
});
