import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { condition, fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { followRefusals } from './refusal.ts';

const refused = objectOf('apps/v1', 'Deployment', {
  status: { conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota')] },
});
const event = (uid: string, lastTimestamp: string) =>
  objectOf('v1', 'Event', {
    involvedObject: { kind: 'StatefulSet', name: 'web', uid },
    message: 'no account',
    lastTimestamp,
  });
const set = objectOf('apps/v1', 'StatefulSet', {
  metadata: { uid: 's-1', creationTimestamp: '2026-01-01T00:00:00Z' },
  status: { replicas: 0 },
});

/** Follows for `seconds` of a clock that moves by sleeping only; the reason with the second in which it was told. */
async function follow(
  object: KubeObject,
  lists: Readonly<Record<string, readonly KubeObject[]>>,
  seconds: number,
  change: (second: number, pending: Map<string, KubeObject>) => void = () => undefined,
): Promise<string | undefined> {
  const clock = fakeClock();
  const pending = new Map([['one', object]]);
  let told: string | undefined;
  let second = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sleep = async (ms: number) => {
    await clock.sleep(ms);
    second += 1;
    change(second, pending);
    if (second > seconds || told) {
      pending.clear();
      resolve();
    }
  };
  const ports = { kube: fakeKube({ list: listsOf(lists) }), clock: { ...clock, sleep } };
  const giveUp = (_: KubeObject, reason: string): void => {
    told ??= `${reason} after ${second} s`;
  };
  const stop = followRefusals(pending, { ports, signal: new AbortController().signal }, giveUp, reject);
  await promise;
  stop();
  return told;
}

test('a refusal that lasts five seconds is told', async () => {
  assert.equal(await follow(refused, { Pod: [] }, 20), 'exceeded quota after 6 s');
});

test('a refusal that passes is not, and the next one counts anew', async () => {
  const healthy = objectOf('apps/v1', 'Deployment');
  const told = await follow(refused, { Pod: [] }, 20, (second, pending) => {
    pending.set('one', second === 4 ? healthy : refused);
  });
  assert.equal(told, 'exceeded quota after 10 s');
});

test('while a pod is ending its room may become free', async () => {
  const ending = objectOf('v1', 'Pod', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
  assert.equal(await follow(refused, { Pod: [ending] }, 20), undefined);
});

test('a StatefulSet’s refusal is told by an event about it, since its last change', async () => {
  const after = [event('s-1', '2026-01-01T00:00:01Z')];
  assert.equal(await follow(set, { Event: after, Pod: [] }, 20), 'no account after 6 s');
  const foreign = [event('s-1', '2025-12-31T00:00:00Z'), event('s-2', '2026-01-01T00:00:01Z')];
  assert.equal(await follow(set, { Event: foreign, Pod: [] }, 20), undefined);
});

test('a refusal of before is not told before its controller has tried again', async () => {
  const at = (lastUpdateTime: string) =>
    objectOf('apps/v1', 'Deployment', {
      status: {
        conditions: [{ ...condition('ReplicaFailure', 'True', '', 'exceeded quota'), lastUpdateTime }],
      },
    });
  const now = fakeClock().now().getTime();
  const [before, again] = [60_000, 0].map((ago) => at(new Date(now - ago).toISOString()));
  assert.ok(before && again);
  assert.equal(await follow(before, { Pod: [] }, 20), undefined);
  const told = await follow(before, { Pod: [] }, 20, (second, pending) => {
    if (second === 8) pending.set('one', again);
  });
  assert.equal(told, 'exceeded quota after 8 s');
  const events = [event('s-1', new Date(now - 60_000).toISOString())];
  assert.equal(await follow(set, { Event: events, Pod: [] }, 20), undefined);
});
