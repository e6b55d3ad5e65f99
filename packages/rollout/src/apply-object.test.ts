import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyObject } from './apply-object.ts';
import { fakeKube, objectOf } from './testing/objects.ts';
import type { WaitContext } from './wait.ts';

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
