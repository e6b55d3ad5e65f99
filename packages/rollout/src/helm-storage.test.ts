import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@zakenak/core/testing';
import { formerOf, type HelmHistory, readHistories, rolloutOf, trimHistory } from './helm-storage.ts';
import { fakeKube, listsOf, noted, objectOf } from './testing/objects.ts';

/** Revisions from 1 on: `status rollout`, and `@N` where the labels were written for another revision. */
async function historyOf(...revisions: readonly string[]): Promise<HelmHistory> {
  const items = revisions.map((text, index) => {
    const version = String(index + 1);
    const [, status = '', rollout = '', origin = version] = /^(\S+) ?([^@]*)@?(\d*)$/.exec(text) ?? [];
    const own = rollout
      ? { 'zakenak.dev/rollout': rollout, 'zakenak.dev/revision': origin || version }
      : ({} as Record<string, string>);
    const labels = { name: 'web', owner: 'helm', status, version, ...own };
    return objectOf('v1', 'Secret', { metadata: { name: `sh.helm.release.v1.web.v${version}`, labels } });
  });
  const kube = fakeKube({ list: listsOf({ Secret: items }) });
  return (await readHistories([{ name: 'web', namespace: 'shop' }], { kube })).get('web') ?? [];
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
