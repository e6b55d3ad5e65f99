import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@zakenak/core/testing';
import { fakeKube } from '../testing/objects.ts';
import { inClusterTime } from './cluster-clock.ts';

const portsOf = (ms: number) => ({
  clock: fakeClock('2026-01-01T00:00:00Z'),
  kube: fakeKube({ aheadMs: () => ms }),
});

test('the time is the cluster’s, and goes on as this machine’s does', async () => {
  const ports = portsOf(-60_000);
  const { clock } = inClusterTime(ports);
  assert.equal(clock.now().toISOString(), '2025-12-31T23:59:00.000Z');
  ports.clock.advance(1_000);
  assert.equal(clock.now().toISOString(), '2025-12-31T23:59:01.000Z');
  assert.equal(clock.monotonicMs(), ports.clock.monotonicMs());
});

test('a difference that whole seconds may come to is none', () => {
  const ports = portsOf(1_500);
  assert.equal(inClusterTime(ports), ports);
});
