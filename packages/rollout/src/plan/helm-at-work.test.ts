import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { collectingProgress, fakeClock } from '@zakenak/core/testing';
import type { HelmHistory } from '../state/helm-record.ts';
import type { HelmRelease } from '../state/helm-release.ts';
import { readHistories } from '../state/helm-storage.ts';
import { encodeRecord } from '../state/record-size.ts';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { helmRemarks, prepareAtRest, takenOver } from './helm-at-work.ts';
import type { PreparedRollout } from './prepared.ts';

const start = '2026-01-01T00:00:00Z';

function recordOf(
  status: string,
  ageSeconds: number,
  more: Readonly<Record<string, string>> = {},
): KubeObject {
  const createdAt = String(Date.parse(start) / 1_000 - ageSeconds);
  const labels = { name: 'web', owner: 'helm', status, version: '2', createdAt, ...more };
  const metadata = { name: 'sh.helm.release.v1.web.v2', namespace: 'shop', labels };
  return objectOf('v1', 'Secret', { metadata });
}

/** The same that is uninstalling, with what its record says. */
function uninstalling(description: string): KubeObject {
  const chart = { metadata: { name: 'app', version: '1.0.0' } };
  const facts = { name: 'web', namespace: 'shop', version: 2, chart, manifest: '' };
  const release = { ...facts, info: { status: 'uninstalling', description } } as unknown as HelmRelease;
  const text = Buffer.from(encodeRecord(release)).toString('base64');
  const labels = { 'zakenak.dev/rollout': 'r', 'zakenak.dev/revision': '2' };
  return { ...recordOf('uninstalling', 5, labels), data: { release: text } };
}

/** A plan for a release whose newest record is the first of these; each later look finds the next one, the last again and again. */
async function play(
  records: readonly (KubeObject | undefined)[],
  more: { readonly dryRun?: true; readonly helmTimeoutMs?: number } = {},
) {
  const left = [...records];
  const clock = fakeClock(start);
  const progress = collectingProgress();
  const look = () => (left.length > 1 ? left.shift() : left[0]);
  const kube = fakeKube({
    list: async () => ({ items: [look() ?? []].flat(), resourceVersion: '1' }),
  });
  let plans = 0;
  const prepare = async (): Promise<PreparedRollout> => {
    plans += 1;
    const histories = await readHistories([{ name: 'web', namespace: 'shop' }], { kube });
    const history: HelmHistory = histories.get('web') ?? [];
    return { releases: [{ history }] } as unknown as PreparedRollout;
  };
  const begun = clock.monotonicMs();
  const transaction = { set: 'prod', lockTimeoutMs: 3_600_000, ...more, look: async () => prepare };
  const prepared = await prepareAtRest(transaction, { kube, clock, progress });
  const waits = progress.events.flatMap(({ waitingFor = [] }) => waitingFor.map(({ reason }) => reason));
  return { plans, prepared, waits, waitedMs: clock.monotonicMs() - begun, now: clock.now() };
}

for (const [what, records, plans, seconds] of [
  ['was deployed', [recordOf('deployed', 5)], 1, 0],
  [
    'is Zakenak’s own',
    [recordOf('pending-upgrade', 5, { 'zakenak.dev/rollout': 'r', 'zakenak.dev/revision': '2' })],
    1,
    0,
  ],
  [
    'ended while it was waited for',
    [recordOf('pending-upgrade', 5), recordOf('pending-upgrade', 5), recordOf('deployed', 0)],
    2,
    2,
  ],
  ['is being removed by Zakenak itself', [uninstalling('Deletion in progress')], 1, 0],
  [
    'is Zakenak’s and is being removed by a Helm',
    [uninstalling('Deletion in progress (or silently failed)'), undefined],
    2,
    1,
  ],
  ['is gone: a Helm uninstalled it', [recordOf('uninstalling', 5), undefined], 2, 1],
  ['began 14 minutes and 57 seconds ago, and is given its time', [recordOf('pending-install', 897)], 2, 3],
  ['began over 15 minutes ago', [recordOf('pending-rollback', 901)], 1, 0],
] as const)
  test(`a plan waits as long as a Helm may be at work: one that ${what}`, async () => {
    const played = await play(records);
    assert.deepEqual([played.plans, played.waitedMs / 1_000], [plans, seconds]);
    assert.equal(played.waits.length, seconds);
  });

test('a Helm that does not end in time refuses the deploy, and a dry run only says so', async () => {
  const endless = Array.from({ length: 5_000 }, (_, age) => recordOf('pending-upgrade', -age));
  await assert.rejects(play(endless), {
    code: 'rollout/helm-at-work',
    exitCode: 5,
    message:
      /web in shop: revision 2 is pending-upgrade for \d+ s, and counts as at work for 15 minutes \(deploy\.helmTimeout\)/,
    remedy: /zakenak unlock --force/,
  });
  const { plans, prepared, now } = await play(endless, { dryRun: true });
  assert.equal(plans, 1);
  assert.deepEqual(helmRemarks(prepared, now, {}), [
    'web: a Helm may be at revision 2 (pending-upgrade for 0 s): a deploy waits until it ends.',
  ]);
});

test('a Helm with a longer timeout is given what the set says, and one that has had it is taken for gone', async () => {
  const helmTimeoutMs = 45 * 60_000;
  const young = await play([recordOf('pending-upgrade', 45 * 60 - 2)], { helmTimeoutMs });
  assert.deepEqual([young.plans, young.waitedMs], [2, 2_000]);
  const [release] = young.prepared.releases;
  const record = release?.history.at(-1);
  assert.ok(record);
  assert.equal(
    takenOver(record, young.now, { helmTimeoutMs }),
    'web: revision 2 is pending-upgrade for 45 minutes: its Helm is taken for gone after 45 (deploy.helmTimeout).',
  );
  const short = await play([recordOf('pending-upgrade', 61)], { helmTimeoutMs: 60_000 });
  assert.deepEqual([short.plans, short.waitedMs], [1, 0]);
});
