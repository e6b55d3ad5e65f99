import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asZakenakError, exitCodes, ZakenakError } from './error.ts';
import { createFinding } from './finding.ts';
import { nearest } from './nearest.ts';
import { tellPolicyEdits } from './policy-edits.ts';
import { KubeStatusError } from './ports/kube.ts';
import { createRedactor, redactDeep } from './redactor.ts';
import { createErrorReport, createReport, exitCodeOf } from './report.ts';
import { defineSpec, namesOf, parseInputs, readByAnyName } from './spec.ts';

const high = createFinding({ ruleId: 'a/b', severity: 'high', message: 'm', tool: 't' });

test('a report fails on a finding at its threshold and passes below it', () => {
  assert.equal(createReport({ tool: 't', findings: [high] }).verdict, 'failed');
  assert.equal(createReport({ tool: 't', findings: [high], failOn: 'critical' }).verdict, 'passed');
  assert.equal(exitCodeOf(createReport({ tool: 't', findings: [high] })), 1);
});

test('the worst part decides the verdict of a chain', () => {
  const passed = createReport({ tool: 'a' });
  const rolledBack = createReport({ tool: 'b', verdict: 'rolled-back' });
  assert.equal(createReport({ tool: 'all', parts: [passed, rolledBack] }).verdict, 'rolled-back');
  assert.equal(exitCodeOf(rolledBack), 1);
});

test('an error report keeps the exit code of its error', () => {
  const error = new ZakenakError({ code: 'x/y', message: 'm', remedy: 'Do.', exitCode: exitCodes.missing });
  assert.equal(exitCodeOf(createErrorReport('t', error)), 3);
  const chain = createReport({ tool: 'all', parts: [createErrorReport('t', error)] });
  assert.equal(chain.verdict, 'errored');
  assert.equal(exitCodeOf(chain), 3);
});

test('what is no ZakenakError is our own bug', () => {
  assert.equal(asZakenakError(new TypeError('oops')).exitCode, 70);
  const refusal = new KubeStatusError({ status: 500, reason: 'InternalError', message: 'no leader' });
  assert.deepEqual([asZakenakError(refusal).code, asZakenakError(refusal).exitCode], ['kube/refused', 4]);
});

test('a fingerprint survives a line move and differs between rules', () => {
  const at = (startLine: number) =>
    createFinding({ ...high, location: { path: 'a', startLine } }).fingerprint;
  assert.equal(at(1), at(2));
  assert.notEqual(at(1), createFinding({ ...high, ruleId: 'a/c', location: { path: 'a' } }).fingerprint);
});

