import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealthRules } from '../health/health-rules.ts';
import { objectOf } from '../testing/objects.ts';
import { isUnanswered, judgeAnswered, waitModeOf } from './wait-mode.ts';

const kinds = {
  find: () => ({ resource: 'widgets', namespaced: true, from: 'cluster' as const, subresources: ['status'] }),
};
const widget = (fields: object = {}) => objectOf('example.com/v1', 'Widget', { ...fields });

test('the annotation says how an object is waited for, and a misspelling is the strictest', () => {
  const modeOf = (value: string) =>
    waitModeOf(objectOf('v1', 'Pod', { metadata: { annotations: { 'zakenak.dev/wait': value } } }));
  assert.deepEqual(['ignore', 'warn', 'require', 'ignroe', ''].map(modeOf), [
    'ignore',
    'warn',
    'require',
    'require',
    'require',
  ]);
  assert.equal(waitModeOf(objectOf('v1', 'Pod')), undefined);
});

test('a custom resource is answered by a generation or a condition, not by other parts of its status', () => {
  assert.equal(isUnanswered(widget(), kinds), true);
  assert.equal(isUnanswered(widget({ status: { phase: 'New' } }), kinds), true);
  assert.equal(isUnanswered(widget({ status: { observedGeneration: 1 } }), kinds), false);
  assert.equal(isUnanswered(widget({ status: { conditions: [{ type: 'Ready' }] } }), kinds), false);
});

test('only custom resources with a status are waited for an answer', () => {
  const plain = {
    find: () => ({ resource: 'widgets', namespaced: true, from: 'cluster' as const, subresources: [] }),
  };
  assert.equal(isUnanswered(widget(), plain), false);
  assert.equal(isUnanswered(widget(), undefined), false);
  for (const own of ['v1', 'batch/v1', 'networking.k8s.io/v1', 'flowcontrol.apiserver.k8s.io/v1'])
    assert.equal(isUnanswered(objectOf(own, 'Thing'), kinds), false, own);
  assert.equal(isUnanswered(objectOf('gateway.networking.k8s.io/v1', 'Gateway'), kinds), true);
});

test('a rule that only tells of failures leaves the first word to the controller', () => {
  const judge = createHealthRules([
    { apiVersion: 'example.com/v1', kind: 'Widget', failed: "status.phase == 'Broken'" },
  ]);
  assert.equal(judgeAnswered(widget(), { ...kinds, judge }).state, 'progressing');
  assert.equal(isUnanswered(widget(), { ...kinds, judge }), true);
  assert.equal(judgeAnswered(widget({ status: { phase: 'Broken' } }), { ...kinds, judge }).state, 'failed');
});

test('an unanswered object is on its way, and a failure stays one', () => {
  assert.equal(judgeAnswered(widget(), kinds).state, 'progressing');
  const stalled = { conditions: [{ type: 'Stalled', status: 'True', message: 'no' }] };
  assert.equal(judgeAnswered(widget({ status: stalled }), kinds).state, 'failed');
});
