import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectingProgress } from '@zakenak/core/testing';
import { createHoldUps } from './hold-ups.ts';

test('requests that are tried again for more than a moment are told now and then, and that it is over', () => {
  const progress = collectingProgress();
  const holdUps = createHoldUps('prod', progress);
  const [first, second] = [{}, {}];
  holdUps.add(first, new Error('too many requests'), 1_999);
  assert.deepEqual(progress.events, []);
  assert.equal(holdUps.latest(), 'too many requests');
  holdUps.add(first, new Error('too many requests'), 2_000);
  holdUps.add(second, new Error('shutting down'), 2_100);
  assert.equal(holdUps.latest(), 'shutting down');
  holdUps.remove(second, true);
  assert.equal(holdUps.latest(), 'too many requests');
  holdUps.remove(first, true);
  assert.equal(holdUps.latest(), undefined);
  const common = { stage: 'connect', subject: 'prod' };
  assert.deepEqual(progress.events, [
    { ...common, state: 'waiting', message: 'trying again: too many requests' },
    { ...common, state: 'done', message: 'it answers again' },
  ]);
});
