import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeStatusError } from '@zakenak/core';
import { fakeKube } from '../testing/objects.ts';
import { endJournal } from './end-journal.ts';
import type { Journal } from './journal-shape.ts';
import { lockLost } from './lock-errors.ts';

const place = { set: 'shop', namespace: 'ops' };
const journal: Journal = {
  set: 'shop',
  planId: 'p',
  rollout: 'r',
  startedAt: '2026-01-01T00:00:00.000Z',
  verb: 'deploy',
  commit: '',
  begunBy: 'a',
  by: 'a',
  phase: 'running',
  epoch: 1,
  releases: [],
};

/** Ends a rollout whose journal is gone already, with a trail that cannot be written for this reason; what is warned of. */
async function endWith(refusal: Error): Promise<readonly string[]> {
  const warnings: string[] = [];
  const none = { items: [], resourceVersion: '1' };
  const kube = fakeKube({
    get: async () => undefined,
    list: async () => none,
    create: () => Promise.reject(refusal),
  });
  const warn = (text: string) => void warnings.push(text);
  const clock = { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => {} };
  const log = { warn: () => assert.fail('a report tells it') } as never;
  await endJournal(journal, { outcome: 'completed' }, place, { ports: { kube, clock, log }, warn });
  return warnings;
}

test('a trail that cannot be written keeps no rollout from ending, and is told', async () => {
  const full = new KubeStatusError({ status: 500, reason: 'InternalError', message: 'no space' });
  assert.match(
    (await endWith(full)).join(),
    /^The audit trail could not be written, and may lack the entry of this rollout: .*no space/,
  );
});

test('who has the lock no more does not end a rollout that another has ended', async () => {
  await assert.rejects(endWith(lockLost('shop')), { code: 'rollout/lock-lost' });
});
