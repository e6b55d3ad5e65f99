import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineSpec } from '@zakenak/core';
import { parseArguments, takeWords, unknownFlag } from './arguments.ts';
import { wantsColour } from './colour.ts';
import { asksForJson, leadingFlagsLast } from './shell-flags.ts';

const { inputs } = defineSpec({
  name: 'x',
  verb: 'x',
  summary: '',
  inputs: {
    charts: { type: 'list', description: '' },
    strict: { type: 'boolean', description: '' },
    level: { type: 'string', description: '' },
  },
  outputs: {},
});

const parse = (...argv: string[]) => Object.fromEntries(parseArguments('x', inputs, argv).inputs);

test('flags are read in every way they can be written', () => {
  assert.deepEqual(parse('--level', 'a', '--strict'), { level: 'a', strict: 'true' });
  assert.deepEqual(parse('--level=--a', '--no-strict'), { level: '--a', strict: 'false' });
  assert.deepEqual(parse('--strict', 'false', '--level', '-1'), { strict: 'false', level: '-1' });
  assert.deepEqual(parse('--charts', 'a', '--charts=b', '--level', 'x', '--level', 'y'), {
    charts: 'a\nb',
    level: 'y',
  });
});

test('words are the first input, also those after -- that look like flags', () => {
  const words = (...argv: string[]) =>
    Object.fromEntries(takeWords('x', inputs, parseArguments('x', inputs, argv)));
  assert.deepEqual(words('a', '--strict', 'b'), { charts: 'a\nb', strict: 'true' });
  assert.deepEqual(words('--', '--strict'), { charts: '--strict' });
  assert.throws(() => words('a', '--charts', 'b'), { code: 'usage/unexpected-word' });
});

test('what is no flag is refused with the nearest one', () => {
  assert.throws(() => parse('--lvel'), { code: 'usage/unknown-flag', remedy: 'Write --level.' });
  assert.throws(() => parse('-s'), { code: 'usage/unknown-flag' });
  assert.throws(() => parse('--no-level'), { code: 'usage/unknown-flag' });
  assert.throws(() => parse('--no-strict=true'), { code: 'usage/unknown-flag' });
  assert.throws(() => parse('--level'), { code: 'usage/missing-value' });
});

test('a flag by which helm is told values is answered with where they belong, not with a flag that looks like it', () => {
  const known = ['environment', 'test', 'plan'];
  for (const flag of ['--set', '--set-file', '--values', '-f']) {
    const { message, remedy } = unknownFlag('deploy', flag, known);
    assert.equal(message, `zakenak deploy has no flag ${flag}.`);
    assert.match(remedy, /zakenak\.yaml/);
  }
  assert.match(unknownFlag('build', '--set', ['image']).remedy, /--help/);
});

test('the shell’s own flags may come first', () => {
  assert.deepEqual(leadingFlagsLast(['--json', '--directory', 'd', 'lint', 'a']), [
    ...['lint', 'a', '--json', '--directory', 'd'],
  ]);
  assert.deepEqual(leadingFlagsLast(['--quiet']), []);
  assert.deepEqual(leadingFlagsLast(['--help']), ['--help']);
  assert.deepEqual([['--json'], ['--json=true'], ['--json=false'], []].map(asksForJson), [
    ...[true, true, false, false],
  ]);
});

test('colours follow NO_COLOR, FORCE_COLOR, TERM and the terminal, in this order', () => {
  assert.equal(wantsColour({}, true), true);
  assert.equal(wantsColour({}, undefined), false);
  assert.equal(wantsColour({ TERM: 'dumb' }, true), false);
  assert.equal(wantsColour({ NO_COLOR: '' }, true), true);
  assert.equal(wantsColour({ NO_COLOR: '1', FORCE_COLOR: '1' }, true), false);
  assert.equal(wantsColour({ FORCE_COLOR: '1' }, false), true);
  assert.equal(wantsColour({ FORCE_COLOR: '0' }, true), false);
});
