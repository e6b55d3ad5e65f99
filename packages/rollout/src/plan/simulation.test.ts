import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeStatusError, ZakenakError } from '@zakenak/core';
import { fakeKube } from '../testing/objects.ts';
import { describeSimulation } from './simulation.ts';

const looked = (refusal: Error) =>
  describeSimulation({ releases: [] } as never, { kube: fakeKube({ list: () => Promise.reject(refusal) }) });

test('a server that does not tell its nodes ends no deploy, and what is not known is said but to who may not list them', async () => {
  const forbidden = new KubeStatusError({ status: 403, reason: 'Forbidden', message: 'no' });
  assert.deepEqual(await looked(forbidden), { isSimulated: false, remarks: [] });
  for (const refusal of [
    new KubeStatusError({ status: 500, reason: 'InternalError', message: 'etcd is away' }),
    new ZakenakError({ code: 'kube/unreachable', message: 'It is away.', remedy: 'Wait.', exitCode: 4 }),
  ]) {
    const { isSimulated, remarks } = await looked(refusal);
    assert.equal(isSimulated, false);
    assert.match(remarks.join(), /is not known: .* is away\.$/);
  }
  await assert.rejects(looked(new TypeError('a bug')), TypeError);
});
