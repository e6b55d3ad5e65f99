import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { collectingProgress, fakeClock } from '@zakenak/core/testing';
import { encodeRelease } from './state/helm-release.ts';
import { fakeKube, objectOf } from './testing/objects.ts';
import { unlockRollout } from './unlock.ts';

/** A pending revision, `age` seconds old, of Helm where no rollout is given. */
function revision(status: string, age: number, rollout = ''): KubeObject {
  const at = Date.parse('2026-01-01T00:00:00Z') - age * 1_000;
  const release = {
    name: 'web',
    info: { status: status as 'pending-upgrade' },
    chart: { metadata: { name: 'web', version: '1' } } as never,
    manifest: '',
    version: 2,
    namespace: 'shop',
  };
  const labels = {
    name: 'web',
    owner: 'helm',
    status,
    version: '2',
    createdAt: String(at / 1_000),
    ...(rollout ? { 'zakenak.dev/rollout': rollout, 'zakenak.dev/revision': '2' } : {}),
  };
  return objectOf('v1', 'Secret', {
    metadata: { name: 'sh.helm.release.v1.web.v2', resourceVersion: '1', labels },
    data: { release: Buffer.from(encodeRelease(release)).toString('base64') },
  });
}

/** A cluster that nobody deploys to, with one revision. */
async function unlock(
  secret: KubeObject,
  more: { readonly force?: boolean; readonly dryRun?: boolean; readonly helmTimeoutMs?: number } = {},
  journal: readonly KubeObject[] = [],
) {
  let lease: KubeObject | undefined;
  const marked: string[] = [];
  const kube = fakeKube({
    get: async ({ kind }) => (kind === 'Lease' ? lease : objectOf('v1', kind)),
    list: async ({ labelSelector = '' }) => ({
      items: labelSelector.startsWith('owner=helm') ? [secret] : journal,
      resourceVersion: '1',
    }),
    create: async (object) => {
      lease = object;
      return object;
    },
    replace: async (object) => {
      if (object.kind === 'Lease') lease = object;
      else marked.push(`${object.metadata.labels?.['status']}`);
      return object;
    },
    fenced: () => kube,
  });
  const releases = [{ name: 'web', namespace: 'shop' }];
  const ports = { kube, clock: fakeClock(), progress: collectingProgress() };
  const { verdict, findings } = await unlockRollout({ set: 'prod', releases, ...more }, ports);
  return { marked, verdict, rules: findings.map(({ ruleId }) => ruleId) };
}

const minutes = 60;
for (const [what, secret, more, expected] of [
  ['Helm began just now is left to it', revision('pending-upgrade', 5), {}, 'left'],
  ['Helm began by a clock before ours is left to it', revision('pending-install', -60), {}, 'left'],
  ['Helm began almost 15 minutes ago is left to it', revision('pending-upgrade', 14.9 * minutes), {}, 'left'],
  ['Helm began over 15 minutes ago is marked', revision('pending-rollback', 15.1 * minutes), {}, 'marked'],
  [
    'Helm began 16 minutes ago is left to it where it may take 20',
    revision('pending-upgrade', 16 * minutes),
    { helmTimeoutMs: 20 * minutes * 1_000 },
    'left',
  ],
  [
    'Helm began just now is marked where that is forced',
    revision('pending-upgrade', 5),
    { force: true },
    'marked',
  ],
  [
    'Helm began long ago is only shown by a dry run',
    revision('pending-upgrade', 9e5),
    { dryRun: true },
    'shown',
  ],
  ['Zakenak began is marked at once: its lock is free', revision('pending-upgrade', 5, 'r-1'), {}, 'marked'],
  ['Helm began to uninstall just now is left to it', revision('uninstalling', 5, 'r-1'), {}, 'left'],
  ['is deployed is nobody’s to mark', revision('deployed', 9e5), {}, 'shown'],
] as const)
  test(`a revision that ${what}`, async () => {
    const { marked, verdict, rules } = await unlock(secret, more);
    assert.deepEqual(marked, expected === 'marked' ? ['failed'] : []);
    assert.deepEqual(rules, expected === 'left' ? ['rollout/helm-at-work'] : []);
    assert.equal(verdict, expected === 'left' ? 'failed' : 'passed');
  });

test('a pending revision that cannot be read is named, and not marked', async () => {
  const secret = revision('pending-upgrade', 9e5);
  const { marked, verdict, rules } = await unlock({ ...secret, data: { release: '' } });
  assert.deepEqual([marked, verdict, rules], [[], 'failed', ['rollout/bad-record']]);
});

test('a journal that cannot be read is named, and no revision is marked that it may go on with', async () => {
  const journal = objectOf('v1', 'Secret', {
    metadata: { name: 'zakenak.journal.prod', labels: { 'zakenak.dev/journal': 'prod' } },
    data: { journal: 'bm9uc2Vuc2U=' },
  });
  const { marked, verdict, rules } = await unlock(revision('pending-upgrade', 5, 'r-1'), {}, [journal]);
  assert.deepEqual([marked, verdict, rules], [[], 'failed', ['rollout/damaged-state']]);
});
