import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, KubeApi } from '@zakenak/core';
import { KubeStatusError } from '@zakenak/core';
import { collectingProgress, fakeClock } from '@zakenak/core/testing';
import { fakeKube, objectOf } from '../testing/objects.ts';
import { acquireLock, type Lock } from './lock.ts';

/** A lock that nobody else wants, on clocks that the test moves; nothing renews it. */
async function takeLock() {
  const at = { monotonic: 0, wall: Date.parse('2026-01-01T00:00:00Z') };
  const asleep = new Promise<void>(() => {});
  const clock = {
    now: () => new Date(at.wall),
    monotonicMs: () => at.monotonic,
    sleep: (_ms: number, signal?: AbortSignal) =>
      Promise.race([asleep, new Promise<void>((_, reject) => signal?.addEventListener('abort', reject))]),
  };
  const freed: unknown[] = [];
  const replace: KubeApi['replace'] = async (object) => {
    freed.push((object['spec'] as { holderIdentity?: string }).holderIdentity);
    return object;
  };
  return { lock: await takeOn(clock, { replace }), at, freed };
}

/** Takes a lock that nobody has, on this clock, from a cluster that answers so. */
function takeOn(clock: Clock, answers: Partial<KubeApi>): Promise<Lock> {
  const kube = fakeKube({
    get: async ({ kind }) => (kind === 'Lease' ? undefined : objectOf('v1', kind)),
    create: async (object) => object,
    ...answers,
  });
  const request = { set: 'prod', namespace: 'ops', holder: 'a', leaseSeconds: 15, timeoutMs: 0 };
  return acquireLock(request, { kube, clock, progress: collectingProgress() });
}

for (const [what, monotonic, wall, isHeld] of [
  ['that was renewed within two thirds of its duration is held', 9_999, 9_999, true],
  ['of a process that was stopped for so long is lost', 10_000, 10_000, false],
  ['of a machine that was suspended for so long is lost', 10, 10_000, false],
  ['is held while the clock is set back', 10, -3_600_000, true],
  ['is lost though the clock is set back', 10_000, -3_600_000, false],
] as const)
  test(`a lock ${what}`, async () => {
    const { lock, at } = await takeLock();
    at.monotonic += monotonic;
    at.wall += wall;
    if (isHeld) lock.assertHeld();
    else assert.throws(() => lock.assertHeld(), { code: 'rollout/lock-lost' });
    assert.equal(lock.lost.aborted, !isHeld);
  });

test('a lock is given back, or left to run out', async () => {
  const given = await takeLock();
  await given.lock.release();
  assert.deepEqual(given.freed, ['']);
  const left = await takeLock();
  await left.lock.release({ runOut: true });
  assert.deepEqual(left.freed, []);
});

test('what is under way when the Lease ends has no time left, and what was sent last had a third of it', async () => {
  const { lock, at } = await takeLock();
  let left: (() => number) | undefined;
  const kube = fakeKube({
    fenced: (guard, leftMs) => {
      guard();
      left = leftMs;
      return kube;
    },
  });
  lock.fence(kube);
  at.monotonic += 9_999;
  lock.assertHeld();
  assert.equal(left?.(), 5_001);
  at.monotonic += 5_001;
  assert.equal(left?.(), 0);
  assert.throws(() => lock.assertHeld(), { code: 'rollout/lock-lost' });
});

test('a lock that the server lets nobody renew is lost with what the server says, not to another deploy', async () => {
  const message = 'etcdserver: mvcc: database space exceeded';
  const refused = new KubeStatusError({ status: 500, reason: 'InternalError', message });
  const { lost } = await takeOn(fakeClock(), { replace: () => Promise.reject(refused) });
  if (!lost.aborted) await new Promise((resolve) => lost.addEventListener('abort', resolve));
  assert.equal(lost.reason.code, 'rollout/lock-lost');
  assert.match(lost.reason.message, new RegExp(`not renewed in time, .*: ${message}\\.$`));
});

for (const [what, heldUp, message] of [
  [
    'has had no answer is lost with that, and not for a process that was stopped',
    undefined,
    /: its renewal was not answered in time/,
  ],
  [
    'the server turns away again and again is lost with what the server says',
    'too many requests',
    /: too many requests\.$/,
  ],
] as const)
  test(`a lock whose renewal ${what}`, async () => {
    const asked = Promise.withResolvers<void>();
    const clock = fakeClock();
    const replace: KubeApi['replace'] = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const answers = { replace, heldUp: () => heldUp };
    const lock = await takeOn({ ...clock, sleep: async () => {} }, answers);
    await asked.promise;
    clock.advance(11_000);
    assert.throws(() => lock.assertHeld(), { code: 'rollout/lock-lost', message });
  });

test('a lock whose taking was answered to a process that slept meanwhile is none any more', async () => {
  const clock = fakeClock();
  const create: KubeApi['create'] = async (object) => {
    if (object.kind === 'Lease') clock.advance(20_000);
    return object;
  };
  const never = { ...clock, sleep: () => new Promise<void>(() => {}) };
  const lock = await takeOn(never, { get: async () => undefined, create });
  assert.throws(() => lock.assertHeld(), { code: 'rollout/lock-lost' });
});
