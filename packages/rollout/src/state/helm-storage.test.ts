import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { fakeKube, listsOf, noted, objectOf } from '../testing/objects.ts';
import type { HelmHistory } from './helm-record.ts';
import type { HelmRelease } from './helm-release.ts';
import { formerOf, readHistories, rolloutOf, trimHistory, updateRecord } from './helm-storage.ts';

/** Revisions from 1 on: `status rollout`, `@N` where the labels were written for another revision, `-R` where it put the rollout R back. */
async function historyOf(...revisions: readonly string[]): Promise<HelmHistory> {
  const items = revisions.map((text, index) => {
    const version = String(index + 1);
    const [, status = '', rollout = '', origin = version] = /^(\S+) ?([^@-]*)@?(\d*)/.exec(text) ?? [];
    const putBack = /-(\w)$/.exec(text)?.[1];
    const own: Readonly<Record<string, string>> = {
      ...(rollout ? { 'zakenak.dev/rollout': rollout, 'zakenak.dev/revision': origin || version } : {}),
      ...(putBack ? { 'zakenak.dev/put-back': putBack } : {}),
    };
    const labels = { name: 'web', owner: 'helm', status, version, ...own };
    return objectOf('v1', 'Secret', { metadata: { name: `sh.helm.release.v1.web.v${version}`, labels } });
  });
  const kube = fakeKube({ list: listsOf({ Secret: items }) });
  return (await readHistories([{ name: 'web', namespace: 'shop' }], { kube })).get('web') ?? [];
}

/** The same with what each revision holds: `status rollout: content`. */
async function contentsOf(...revisions: readonly string[]): Promise<HelmHistory> {
  const history = await historyOf(...revisions.map((text) => text.replace(/:.*/, '')));
  return history.map((record, index) => {
    const manifest = /: (.*)/.exec(revisions[index] ?? '')?.[1];
    if (manifest === undefined) return record;
    const chart = { metadata: { name: 'web', version: '1' } } as HelmRelease['chart'];
    const facts = { name: 'web', namespace: 'shop', version: record.version, chart, manifest };
    return { ...record, release: () => ({ ...facts, info: { status: record.status } }) };
  });
}

async function trimmed(historyLimit: number, ...revisions: readonly string[]): Promise<readonly string[]> {
  const deleted: string[] = [];
  const kube = fakeKube({ delete: async ({ name }) => noted(deleted, name.split('.').at(-1) ?? '') !== '' });
  const ports = { kube, clock: fakeClock() };
  await trimHistory(await historyOf(...revisions), { ports, historyLimit });
  return deleted.sort();
}

test('a revision is of the rollout that wrote it, not of one whose labels Helm copied', async () => {
  const history = await historyOf('superseded a', 'superseded a@1', 'deployed');
  assert.deepEqual(history.map(rolloutOf), ['a', '', '']);
});

for (const [what, revisions, expected] of [
  ['the newest that was once deployed', ['superseded a', 'failed b', 'deployed c'], 1],
  [
    'none that an interrupted part of the same rollout wrote',
    ['superseded a', 'superseded b', 'deployed b'],
    1,
  ],
  ['none where the rollout installed it', ['superseded a', 'deployed a'], undefined],
  ['the one that Helm upgraded, its labels copied', ['superseded a', 'superseded b', 'deployed b@2'], 2],
  ['none that is newer than the deployed one', ['deployed a', 'superseded b'], undefined],
  ['one of Helm, before one of Helm', ['superseded', 'deployed'], 1],
] as const)
  test(`a rollback goes back to ${what}`, async () => {
    assert.equal(formerOf(await historyOf(...revisions))?.version, expected);
  });

for (const [what, revisions, expected] of [
  [
    'a failed deploy was put back',
    ['superseded a: 1', 'superseded b: 2', 'failed c: 3', 'deployed b-c: 2'],
    1,
  ],
  [
    'it was deployed by a rollout that was put back for another release',
    ['superseded a: 1', 'superseded b: 2', 'superseded c: 3', 'deployed b-c: 2'],
    1,
  ],
  [
    'a rollout that was put back lies further back',
    ['superseded a: 1', 'superseded b: 2', 'superseded a-b: 1', 'deployed d: 3'],
    3,
  ],
  [
    'a failed deploy of older records was put back, whose rollout the revision bears',
    ['superseded a: 1', 'superseded b: 2', 'failed c: 3', 'deployed c: 2'],
    1,
  ],
  ['it was deployed again as it was', ['superseded a: 1', 'superseded b: 2', 'deployed c: 2'], 1],
  ['nothing else was ever deployed', ['superseded a: 1', 'failed b: 2', 'deployed c: 1'], undefined],
  ['it was gone back once', ['superseded a: 1', 'superseded b: 2', 'deployed c: 1'], 2],
  ['what is there in between cannot be read', ['superseded a: 1', 'superseded b', 'deployed c: 2'], 2],
] as const)
  test(`a rollback goes back to the last content that differs, where ${what}`, async () => {
    assert.equal(formerOf(await contentsOf(...revisions))?.version, expected);
  });

test('an old revision that cannot be read is marked by its label, and keeps its text', async () => {
  const [record] = await historyOf('pending-upgrade a');
  const stored: KubeObject[] = [];
  const kube = fakeKube({ replace: async (object) => noted(stored, object) });
  const secret = { ...record?.secret, data: { release: 'AAAA' } } as KubeObject;
  const damaged = { ...record, secret, release: () => assert.fail('cut off') } as HelmHistory[number];
  const marked = await updateRecord(damaged, { status: 'failed' }, { kube, clock: fakeClock() });
  assert.equal(marked.status, 'failed');
  assert.deepEqual(
    stored.map(({ metadata, data }) => [metadata.name, metadata.labels?.['status'], data]),
    [['sh.helm.release.v1.web.v1', 'failed', { release: 'AAAA' }]],
  );
});

for (const [what, limit, revisions, expected] of [
  ['as many as are said stay', 3, ['superseded a', 'superseded b', 'superseded c', 'deployed d'], ['v1']],
  ['as many as there may be stay', 3, ['superseded a', 'superseded b', 'deployed c'], []],
  [
    'what a rollback needs stays, however old',
    2,
    ['superseded a', 'failed b', 'failed c', 'deployed d'],
    ['v2', 'v3'],
  ],
  [
    'of an interrupted rollout that was gone on with, its own earlier revision goes',
    2,
    ['superseded a', 'superseded b', 'deployed b'],
    ['v2'],
  ],
  ['the deployed one stays, however old', 2, ['deployed a', 'failed b', 'failed c'], ['v2']],
] as const)
  test(`of a history ${what}`, async () => {
    assert.deepEqual(await trimmed(limit, ...revisions), expected);
  });
