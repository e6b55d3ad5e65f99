import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type KubeApi, type KubeObject, KubeStatusError } from '@zakenak/core';
import { type Journal, type JournalRelease, readJournal, removeJournal, writeJournal } from './journal.ts';
import { fakeKube, objectOf } from './testing/objects.ts';

const place = { set: 'shop', namespace: 'shop' };

/** Secrets in memory. */
function secrets(): { readonly kube: KubeApi; readonly kept: Map<string, KubeObject> } {
  const kept = new Map<string, KubeObject>();
  const kube = fakeKube({
    list: async () => ({ items: [...kept.values()], resourceVersion: '1' }),
    create: async (secret) => {
      if (kept.has(secret.metadata.name))
        throw new KubeStatusError({ status: 409, reason: 'AlreadyExists', message: '' });
      kept.set(secret.metadata.name, secret);
      return secret;
    },
    replace: async (secret) => {
      kept.set(secret.metadata.name, secret);
      return secret;
    },
    delete: async ({ name }) => kept.delete(name),
  });
  return { kube, kept };
}

const release = (name: string, text = ''): JournalRelease => ({
  name,
  namespace: 'shop',
  needs: [],
  timeoutMs: 1,
  fromRevision: 1,
  lastRevision: 1,
  toRevision: 2,
  baseline: [
    {
      ref: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name },
      before: objectOf('v1', 'ConfigMap', { data: { text } }),
    },
  ],
  newNamespaces: [],
});
const journal = (releases: readonly JournalRelease[], epoch = 1): Journal => ({
  set: 'shop',
  planId: 'p',
  rollout: 'r',
  startedAt: 's',
  verb: 'deploy',
  commit: 'c',
  begunBy: 'b',
  by: 'b',
  phase: 'running',
  epoch,
  releases,
});

test('the journal of many releases is one Secret and its head, and is read as it was written', async () => {
  const { kube, kept } = secrets();
  const written = journal(Array.from({ length: 50 }, (_, index) => release(`r${index}`)));
  await writeJournal(written, place, { kube });
  assert.deepEqual([...kept.keys()], ['zakenak.journal.shop.1.0', 'zakenak.journal.shop']);
  assert.deepEqual(await readJournal(place, { kube }), written);
  await removeJournal(place, { kube });
  assert.equal(kept.size, 0);
});

test('no Secret of the journal is over the API server’s limit, and a release that is alone over it is refused', async () => {
  const { kube, kept } = secrets();
  const noise = (bytes: number) => randomBytes(bytes).toString('base64');
  const written = journal(['a', 'b', 'c'].map((name) => release(name, noise(300_000))));
  await writeJournal(written, place, { kube });
  assert.equal(kept.size, 3);
  for (const { data } of kept.values()) {
    const sizes = Object.values(data as Record<string, string>).map(({ length }) => length);
    assert.ok(sizes.reduce((a, b) => a + b) <= 1_000_000);
  }
  assert.deepEqual(await readJournal(place, { kube }), written);
  const refused = writeJournal(journal([release('a', noise(900_000))], 2), place, { kube });
  await assert.rejects(refused, { code: 'rollout/journal-too-large' });
});

test('until its head is written a new journal changes nothing about the one before', async () => {
  const { kube } = secrets();
  const before = journal([release('a', 'before'), release('b', 'before')]);
  await writeJournal(before, place, { kube });
  const killed: KubeApi = {
    ...kube,
    replace: () => Promise.reject(new Error('killed')),
  };
  const next = journal([release('a', 'next')], 2);
  await assert.rejects(writeJournal(next, place, { kube: killed }), { message: 'killed' });
  assert.deepEqual(await readJournal(place, { kube }), before);
  await writeJournal(next, place, { kube });
  assert.deepEqual(await readJournal(place, { kube }), next);
});

test('a journal that is damaged, or lacks a part, is refused: what it does not tell could not be put back', async () => {
  for (const [name, change] of [
    ['zakenak.journal.shop', { data: { journal: 'cut off' } }],
    ['zakenak.journal.shop.1.0', { data: { web: 'cut off' } }],
    ['zakenak.journal.shop.1.0', undefined],
  ] as const) {
    const { kube, kept } = secrets();
    await writeJournal(journal([release('web')]), place, { kube });
    const secret = kept.get(name);
    assert.ok(secret);
    if (change) kept.set(name, { ...secret, ...change });
    else kept.delete(name);
    await assert.rejects(readJournal(place, { kube }), {
      code: 'rollout/damaged-state',
      exitCode: 4,
      remedy: /zakenak\.dev\/journal=shop/,
    });
  }
});
