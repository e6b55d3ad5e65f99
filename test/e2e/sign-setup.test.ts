import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setupSigning, signSpec, verifyCommits } from '@zakenak/commits';
import { parseInputs } from '@zakenak/core';
import { address, makeRepository } from './commits-fixture.ts';

test('after the setup plain git commits are signed and verify, and a second setup changes nothing', async (t) => {
  const { root, git, run, makeSshKey, gitSaysGood, ports, request } = await makeRepository(t);
  const key = await makeSshKey();
  const inputs = (values: Record<string, string>) => parseInputs(signSpec, (name) => values[name]);
  const wanted = inputs({ key: `${key.path}.pub`, principal: address });
  const first = await setupSigning(wanted, ports);
  assert.equal((first.outputs.changed as unknown[]).length, 6);
  assert.deepEqual((await setupSigning(wanted, ports)).outputs.changed, []);
  const lines = (await readFile(`${root}/.zakenak/allowed_signers`, 'utf8')).split('\n');
  assert.equal(lines.length, 2);
  const identity = { NAME: 'signer', EMAIL: address };
  const env = Object.fromEntries(
    Object.entries(identity).flatMap(([name, value]) => [
      [`GIT_AUTHOR_${name}`, value],
      [`GIT_COMMITTER_${name}`, value],
    ]),
  );
  run('git', ['commit', '-q', '--allow-empty', '-m', 'signed'], env);
  assert.equal(gitSaysGood(git('rev-parse', 'HEAD')), true);
  assert.equal((await verifyCommits(request(), ports)).verdict, 'passed');
  await assert.rejects(
    setupSigning(inputs({ key: `${root}/.zakenak/allowed_signers`, principal: 'x' }), ports),
    {
      code: 'commits/bad-signing-key',
    },
  );
  git('config', 'user.email', '');
  await assert.rejects(setupSigning(inputs({ key: `${key.path}.pub` }), ports), {
    code: 'commits/no-identity',
  });
  await assert.rejects(setupSigning(inputs({ key: `${key.path}.pub`, principal: '*' }), ports), {
    code: 'commits/no-identity',
  });
});
