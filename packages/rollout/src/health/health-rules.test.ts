import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condition, objectOf } from '../testing/objects.ts';
import { createHealthRules, type HealthRule } from './health-rules.ts';

const rule = (more: Partial<HealthRule>): HealthRule => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  ...more,
});
const widget = (status: object | undefined, metadata: object = {}) =>
  objectOf('example.com/v1', 'Widget', { metadata, spec: { size: 2 }, ...(status ? { status } : {}) });
const stateOf = (rules: readonly HealthRule[], status: object | undefined, metadata?: object) =>
  createHealthRules(rules)(widget(status, metadata))?.state;

for (const [name, more, status, state] of [
  ['a true expression', { ready: "status.phase == 'Up'" }, { phase: 'Up' }, 'ready'],
  ['a false one', { ready: "status.phase == 'Up'" }, { phase: 'Down' }, 'progressing'],
  ['a field that is not there', { ready: "status.phase == 'Up'" }, {}, 'progressing'],
  ['no status at all', { ready: "status.phase == 'Up'" }, undefined, 'progressing'],
  ['what is no truth value', { ready: 'status.phase' }, { phase: 'Up' }, 'progressing'],
  ['integers and floats', { ready: 'status.n == 3 && status.n > 2.5 && spec.size == 2' }, { n: 3 }, 'ready'],
  [
    'conditions as Flux writes them',
    { ready: "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')" },
    { conditions: [condition('Ready', 'True')] },
    'ready',
  ],
  ['a condition by name', { condition: 'Synced' }, { conditions: [condition('Synced', 'True')] }, 'ready'],
  [
    'a condition that is false',
    { condition: 'Synced' },
    { conditions: [condition('Synced', 'False')] },
    'progressing',
  ],
  ['a failure', { ready: 'true', failed: "status.phase == 'Broken'" }, { phase: 'Broken' }, 'failed'],
  ['a failure alone, else kstatus', { failed: "status.phase == 'Broken'" }, { phase: 'x' }, undefined],
  [
    'a status of an older generation',
    { ready: "status.phase == 'Up'" },
    { phase: 'Up', observedGeneration: 1 },
    'progressing',
  ],
  [
    'a status of an older generation, written as text',
    { ready: "status.phase == 'Up'" },
    { phase: 'Up', observedGeneration: '1' },
    'progressing',
  ],
  [
    'a condition of an older generation',
    { condition: 'Synced' },
    { conditions: [{ ...condition('Synced', 'True'), observedGeneration: 1 }] },
    'progressing',
  ],
  [
    'a condition of this generation',
    { condition: 'Synced' },
    { conditions: [{ ...condition('Synced', 'True'), observedGeneration: 2 }] },
    'ready',
  ],
] as const)
  test(`an object is judged by its kind’s rule: ${name}`, () => {
    assert.equal(stateOf([rule(more)], status, { generation: 2 }), state);
  });

test('an object without rule or expression is left to the general judgement, and one’s own expression wins', () => {
  assert.equal(stateOf([], { phase: 'Up' }), undefined);
  assert.equal(stateOf([rule({ kind: 'Gadget', ready: 'false' })], {}), undefined);
  const own = { annotations: { 'zakenak.dev/ready-when': "status.phase == 'Up'" } };
  assert.equal(stateOf([rule({ ready: 'false' })], { phase: 'Up' }, own), 'ready');
  const broken = { annotations: { 'zakenak.dev/failed-when': "status.phase == 'Up'" } };
  assert.equal(stateOf([rule({ ready: 'true' })], { phase: 'Up' }, broken), 'failed');
});

for (const [name, text, reason] of [
  ['bad syntax', 'status.', /Expected IDENTIFIER/],
  ['an unknown name', "statsu.phase == 'Up'", /statsu/],
  ['a number', '1 + 2', /of type int/],
  ['types that do not fit', "1 == 'a'", /int/],
  ['too large a one', Array.from({ length: 400 }, () => 'true').join(' && '), /./],
] as const)
  test(`an expression that cannot be used is refused before anything is looked at: ${name}`, () => {
    assert.throws(
      () => createHealthRules([rule({ ready: text })]),
      (error: { code?: string; message: string }) =>
        error.code === 'rollout/bad-expression' && reason.test(error.message),
    );
  });

test('an expression that would run for ever ends as not yet', () => {
  const items = Array.from({ length: 400 }, (_, index) => index);
  const nested = 'status.l.all(a, status.l.all(b, status.l.all(c, status.l.all(d, a + b + c + d >= 0))))';
  for (const [ready, status] of [
    [nested, { l: items }],
    ["status.text.matches('^(a+)+$')", { text: `${'a'.repeat(40)}!` }],
  ] as const) {
    const started = performance.now();
    assert.equal(stateOf([rule({ ready })], status), 'progressing');
    assert.ok(performance.now() - started < 5_000);
  }
});

test('what keeps an expression from having a value is told', () => {
  const reasonOf = (ready: string, status: object) =>
    createHealthRules([rule({ ready })])(widget(status))?.reason;
  assert.equal(
    reasonOf('status.n / 0 == 1', { n: 1 }),
    'status.n / 0 == 1 is not true yet (division by zero)',
  );
  assert.equal(reasonOf('status.n == 1', {}), 'status.n == 1 is not true yet (No such key: n)');
  assert.equal(reasonOf('status.n == 1', { n: 2 }), 'status.n == 1 is not true yet');
});
