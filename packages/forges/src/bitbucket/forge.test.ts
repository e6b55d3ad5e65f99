import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createFinding, type Forge, type Severity } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { createHttp } from '@zakenak/machine';
import { bitbucketUser, startBitbucket } from '../testing/bitbucket.ts';
import { holdFirstLists } from '../testing/stand-in.ts';
import { createBitbucketForge } from './forge.ts';
import { createBitbucketInsights } from './insights.ts';

const sha = 'a'.repeat(40);
const comment = { pullRequest: 7, marker: 'zakenak:check', body: 'first' };
const place = { workspace: 'acme', repo: 'platform' };

async function start(t: TestContext, token = 'none') {
  const bitbucket = await startBitbucket('none');
  t.after(() => bitbucket.close());
  const clock = fakeClock();
  const reach = { ...place, http: createHttp(), clock };
  const forge = (): Forge =>
    createBitbucketForge({
      ...reach,
      repositoryUrl: 'https://bitbucket.org/acme/platform',
      token,
      apiUrl: `${bitbucket.origin}/2.0`,
    });
  const insights = createBitbucketInsights({ ...reach, proxy: bitbucket.origin });
  const alive = () => bitbucket.comments.filter(({ deleted }) => !deleted);
  return { bitbucket, forge, insights, alive, clock };
}

const other = (id: number, raw: string, user = { uuid: '{b}', type: 'user' }) => ({
  id,
  content: { raw },
  user,
  deleted: false,
});

