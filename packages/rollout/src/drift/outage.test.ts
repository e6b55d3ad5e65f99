import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodes, KubeStatusError, ZakenakError } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { createOutage } from './outage.ts';

const errorOf = (code: string) =>
  new ZakenakError({ code, message: 'played', remedy: 'none', exitCode: exitCodes.outside });
const away = errorOf('kube/unreachable');

test('a server that was there may be away for five minutes, each time', () => {
  const clock = fakeClock('2026-01-01T00:00:00Z');
  const outage = createOutage(clock);
  assert.equal(outage.endures(away), false, 'it was never there');
  for (let time = 0; time < 2; time++) {
    outage.over();
    assert.equal(outage.endures(away), true);
    clock.advance(299_000);
    assert.equal(outage.endures(away), true);
    clock.advance(2_000);
    assert.equal(outage.endures(away), false);
  }
});

const refusalOf = (status: number) => new KubeStatusError({ status, reason: 'x', message: 'played' });
const refused = (status: number) =>
  new ZakenakError({
    code: 'rollout/server-refused',
    message: 'played',
    remedy: 'none',
    exitCode: exitCodes.outside,
    cause: refusalOf(status),
  });

test('a server is away too where what stands before it says so, or where it has no etcd', () => {
  const outage = createOutage(fakeClock('2026-01-01T00:00:00Z'));
  outage.over();
  for (const error of [errorOf('kube/no-api-server'), refusalOf(502), refused(503), refused(500)])
    assert.equal(outage.endures(error), true);
});

test('what else goes wrong does not pass by itself', () => {
  const outage = createOutage(fakeClock('2026-01-01T00:00:00Z'));
  outage.over();
  for (const error of [errorOf('kube/unauthorized'), refusalOf(403), refused(422), new Error('x'), undefined])
    assert.equal(outage.endures(error), false);
});
