import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '@zakenak/config';
import { cliPath } from './cli-fixture.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/drift.md'), 'utf8');
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text]) =>
    name === language ? [text ?? ''] : [],
  );

test('the zakenak.yaml of the page loads without a finding', () => {
  const { config, findings } = parseConfig(blocks('yaml')[0] ?? '');
  assert.deepEqual(findings, []);
  assert.equal(config.drift?.ignore?.length, 4);
  assert.deepEqual(
    config.deploy?.conflicts?.map(({ decision }) => decision),
    ['take', 'refuse'],
  );
  assert.equal(config.deploy?.releases?.[0]?.drift?.ignore?.length, 1);
});

test('every command of the page has its verb, its flags and its words', () => {
  const commands = blocks('sh')
    .concat(blocks('yaml')[1] ?? '')
    .flatMap((text) => [...text.matchAll(/zakenak (\w+)([^#\n]*)/g)]);
  assert.ok(commands.length >= 7);
  for (const [, verb = '', rest = ''] of commands) {
    const { stdout, status } = spawnSync(process.execPath, [cliPath, verb, '--help'], { encoding: 'utf8' });
    assert.equal(status, 0, verb);
    for (const [flag] of rest.matchAll(/--[a-z-]+/g))
      assert.match(stdout, new RegExp(`^  ${flag}(?: |$)`, 'm'), `${verb} ${flag}`);
    for (const [, mode = ''] of rest.matchAll(/--mode (\w+)/g)) assert.ok(stdout.includes(mode), mode);
  }
});
