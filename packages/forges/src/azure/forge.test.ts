import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fakeClock } from '@zakenak/core/testing';
import { createHttp } from '@zakenak/machine';
import { azureUser, startAzure } from '../testing/azure.ts';
import { holdFirstLists } from '../testing/stand-in.ts';
import { createAzureForge } from './forge.ts';

const sha = 'a'.repeat(40);
const comment = { pullRequest: 7, marker: 'zakenak:check', body: 'first' };

async function start(t: TestContext, token = 'none') {
  const azure = await startAzure('none');
  t.after(() => azure.close());
  const clock = fakeClock();
  const forge = createAzureForge({
    collectionUrl: `${azure.origin}/acme/`,
    repositoryId: 'r-1',
    repositoryUrl: 'https://acme@dev.azure.com/acme/platform/_git/platform',
    token,
    http: createHttp(),
    clock,
  });
  const alive = () => azure.threads.filter(({ isDeleted }) => !isDeleted);
  return { azure, forge, alive, clock };
}

const thread = (id: number, content: string, author: string) => ({
  id,
  status: 'active' as unknown,
  isDeleted: false,
  comments: [{ id: 1, content, author: { id: author } }],
});

test('Azure’s one thread is replaced, closed where nothing is wrong, and nobody else’s counts', async (t) => {
  const { azure, forge, alive } = await start(t);
  azure.threads.push(thread(1, '<!-- zakenak:check -->\nforged', 'u-2'), thread(2, 'other', azureUser));
  azure.threads.push({ ...thread(3, '<!-- zakenak:check -->\nold', azureUser), isDeleted: true });
  const url = await forge.upsertComment(comment);
  assert.equal(url, 'https://dev.azure.com/acme/platform/_git/platform/pullrequest/7?discussionId=104');
  assert.equal(alive()[2]?.status, 'active');
  assert.equal(await forge.upsertComment({ ...comment, body: 'x'.repeat(200_000), resolved: true }), url);
  assert.equal(alive().length, 3);
  assert.equal(alive()[2]?.status, 'closed');
  assert.equal(alive()[0]?.comments[0]?.content, '<!-- zakenak:check -->\nforged');
  const { content = '' } = alive()[2]?.comments[0] ?? {};
  assert.equal(content.length, 150_000);
  assert.match(content, /^<!-- zakenak:check -->\nx+\n\n_Cut at the forge’s limit/);
});

test('two jobs that comment at once leave one thread', async (t) => {
  const { azure, forge, alive } = await start(t);
  holdFirstLists(azure, /threads$/);
  await Promise.all(['one', 'two'].map((body) => forge.upsertComment({ ...comment, body })));
  assert.equal(azure.threads.length, 2, 'both found none and made one');
  assert.deepEqual(
    alive().map(({ id }) => id),
    [101],
  );
});

test('Azure’s status is the pull request’s where there is one, else the commit’s', async (t) => {
  const { azure, forge } = await start(t);
  const status = { sha, context: 'zakenak', description: 'd'.repeat(999) };
  await forge.setStatus({ ...status, state: 'success', pullRequest: 7, url: 'https://dev.azure.com/x' });
  for (const state of ['pending', 'failure', 'error'] as const) await forge.setStatus({ ...status, state });
  assert.deepEqual(
    azure.statuses.map(({ on, body }) => `${on} ${body['state']}`),
    ['pullRequests/7 succeeded', `commits/${sha} pending`, `commits/${sha} failed`, `commits/${sha} error`],
  );
  assert.deepEqual(azure.statuses[0]?.body['context'], { genre: 'zakenak', name: 'zakenak' });
  assert.equal(azure.statuses[0]?.body['targetUrl'], 'https://dev.azure.com/x');
});

test('Azure in trouble is asked again as it says; a token that is not taken is a refusal, not a page', async (t) => {
  const { azure, forge, alive, clock } = await start(t);
  const started = clock.monotonicMs();
  azure.faults.push(
    { on: /GET .*threads/, reply: { status: 429, headers: { 'retry-after': '5' } } },
    { on: /POST .*threads/, reply: { status: 500 } },
  );
  await forge.upsertComment(comment);
  assert.equal(clock.monotonicMs() - started, 5_000 + 1_000);
  assert.equal(alive().length, 1);
  azure.faults.push({
    on: /PATCH/,
    reply: {
      status: 403,
      data: { message: "TF401027: You need the Git 'PullRequestContribute' permission" },
    },
  });
  await assert.rejects(forge.upsertComment(comment), {
    code: 'forge/forbidden',
    message: /PullRequestContribute/,
  });
  azure.faults.push({
    on: /statuses/,
    reply: { status: 302, headers: { location: `${azure.origin}/_signin` } },
  });
  await assert.rejects(forge.setStatus({ sha, context: 'zakenak', state: 'success', description: 'd' }), {
    code: 'forge/forbidden',
  });
  assert.ok(!azure.calls.some((call) => call.includes('_signin')));
  await assert.rejects(forge.upsertComment({ ...comment, pullRequest: 8 }), { code: 'forge/not-found' });
  const { forge: stranger } = await start(t, 'wrong');
  await assert.rejects(stranger.upsertComment(comment), { code: 'forge/forbidden', exitCode: 4 });
  assert.equal(await forge.requiresSignatures(), undefined);
});
