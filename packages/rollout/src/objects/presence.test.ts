import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodes, ZakenakError } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { fakeKube } from '../testing/objects.ts';
import { getIfServed, waitGone } from './presence.ts';

const ref = { apiVersion: 'things.example.com/v1', kind: 'Thing', namespace: 'shop', name: 'a' };

/** A cluster that answers every look with this. */
function answering(code: string) {
  const error = new ZakenakError({ code, message: code, remedy: 'Look.', exitCode: exitCodes.outside });
  return { ports: { kube: fakeKube({ get: () => Promise.reject(error) }), clock: fakeClock() } };
}

test('what is of a kind that is not served is gone, what is of an API that does not answer is not known to be', async () => {
  const { signal } = new AbortController();
  const unserved = answering('kube/unknown-kind');
  assert.equal(await getIfServed(ref, unserved.ports), undefined);
  assert.equal(await waitGone([ref], 1_000, { ...unserved, signal }), true);
  const silent = answering('kube/unavailable-api');
  await assert.rejects(getIfServed(ref, silent.ports), { code: 'kube/unavailable-api' });
  assert.equal(await waitGone([ref], 1_000, { ...silent, signal }), false);
});
