import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeStatusError } from '@zakenak/core';
import { fakeKube, objectOf } from '../testing/objects.ts';
import type { WaitContext } from '../wait/wait.ts';
import { applyObject } from './apply-object.ts';

const deployment = (affinity?: object, securityContext?: object) =>
  objectOf('apps/v1', 'Deployment', {
    spec: {
      template: {
        spec: {
          containers: [{ name: 'side' }, { name: 'web', ...(securityContext ? { securityContext } : {}) }],
          ...(affinity ? { affinity } : {}),
        },
      },
    },
  });

test('what was full and is to be empty is applied twice, what was not there once', async () => {
  const wanted = deployment({}, {});
  const full = { nodeAffinity: {} };
  for (const [former, calls] of [
    [undefined, 1],
    [deployment(), 1],
    [deployment(full), 2],
    [deployment(undefined, { privileged: true }), 2],
  ] as const) {
    let applies = 0;
    const kube = fakeKube({
      // The server takes away what the last one to hold it does not hold any more.
      apply: async () => (++applies === 1 ? deployment() : wanted),
    });
    const context = { ports: { kube, clock: { monotonicMs: () => 0 } } } as unknown as WaitContext;
    await applyObject(wanted, context, { former });
    assert.equal(applies, calls, JSON.stringify(former));
  }
});

test('a custom resource’s map that is to be empty goes before it comes again empty', async () => {
  const gear = (spec: object) => objectOf('example.com/v1', 'Gear', { spec });
  const live = gear({
    words: { a: 'x' },
    in: { words: { a: 'x' } },
    list: [{ name: 'b', set: ['x'] }],
    kept: {},
  });
  const wanted = gear({ words: {}, in: { words: {} }, list: [{ name: 'b', set: [] }], kept: {} });
  const applied: unknown[] = [];
  const kube = fakeKube({
    apply: async (object) => {
      applied.push(object['spec']);
      if (applied.length > 1) return object;
      const message = 'spec.words: Invalid value: "null": spec.words in body must be of type object: "null"';
      throw new KubeStatusError({ status: 422, reason: 'Invalid', message });
    },
  });
  const context = { ports: { kube, clock: { monotonicMs: () => 0 } } } as unknown as WaitContext;
  await applyObject(wanted, context, { former: live });
  assert.deepEqual(applied, [wanted['spec'], { list: [{ name: 'b' }], kept: {} }, wanted['spec']]);
});

test('a list that was full and is to be empty is applied twice where it is lost', async () => {
  const gear = (spec: object) => objectOf('example.com/v1', 'Gear', { spec });
  for (const [former, there, calls] of [
    [{ set: ['a'] }, {}, 2],
    [{ set: ['a'] }, { set: [] }, 1],
    [{ set: [] }, {}, 1],
    [{}, {}, 1],
  ] as const) {
    let applies = 0;
    const kube = fakeKube({ apply: async () => (++applies === 1 ? gear(there) : gear({ set: [] })) });
    const context = { ports: { kube, clock: { monotonicMs: () => 0 } } } as unknown as WaitContext;
    await applyObject(gear({ set: [] }), context, { former: gear(former) });
    assert.equal(applies, calls, JSON.stringify([former, there]));
  }
});
