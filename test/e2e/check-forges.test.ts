import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBitbucket } from '@zakenak/forges/testing';
import { runCli } from './cli-fixture.ts';
import { makeChange, plays } from './forges-fixture.ts';

const args = ['check', '--only', 'config,secrets', '--comment', '--status'];

test('on each forge the report is one comment with the same body and one status, and the token is nowhere else', async (t) => {
  const change = await makeChange(t);
  const bodies = new Map<string, string>();
  for (const [name, play] of Object.entries(plays)) {
    const { standIn, env, comments, statuses, address } = await play(change);
    t.after(() => standIn.close());
    for (let round = 0; round < 2; round += 1) {
      const { exitCode, stdout, stderr } = await runCli(args, { env });
      assert.equal(exitCode, 1, `${name}: ${stderr}`);
      assert.match(stderr, address);
      // Azure's own mask command is how its agent learns what to hide.
      const shown = `${stdout}${stderr}`.replace(/^##vso\[task\.setsecret\].*$|^::add-mask::.*$/gm, '');
      assert.ok(!shown.includes(change.token), name);
      assert.doesNotMatch(stderr, /did not reach/);
    }
    assert.equal(comments().length, 1, name);
    const state = { github: 'failure', gitlab: 'failed', bitbucket: 'FAILED', azure: 'failed' }[name];
    const context = name === 'azure' ? 'pullRequests/7' : 'zakenak';
    assert.deepEqual([...new Set(statuses())], [`${context} ${state}`]);
    bodies.set(name, comments()[0] ?? '');
  }
  const github = bodies.get('github') ?? '';
  assert.match(github, /^<!-- zakenak:check -->\n## ❌ check: failed/);
  assert.match(github, /<br>/);
  assert.equal(bodies.get('gitlab'), github);
  assert.equal(bodies.get('azure'), `active: ${github}`);
  // Bitbucket shows HTML as text: the marker and the line breaks in cells have another spelling there.
  assert.equal(
    bodies.get('bitbucket'),
    github.replace('<!-- zakenak:check -->\n', '[//]: # (zakenak:check)\n\n').replaceAll('<br>', ' — '),
  );
});

test('Bitbucket and Azure annotate the worst ten findings, count the others, and need no token for it', async (t) => {
  const change = await makeChange(t);
  const bitbucket = await startBitbucket(change.token);
  t.after(() => bitbucket.close());
  const played = await plays.bitbucket(change);
  t.after(() => played.standIn.close());
  const env = { ...played.env, BITBUCKET_TOKEN: undefined, ZAKENAK_BITBUCKET_PROXY: bitbucket.origin };
  const outcome = await runCli(args, { env });
  assert.equal(outcome.exitCode, 1);
  assert.match(outcome.stderr, /No token for the forge was given: comment and status were left out/);
  const { report, annotations } = bitbucket.reports.get('zakenak-check') ?? {};
  assert.equal(report?.['result'], 'FAILED');
  assert.deepEqual(report?.['data'], [
    { type: 'NUMBER', title: 'Findings', value: 12 },
    { type: 'NUMBER', title: 'Not annotated', value: 2 },
  ]);
  const first = [...(annotations?.values() ?? [])][0];
  assert.deepEqual([annotations?.size, first?.['path'], first?.['line']], [10, '0.env', 1]);
  assert.deepEqual(played.standIn.calls, []);
  const azure = await plays.azure(change);
  t.after(() => azure.standIn.close());
  const { stdout, stderr } = await runCli(['check', '--only', 'config,secrets'], {
    env: { ...azure.env, SYSTEM_ACCESSTOKEN: undefined },
  });
  const issues = stdout.match(/^##vso\[task\.logissue .*$/gm) ?? [];
  assert.equal(issues.length, 10);
  assert.match(
    issues[0] ?? '',
    /^##vso\[task\.logissue type=error;sourcepath=0\.env;linenumber=1;.*code=secret\/[\w-]+\]\S/,
  );
  assert.match(stderr, /2 more findings are in the summary/);
  assert.deepEqual(azure.standIn.calls, []);
});

test('what a token may not do is a warning: the verdict stays, and the status is set although the comment is not', async (t) => {
  const change = await makeChange(t);
  for (const name of ['bitbucket', 'azure'] as const) {
    const { standIn, env, statuses } = await plays[name](change);
    t.after(() => standIn.close());
    standIn.faults.push({
      on: /POST .*(comments|threads)$/,
      reply: { status: 403, data: { message: 'No' } },
    });
    const { exitCode, stderr } = await runCli(args, { env });
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /The report did not reach the forge: .* did not let us write the comment: 403 No/);
    assert.equal(statuses().length, 1, name);
  }
});
