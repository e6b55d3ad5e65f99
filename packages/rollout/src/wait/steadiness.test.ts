import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@zakenak/core/testing';
import { objectOf } from '../testing/objects.ts';
import { createSteadiness } from './steadiness.ts';

const pod = (startedAt: string, exitCode: number | undefined, uid = 'p-1') =>
  objectOf('v1', 'Pod', {
    metadata: { uid },
    status: {
      containerStatuses: [
        {
          name: 'app',
          state: { running: { startedAt } },
          ...(exitCode === undefined ? {} : { lastState: { terminated: { exitCode } } }),
        },
      ],
    },
  });

test('a pod that runs again, however it ended, is shaky for ten seconds, one that never ended is not', () => {
  const clock = fakeClock('2026-01-01T00:00:00Z');
  const steadiness = createSteadiness(clock);
  const crashed = pod('2026-01-01T00:00:00Z', 7);
  const first = pod('2026-01-01T00:00:00Z', undefined, 'p-2');
  steadiness.see(first);
  assert.equal(steadiness.isShaky(first), false);
  assert.equal(steadiness.hasShaky('shop'), false);
  steadiness.see(crashed);
  assert.deepEqual(
    [steadiness.isShaky(crashed), steadiness.hasShaky('shop'), steadiness.hasShaky('other')],
    [true, true, false],
  );
  const ended = pod('2026-01-01T00:00:00Z', 0, 'p-3');
  steadiness.see(ended);
  assert.equal(steadiness.isShaky(ended), true);
  clock.advance(10_000);
  assert.deepEqual([steadiness.isShaky(crashed), steadiness.hasShaky('shop')], [false, false]);
});

test('a crash of long ago holds nothing up, and a node whose clock is ahead no longer than ten seconds', () => {
  const clock = fakeClock('2026-01-01T00:00:00Z');
  const steadiness = createSteadiness(clock);
  assert.equal(steadiness.isShaky(pod('2025-12-31T00:00:00Z', 1)), false);
  const ahead = pod('2026-01-01T09:00:00Z', 1);
  steadiness.see(ahead);
  assert.equal(steadiness.isShaky(ahead), true);
  clock.advance(10_000);
  assert.equal(steadiness.isShaky(ahead), false);
});