test('the redactor masks a secret in every form it may appear in', () => {
  const redactor = createRedactor();
  const secret = 'pa"ss wörd\nsecond-line';
  redactor.add(secret);
  const forms = [
    secret,
    Buffer.from(secret).toString('base64'),
    encodeURIComponent(secret),
    JSON.stringify(secret),
    'second-line',
  ];
  for (const form of forms)
    assert.match(redactor.redact(`before ${form} after`), /^before "?\*\*\*.*after$/s);
  assert.ok(!forms.some((form) => redactor.redact(forms.join(' ')).includes(form)));
});

test('the redactor finds a secret inside of base64, in hex, and in JSON and addresses as others escape them', () => {
  const redactor = createRedactor();
  const secret = 'a<b&"c\\d*(long) secret';
  redactor.add(secret);
  const json = JSON.stringify({ secret });
  const forms = [
    Buffer.from(`user:${secret}`).toString('base64'),
    Buffer.from(`users:${secret}:more`).toString('base64url'),
    Buffer.from(`use:${secret}`).toString('base64'),
    Buffer.from(secret).toString('hex'),
    JSON.stringify({ json }),
    json.replaceAll('<', '\\u003c').replaceAll('&', '\\u0026'),
    new URLSearchParams({ secret }).toString(),
    encodeURIComponent(secret).toLowerCase(),
  ];
  for (const form of forms) assert.match(redactor.redact(form), /^.{0,24}\*\*\*.{0,12}$/, form);
});

test('lines of a secret that only give it structure are not masked wherever they stand', () => {
  const redactor = createRedactor();
  redactor.add('database:\n  password: hunter-two\n{\n');
  assert.equal(redactor.redact('database: none\n{'), 'database: none\n{');
  assert.equal(redactor.redact('- password: hunter-two'), '- ***');
});

test('everything in a report is redacted before it is rendered, whatever a renderer would escape', () => {
  const redactor = createRedactor();
  redactor.add('a*b_c<d>');
  const report = { summary: 'x a*b_c<d> y', parts: [{ list: ['a*b_c<d>', 1, null, true] }] };
  assert.deepEqual(redactDeep(report, redactor), {
    summary: 'x *** y',
    parts: [{ list: ['***', 1, null, true] }],
  });
});

test('the nearest candidate is offered only when it is near', () => {
  assert.equal(nearest('enviroment', ['environment', 'registry']), 'environment');
  assert.equal(nearest('xyz', ['environment', 'registry']), undefined);
  assert.equal(nearest('prd', ['prod']), 'prod');
  assert.equal(nearest('set', ['test']), undefined);
});

const spec = defineSpec({
  name: 'demo',
  verb: 'demo',
  summary: 's',
  inputs: {
    name: { type: 'string', description: 'd', required: true },
    count: { type: 'integer', description: 'd', default: 3 },
    wait: { type: 'duration', description: 'd', default: '5m' },
    items: { type: 'list', description: 'd' },
    mode: { type: 'choice', description: 'd', choices: ['a', 'b'], default: 'a' },
    dry: { type: 'boolean', description: 'd' },
  },
  outputs: {},
});

test('inputs are parsed to their types with defaults', () => {
  const inputs = parseInputs(
    spec,
    (name) => ({ name: ' x ', items: 'a, b\nc', dry: 'yes', wait: '1h30m' })[name],
  );
  assert.deepEqual(inputs, {
    name: 'x',
    count: 3,
    wait: 5_400_000,
    items: ['a', 'b', 'c'],
    mode: 'a',
    dry: true,
  });
});

test('an input that has a least takes no less, and one that may not be empty is not taken for none', () => {
  const strict = defineSpec({
    ...spec,
    inputs: {
      count: { type: 'integer', description: 'd', minimum: 1 },
      name: { type: 'string', description: 'd', notEmpty: true },
    },
  });
  const parse = (given: Record<string, string>) => () => parseInputs(strict, (name) => given[name]);
  assert.deepEqual(parse({ count: '1' })(), { count: 1, name: undefined });
  assert.throws(parse({ count: '0' }), { code: 'input/invalid', message: /whole number, 1 at least/ });
  assert.throws(parse({ name: ' ' }), { code: 'input/invalid', message: /'name' does not accept ""/ });
});

test('a bad input is refused with its name and what it takes', () => {
  const parse = (given: Record<string, string>) => () =>
    parseInputs(spec, (name) => ({ name: 'x', ...given })[name]);
  assert.throws(() => parseInputs(spec, () => ''), { code: 'input/missing' });
  for (const given of [{ count: '1.5' }, { wait: '5 parsecs' }, { mode: 'c' }, { dry: 'maybe' }] as Record<
    string,
    string
  >[]) {
    assert.throws(parse(given), { code: 'input/invalid', exitCode: 2 });
  }
});

const named = defineSpec({
  name: 'demo',
  verb: 'demo',
  summary: 's',
  inputs: {
    'fail-on': {
      type: 'choice',
      description: 'd',
      choices: ['low', 'high'],
      aliases: ['severity-threshold'],
    },
    format: { type: 'list', description: 'd', choices: ['json', 'sarif'] },
  },
  outputs: {},
});

test('an input is read by any of its names, and names that disagree are refused', () => {
  const parse = (given: Record<string, string>) => parseInputs(named, (name) => given[name]);
  assert.equal(parse({ 'severity-threshold': 'low' })['fail-on'], 'low');
  assert.equal(parse({ 'severity-threshold': ' low', 'fail-on': 'low ' })['fail-on'], 'low');
  assert.equal(parse({ 'severity-threshold': '', 'fail-on': 'high' })['fail-on'], 'high');
  assert.throws(() => parse({ 'severity-threshold': 'low', 'fail-on': 'high' }), {
    code: 'input/conflict',
    exitCode: 2,
    message: /'fail-on' and 'severity-threshold'/,
  });
  const read = readByAnyName(named.inputs, (name) => ({ 'severity-threshold': 'low' })[name]);
  assert.deepEqual([read('fail-on'), read('severity-threshold'), read('format')], ['low', 'low', undefined]);
  assert.deepEqual(Object.keys(namesOf(named.inputs)), ['fail-on', 'severity-threshold', 'format']);
  assert.equal(
    namesOf({ a: { type: 'string', description: '', default: 'x', aliases: ['b'] } }).b?.default,
    undefined,
  );
});

test('a list takes only what it knows, where it says what that is', () => {
  const parse = (format: string) => parseInputs(named, (name) => ({ format })[name]).format;
  assert.deepEqual(parse('sarif,\njson'), ['sarif', 'json']);
  assert.deepEqual(parse(''), []);
  assert.throws(() => parse('sarif,pdf'), { code: 'input/invalid', message: /"pdf".*json, sarif/ });
});

test('an edit of what judges is told, also of a file in a folder, and of one that was renamed away', () => {
  const changes = [
    { path: 'keys/a.asc', status: 'added' as const },
    { path: 'other', status: 'renamed' as const, from: 'baseline.json' },
    { path: 'keyring.md', status: 'added' as const },
  ];
  const told = tellPolicyEdits(['keys', 'baseline.json', 'keyring', 'signers'], changes);
  assert.deepEqual(
    told.map((line) => line.split(/[ ;]/)[3]),
    ['keys', 'baseline.json'],
  );
});