test('Bitbucket’s one comment is found on a later page and replaced, and nobody else’s counts', async (t) => {
  const { bitbucket, forge, alive } = await start(t);
  const marker = '[//]: # (zakenak:check)';
  for (let id = 1; id <= 250; id += 1)
    bitbucket.comments.push(other(id, id === 4 ? `${marker}\n\nforged` : 'x'));
  bitbucket.comments.push({ ...other(251, `${marker}\n\nold`, bitbucketUser), deleted: true });
  const url = await forge().upsertComment(comment);
  assert.equal(url, 'https://bitbucket.org/acme/platform/pull-requests/7#comment-252');
  assert.equal(await forge().upsertComment({ ...comment, body: '🧪'.repeat(20_000) }), url);
  assert.equal(alive().length, 251);
  assert.equal(bitbucket.comments[3]?.content.raw, `${marker}\n\nforged`);
  const raw = bitbucket.comments[251]?.content.raw ?? '';
  assert.ok(raw.length <= 32_768 && raw.length > 32_700);
  assert.match(raw, /^\[\/\/\]: # \(zakenak:check\)\n\n(🧪)+\n\n_Cut at the forge’s limit/u);
});

test('a repository’s token may not ask who it is: its comment is an app’s', async (t) => {
  const { bitbucket, forge, alive } = await start(t);
  bitbucket.personal = false;
  bitbucket.comments.push(other(1, '[//]: # (zakenak:check)\n\nforged'));
  for (let round = 0; round < 2; round += 1) await forge().upsertComment(comment);
  assert.deepEqual(
    alive().map(({ content }) => content.raw),
    ['[//]: # (zakenak:check)\n\nforged', '[//]: # (zakenak:check)\n\nfirst'],
  );
});

test('what a report has in HTML is Markdown on Bitbucket, which shows HTML as text; code stays as it is', async (t) => {
  const { forge, alive } = await start(t);
  const body = [
    '| a | b<br>c |',
    '<details><summary>Plan</summary>',
    '',
    '```',
    'a <br> b',
    '```',
    '',
    '</details>',
    'end',
  ];
  await forge().upsertComment({ ...comment, body: body.join('\n') });
  assert.equal(
    alive()[0]?.content.raw,
    '[//]: # (zakenak:check)\n\n| a | b — c |\n**Plan**\n\n```\na <br> b\n```\n\nend',
  );
});

test('two jobs that comment at once leave one comment', async (t) => {
  const { bitbucket, forge, alive } = await start(t);
  holdFirstLists(bitbucket, /comments$/);
  await Promise.all(['one', 'two'].map((body) => forge().upsertComment({ ...comment, body })));
  assert.equal(bitbucket.comments.length, 2, 'both found none and made one');
  assert.equal(alive().length, 1);
  assert.equal(alive()[0]?.id, 1);
});

test('Bitbucket’s status has one key, so it is one, and always an address', async (t) => {
  const { bitbucket, forge } = await start(t);
  const status = { sha, context: 'zakenak', description: 'd'.repeat(999) };
  await forge().setStatus({
    ...status,
    state: 'pending',
    url: 'https://bitbucket.org/acme/platform/pipelines/results/3',
  });
  for (const state of ['success', 'error', 'failure'] as const) await forge().setStatus({ ...status, state });
  assert.equal(bitbucket.statuses.size, 1);
  const { state, url, description } = bitbucket.statuses.get('zakenak') ?? {};
  assert.deepEqual([state, url], ['FAILED', 'https://bitbucket.org/acme/platform']);
  assert.equal(String(description).length, 255);
});

test('Code Insights: a report without a token through the proxy, whose annotations replace the last run’s', async (t) => {
  const { bitbucket, insights } = await start(t);
  const make = (index: number, severity: Severity = 'high') =>
    createFinding({
      ruleId: 'chart/broken',
      severity,
      message: index === 0 ? 'm\n'.repeat(600) : `m${index}`,
      ...(index % 2 ? { location: { path: 'a b/c.yaml', ...(index > 2 ? { startLine: index } : {}) } } : {}),
      tool: 'helm',
      remedy: 'r'.repeat(3_000),
    });
  const report = { sha, tool: 'check', passed: false, summary: 's', total: 1_300 };
  const many = Array.from({ length: 1_200 }, (_, index) =>
    make(index % 600, index % 3 ? 'info' : 'critical'),
  );
  await insights.publish({ ...report, findings: many, url: 'https://bitbucket.org/x' });
  const written = bitbucket.reports.get('zakenak-check');
  assert.equal(written?.annotations.size, 1_000);
  assert.deepEqual(written?.report['data'], [
    { type: 'NUMBER', title: 'Findings', value: 1_300 },
    { type: 'NUMBER', title: 'Not annotated', value: 300 },
  ]);
  await insights.publish({ ...report, passed: true, findings: [make(3)], total: 1 });
  const again = bitbucket.reports.get('zakenak-check');
  assert.equal(again?.report['result'], 'PASSED');
  const [only] = [...(again?.annotations.values() ?? [])];
  assert.equal(again?.annotations.size, 1);
  assert.deepEqual([only?.['path'], only?.['line'], only?.['severity']], ['a b/c.yaml', 3, 'HIGH']);
  await insights.publish({ ...report, findings: [], total: 0 });
  assert.equal(bitbucket.reports.get('zakenak-check')?.annotations.size, 0);
});

test('Bitbucket in trouble is asked again as it says, and gives up in the end', async (t) => {
  const { bitbucket, forge, alive, clock } = await start(t);
  const started = clock.monotonicMs();
  bitbucket.faults.push(
    { on: /GET .*comments/, reply: { status: 429, headers: { 'retry-after': '7' } } },
    { on: /POST .*comments/, reply: { status: 500, data: 'oops' } },
    { on: /POST .*comments/, reply: { status: 503 } },
  );
  await forge().upsertComment(comment);
  assert.equal(clock.monotonicMs() - started, 7_000 + 1_000 + 2_000);
  assert.equal(alive().length, 1);
  for (const wait of ['3600', 'Thu, 01 Jan 2026 01:00:00 GMT']) {
    bitbucket.faults.push({ on: /GET .*comments/, reply: { status: 429, headers: { 'retry-after': wait } } });
    await assert.rejects(forge().upsertComment(comment), { code: 'forge/rate-limited', exitCode: 4 });
  }
  for (let left = 4; left > 0; left -= 1) bitbucket.faults.push({ on: /statuses/, reply: { status: 502 } });
  await assert.rejects(forge().setStatus({ sha, context: 'zakenak', state: 'success', description: 'd' }), {
    code: 'forge/unreachable',
  });
  assert.deepEqual(bitbucket.faults, []);
});

test('a refusal is a coded error, and the token goes to no other origin', async (t) => {
  const { bitbucket, forge } = await start(t);
  const elsewhere = await startBitbucket('none');
  t.after(() => elsewhere.close());
  const next = `${elsewhere.origin}/2.0/repositories/acme/platform/pullrequests/7/comments?page=2`;
  bitbucket.faults.push({ on: /comments/, reply: { status: 200, data: { values: [], next } } });
  await assert.rejects(forge().upsertComment(comment), /another origin/);
  bitbucket.faults.push({ on: /comments/, reply: { status: 302, headers: { location: next } } });
  await assert.rejects(forge().upsertComment(comment), /302 a redirect, which is not followed/);
  assert.deepEqual(elsewhere.calls, []);
  await assert.rejects(forge().upsertComment({ ...comment, pullRequest: 8 }), { code: 'forge/not-found' });
  bitbucket.faults.push({
    on: /POST/,
    reply: { status: 409, data: { error: { message: 'Changed meanwhile' } } },
  });
  await assert.rejects(forge().upsertComment(comment), /409 Changed meanwhile/);
  const { forge: stranger } = await start(t, 'wrong');
  await assert.rejects(stranger().upsertComment(comment), { code: 'forge/forbidden', exitCode: 4 });
  assert.equal(await stranger().requiresSignatures(), undefined);
});
