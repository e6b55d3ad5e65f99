import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type KubeApi, type KubeObject, KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { readBooks, readJournal, removeJournal, writeHead, writeJournal } from './journal.ts';
import type { Journal, JournalRelease } from './journal-shape.ts';

const place = { set: 'shop', namespace: 'shop' };

/** Secrets in memory. */
function secrets(): { readonly kube: KubeApi; readonly kept: Map<string, KubeObject> } {
  const kept = new Map<string, KubeObject>();
  const kube = fakeKube({
    get: async ({ name }) => kept.get(name),
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

const noise = (bytes: number) => randomBytes(bytes).toString('base64');
/** More than stands in the head. */
const large = (name: string) => release(name, noise(400_000));

test('the journal of many small releases is one Secret, and is read as it was written', async () => {
  const { kube, kept } = secrets();
  const written = journal(Array.from({ length: 50 }, (_, index) => release(`r${index}`)));
  await writeJournal(written, place, { kube });
  assert.deepEqual([...kept.keys()], ['zakenak.journal.shop']);
  assert.deepEqual(await readJournal(place, { kube }), written);
  await writeHead({ ...written, phase: 'pruning' }, place, { kube });
  assert.deepEqual(await readJournal(place, { kube }), { ...written, phase: 'pruning' });
  await removeJournal(place, { kube });
  assert.equal(kept.size, 0);
});

test('a larger one is a head and parts, whatever became of its head', async () => {
  const { kube, kept } = secrets();
  const written = journal([large('web'), release('journal')]);
  await writeJournal(written, place, { kube });
  assert.deepEqual([...kept.keys()], ['zakenak.journal.shop.1.0', 'zakenak.journal.shop']);
  assert.deepEqual(await readJournal(place, { kube }), written);
  const read = await readJournal(place, { kube });
  assert.ok(read);
  await writeHead({ ...read, phase: 'rolling-back' }, place, { kube });
  assert.deepEqual(await readJournal(place, { kube }), { ...written, phase: 'rolling-back' });
  await removeJournal(place, { kube });
  assert.equal(kept.size, 0);
});

test('no Secret of the journal is over the API server’s limit, and a release that is alone over it is in several', async () => {
  const { kube, kept } = secrets();
  const written = journal(['a', 'b', 'c'].map((name) => release(name, noise(300_000))));
  await writeJournal(written, place, { kube });
  assert.equal(kept.size, 3);
  for (const { data } of kept.values()) {
    const sizes = Object.values(data as Record<string, string>).map(({ length }) => length);
    assert.ok(sizes.reduce((a, b) => a + b) <= 1_000_000);
  }
  assert.deepEqual(await readJournal(place, { kube }), written);
  const many = ['a', 'b', 'c'].map((name) => release(name, noise(2_600_000)));
  await writeJournal(journal(many, 2), place, { kube });
  assert.equal(kept.size, 3 + 12);
  // As the API server keeps them: each value is base64 of its own, and they are listed by their names.
  for (const [name, secret] of [...kept].sort()) {
    const data = Object.entries(secret['data'] as Record<string, string>);
    for (const [, text] of data) assert.equal(Buffer.from(text, 'base64').toString('base64'), text);
    assert.ok(data.reduce((sum, [, { length }]) => sum + length, 0) <= 1_000_000);
    kept.delete(name);
    kept.set(name, secret);
  }
  assert.deepEqual(await readJournal(place, { kube }), journal(many, 2));
  kept.delete('zakenak.journal.shop.2.5');
  await assert.rejects(readJournal(place, { kube }), { code: 'rollout/damaged-state' });
});

test('until its head is written a new journal changes nothing about the one before', async () => {
  const { kube } = secrets();
  const before = journal([large('a'), release('b', 'before')]);
  await writeJournal(before, place, { kube });
  const killed: KubeApi = {
    ...kube,
    replace: () => Promise.reject(new Error('killed')),
  };
  const next = journal([large('a')], 2);
  await assert.rejects(writeJournal(next, place, { kube: killed }), { message: 'killed' });
  assert.deepEqual(await readJournal(place, { kube }), before);
  await writeJournal(next, place, { kube });
  assert.deepEqual(await readJournal(place, { kube }), next);
});

test('a head that replaces another one is bound to the version that was there', async () => {
  const { kube, kept } = secrets();
  await writeJournal(journal([release('a')]), place, { kube });
  const head = kept.get('zakenak.journal.shop');
  assert.ok(head);
  kept.set('zakenak.journal.shop', { ...head, metadata: { ...head.metadata, resourceVersion: '7' } });
  await writeHead({ ...journal([release('a')]), phase: 'rolling-back' }, place, { kube });
  assert.equal(kept.get('zakenak.journal.shop')?.metadata.resourceVersion, '7');
  assert.equal((await readJournal(place, { kube }))?.phase, 'rolling-back');
});

test('a creation alone tells of no rollout: it is bound to nothing and may arrive late', async () => {
  const { kube, kept } = secrets();
  const killed: KubeApi = { ...kube, replace: () => Promise.reject(new Error('killed')) };
  await assert.rejects(writeJournal(journal([release('a')]), place, { kube: killed }), { message: 'killed' });
  assert.deepEqual(await readBooks(place, { kube }), { hasRemains: true });
  const next = journal([release('b')], 2);
  await writeJournal(next, place, { kube });
  assert.deepEqual(await readBooks(place, { kube }), { journal: next, hasRemains: false });
  assert.equal(kept.size, 1);
});

test('a journal is removed as it was read, its head first', async () => {
  const { kube, kept } = secrets();
  await writeJournal(journal([large('a')]), place, { kube });
  for (const [name, secret] of kept)
    kept.set(name, { ...secret, metadata: { ...secret.metadata, resourceVersion: `of ${name}` } });
  const removed: unknown[] = [];
  const remembering: KubeApi = {
    ...kube,
    delete: async (ref, options) => {
      removed.push([ref.name, options]);
      return kube.delete(ref);
    },
  };
  await removeJournal(place, { kube: remembering });
  assert.deepEqual(removed, [
    ['zakenak.journal.shop', { resourceVersion: 'of zakenak.journal.shop' }],
    ['zakenak.journal.shop.1.0', { resourceVersion: 'of zakenak.journal.shop.1.0' }],
  ]);
});

test('a journal that is damaged, or lacks a part, is refused: what it does not tell could not be put back', async () => {
  for (const [written, name, data] of [
    [release('web'), 'zakenak.journal.shop', { journal: 'cut off' }],
    [release('web'), 'zakenak.journal.shop', { 'release.web': 'cut off' }],
    [release('web'), 'zakenak.journal.shop', { 'release.web': '' }],
    [large('web'), 'zakenak.journal.shop.1.0', { web: 'cut off' }],
    [large('web'), 'zakenak.journal.shop.1.0', undefined],
  ] as const) {
    const { kube, kept } = secrets();
    await writeJournal(journal([written]), place, { kube });
    const secret = kept.get(name);
    assert.ok(secret);
    if (data) kept.set(name, { ...secret, data: { ...(secret['data'] as object), ...data } });
    else kept.delete(name);
    await assert.rejects(readJournal(place, { kube }), {
      code: 'rollout/damaged-state',
      exitCode: 4,
      remedy: /zakenak\.dev\/journal=shop/,
    });
  }
});

test('a journal that can be unpacked and tells no whole rollout of this set is refused too', async () => {
  const pack = (content: unknown): string => gzipSync(JSON.stringify(content)).toString('base64');
  const { releases: _releases, ...head } = { ...journal([]), releases: [] };
  const web = release('web');
  for (const data of [
    { journal: pack(null) },
    { journal: pack([]) },
    { journal: pack({}) },
    { journal: pack({ ...head, releases: 'web' }) },
    { journal: pack({ ...head, releases: ['web'], phase: 'asleep' }) },
    { journal: pack({ ...head, releases: ['web'], epoch: '1' }) },
    { journal: pack({ ...head, releases: ['web'], prune: {} }) },
    { journal: pack({ ...head, releases: ['web'], set: 'another' }) },
    { 'release.web': pack(null) },
    { 'release.web': pack({ ...web, name: 'api' }) },
    { 'release.web': pack({ ...web, baseline: [{ before: {} }] }) },
    { 'release.web': pack({ ...web, baseline: [{ ...web.baseline[0], before: null }] }) },
    { 'release.web': pack({ ...web, needs: undefined }) },
    { 'release.web': pack({ ...web, lastRevision: 'one' }) },
  ]) {
    const { kube, kept } = secrets();
    await writeJournal(journal([web]), place, { kube });
    const secret = kept.get('zakenak.journal.shop');
    assert.ok(secret);
    kept.set(secret.metadata.name, { ...secret, data: { ...(secret['data'] as object), ...data } });
    const [key = ''] = Object.keys(data);
    await assert.rejects(readJournal(place, { kube }), {
      code: 'rollout/damaged-state',
      message: new RegExp(`key ${key}\\)`),
    });
  }
});

test('a journal that another deploy ended while this one was stopped has not lost its label', async () => {
  const { kube } = secrets();
  await writeJournal(journal([release('a')]), place, { kube });
  const lost = new Error('the lock is another’s');
  let isLost = false;
  const stopped: KubeApi = {
    ...kube,
    get: async () => undefined,
    list: async () => {
      isLost = true;
      return { items: [], resourceVersion: '2' };
    },
    create: async (secret) => {
      if (isLost) throw lost;
      return kube.create(secret);
    },
  };
  await assert.rejects(
    writeHead({ ...journal([release('a')]), phase: 'rolling-back' }, place, { kube: stopped }),
    lost,
  );
});

test('a journal that lost its label is not replaced unread', async () => {
  const { kube, kept } = secrets();
  await writeJournal(journal([release('a')]), place, { kube });
  const before = structuredClone([...kept]);
  const hiding: KubeApi = { ...kube, list: async () => ({ items: [], resourceVersion: '1' }) };
  const written = writeJournal(journal([release('b')], 2), place, { kube: hiding });
  await assert.rejects(written, { code: 'rollout/damaged-state', message: /lost its label/ });
  assert.deepEqual([...kept], before);
});
