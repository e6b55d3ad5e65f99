import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor } from '@zakenak/core';
import { fakeProcess } from '@zakenak/core/testing';
import { runTemplate } from './helm-template.ts';
import { looksUp } from './lookup.ts';

const lookup = ['--dry-run=server'];
const notServed = 'Error: unable to build kubernetes objects: no matches for kind "Gear" in version "v1"';

/** A helm that says `stderr` where it is to look up. */
function helm(stderr: string) {
  const runs: (readonly string[])[] = [];
  const run = async ({ args = [] }: { readonly args?: readonly string[] }) => {
    runs.push(args);
    const fails = args.includes('--dry-run=server');
    return {
      exitCode: fails ? 1 : 0,
      stdout: fails ? '' : 'text',
      stderr: fails ? stderr : '',
      durationMs: 0,
    };
  };
  const ports = { process: { ...fakeProcess([]), run }, redactor: createRedactor() };
  const template = { release: 'web', args: ['template'], lookup, input: '{}' };
  const render = (mayGuess: boolean) =>
    runTemplate({ ...template, mayGuess }, { values: {}, deployed: undefined }, ports);
  return { runs, render };
}

test('where a kind is not served yet it is rendered without looking up, unless a password might be made anew', async () => {
  const { runs, render } = helm(notServed);
  assert.deepEqual(await render(true), { text: 'text', isLookedUp: false });
  assert.deepEqual(runs, [['template', ...lookup], ['template']]);
  await assert.rejects(render(false), { code: 'rollout/render-failed', message: /no matches for kind/ });
});

test('a lookup that is forbidden, or any other failure, is one', async () => {
  const { runs, render } = helm('Error: secrets "a" is forbidden: User "ci" cannot get resource "secrets"');
  await assert.rejects(render(true), { code: 'rollout/render-failed', message: /forbidden/ });
  assert.equal(runs.length, 1);
});

test('a call of lookup is told from the word', () => {
  for (const call of [
    'lookup "v1" "Secret"',
    '(lookup $api',
    'lookup .Values.a',
    'lookup (print "v1")',
    'lookup \\"v1\\"',
  ])
    assert.ok(looksUp(call), call);
  for (const word of ['# a lookup of names', 'lookups "a"', 'dnslookup "a"', 'lookup: true'])
    assert.ok(!looksUp(word), word);
});
