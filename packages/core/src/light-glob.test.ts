import assert from 'node:assert/strict';
import { matchesGlob } from 'node:path';
import { test } from 'node:test';
import { assertLightGlob } from './light-glob.ts';

const light = [
  'ci/*-values.yaml',
  '**/crds/**/*.{yaml,yml}',
  'charts/{a,b,c}/templates/{*.yaml,*.yml,*.tpl,_*.tpl}',
  '*foo*bar*baz*',
  'a/*b*c/*d*e/*f*g/*',
  '{1..100}.yaml',
  '[*{+]',
  '**',
  '{a,{b,c}}/x',
  '{',
  'a\\*',
  'charts/!(vendor)/values.@(yaml|yml)',
  '!(*.test).?(c|m)ts',
  'notes (old)/*.yaml',
];

test('patterns that people write are taken', () => {
  for (const pattern of light) assert.doesNotThrow(() => assertLightGlob(pattern), pattern);
});

test('patterns that take exponential or nearly as much time are refused', () => {
  for (const pattern of [
    '*a*a*a*a',
    '{*a*a,x}*a*a',
    '{*,*a*a*a*}b',
    '{a,b}'.repeat(9),
    '{{a,b},{c,d}}'.repeat(5),
    '{1..1000}',
    '{-999999999..999999999}',
    '+(a|aa)b',
    '*(a|aa)b',
    '**/a/**/a/**/a/**/a/**/b',
    `${'?(a)'.repeat(28)}b`,
    `${'@(a|a)'.repeat(24)}b`,
    `${'@(a|@(a|a))'.repeat(16)}b`,
    `${'!(x)'.repeat(4)}y`,
    '!(*a*a)!(b)c',
  ])
    assert.throws(() => assertLightGlob(pattern), { code: 'input/heavy-glob', exitCode: 2 }, pattern);
});

test('the heaviest patterns that are taken take no time on the worst of names', () => {
  const name = 'a'.repeat(255);
  const path = Array.from({ length: 16 }, () => name).join('/');
  for (const pattern of [
    '*a*a*ab',
    '{*a*a*a,*a*a*a}b',
    '**/*a*a*a/**/*a*a*a/**/*a*a*a/**/b',
    '{a,b}'.repeat(8),
    `${'@(a|a)'.repeat(8)}b`,
    `${'?(a)'.repeat(8)}b`,
    `${'!(x)'.repeat(3)}b`,
    '!(*a*a)b',
    '!(x)*a*ab',
  ]) {
    assertLightGlob(pattern);
    const started = performance.now();
    matchesGlob(pattern.includes('/') ? path : name, pattern);
    assert.ok(performance.now() - started < 2_000, pattern);
  }
});
