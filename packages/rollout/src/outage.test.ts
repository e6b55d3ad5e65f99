import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodes, ZakenakError } from '@zakenak/core';
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

test('what else goes wrong does not pass by itself', () => {
  const outage = createOutage(fakeClock('2026-01-01T00:00:00Z'));
  outage.over();
  for (const error of [errorOf('kube/unauthorized'), new Error('x'), undefined])
    assert.equal(outage.endures(error), false);
});
