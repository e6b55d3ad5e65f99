import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeClock } from '@zakenak/core/testing';
import { detectHost } from './detect.ts';
import { createGithubForge } from './github/forge.ts';

const clock = fakeClock();

const [a, b, zero] = ['a', 'b', '0'].map((digit) => digit.repeat(40));

async function githubEvent(name: string, payload: unknown, env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-host-'));
  const path = join(folder, 'event.json');
  await writeFile(path, JSON.stringify(payload));
  const host = detectHost(
    {
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_NAME: name,
      GITHUB_EVENT_PATH: path,
      GITHUB_SHA: b,
      GITHUB_REPOSITORY: 'o/r',
      ...env,
    },
    '/',
    () => {},
  );
  try {
    return await host.readEvent();
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a pull request from a fork is told from one of the same repository', async () => {
  const request = (head: string) => ({
    pull_request: {
      number: 4,
      head: { ref: 'f', sha: a, repo: { full_name: head } },
      base: { ref: 'main', sha: b, repo: { full_name: 'o/r' } },
    },
    repository: { default_branch: 'main', full_name: 'o/r' },
  });
  assert.deepEqual(await githubEvent('pull_request', request('o/r')), {
    kind: 'pull-request',
    headSha: a,
    baseSha: b,
    headBranch: 'f',
    baseBranch: 'main',
    defaultBranch: 'main',
    pullRequest: { number: 4, fork: false },
  });
  assert.equal((await githubEvent('pull_request', request('x/r'))).pullRequest?.fork, true);
  // The head repository was deleted: that is never the same repository.
  assert.equal(
    (
      await githubEvent('pull_request', {
        ...request('o/r'),
        pull_request: { number: 1, head: { sha: a, repo: null }, base: { repo: { full_name: 'o/r' } } },
      })
    ).pullRequest?.fork,
    true,
  );
});

test('the first push of a branch has no base', async () => {
  const env = { GITHUB_REF: 'refs/heads/topic' };
  assert.deepEqual(await githubEvent('push', { before: zero, repository: { default_branch: 'main' } }, env), {
    kind: 'push',
    headSha: b,
    headBranch: 'topic',
    defaultBranch: 'main',
  });
  assert.equal((await githubEvent('push', { before: a, forced: true }, env)).baseSha, a);
  assert.equal((await githubEvent('push', {}, { GITHUB_REF: 'refs/tags/v1.0.0' })).tag, 'v1.0.0');
});

test('an unknown event and a missing payload are refused with a remedy', async () => {
  await assert.rejects(githubEvent('issue_comment', {}), { code: 'host/unknown-event', exitCode: 2 });
  const host = detectHost(
    { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'push', GITHUB_EVENT_PATH: '/nowhere.json' },
    '/',
    () => {},
  );
  await assert.rejects(host.readEvent(), { code: 'host/bad-event-payload' });
});

test('GitLab merge requests and pushes are read from the predefined variables', async () => {
  const host = (env: Record<string, string | undefined>) =>
    detectHost({ GITLAB_CI: 'true', CI_COMMIT_SHA: b, ...env }, '/', () => {});
  const merge = await host({
    CI_PIPELINE_SOURCE: 'merge_request_event',
    CI_MERGE_REQUEST_IID: '7',
    CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: a,
    CI_MERGE_REQUEST_DIFF_BASE_SHA: b,
    CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '1',
    CI_MERGE_REQUEST_PROJECT_ID: '2',
  }).readEvent();
  assert.deepEqual(merge, {
    kind: 'pull-request',
    headSha: a,
    baseSha: b,
    pullRequest: { number: 7, fork: true },
  });
  assert.equal(
    (await host({ CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BEFORE_SHA: zero }).readEvent()).baseSha,
    undefined,
  );
  await assert.rejects(host({ CI_PIPELINE_SOURCE: 'chat' }).readEvent(), { code: 'host/unknown-event' });
  assert.equal(host({ ZAKENAK_INPUT_CHART_DIRS: 'x' }).readInput('chart-dirs'), 'x');
});

test('GitLab outputs become a dotenv file of one line each', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-gitlab-'));
  await detectHost({ GITLAB_CI: 'true', CI_PROJECT_DIR: folder }, '/', () => {}).setOutput(
    'image-ref',
    'a\nEVIL=1',
  );
  assert.equal(await readFile(join(folder, 'zakenak.env'), 'utf8'), 'ZAKENAK_IMAGE_REF=a EVIL=1\n');
  await rm(folder, { recursive: true });
});

test('a mask cannot carry a second workflow command', () => {
  const written: string[] = [];
  detectHost({ GITHUB_ACTIONS: 'true' }, '/', (text) => written.push(text)).mask('first%0A\nsecond');
  assert.deepEqual(written, ['::add-mask::first%250A\n', '::add-mask::second\n']);
});

test('the sticky comment is found on a later page and replaced, and nobody else’s counts', async () => {
  const calls: string[] = [];
  const server = createServer((request, response) => void answer(request, response, calls)).listen(
    0,
    '127.0.0.1',
  );
  await new Promise((resolve) => server.once('listening', resolve));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
  assert.equal(await forge.upsertComment({ pullRequest: 3, marker: 'zakenak', body: 'new' }), 'url-of-42');
  assert.deepEqual(calls, [
    'GET /user',
    'GET /repos/o/r/issues/3/comments?per_page=100',
    'GET /page2',
    'PATCH /repos/o/r/issues/comments/42',
  ]);
  await assert.rejects(
    forge.setStatus({ sha: a ?? '', context: 'zakenak', state: 'success', description: 'd' }),
    { code: 'forge/forbidden', exitCode: 4 },
  );
  server.close();
  server.closeAllConnections();
});

async function answer(
  request: IncomingMessage,
  response: import('node:http').ServerResponse,
  calls: string[],
) {
  const line = `${request.method} ${request.url}`;
  response.setHeader('content-type', 'application/json');
  if (line.startsWith('POST'))
    return response.writeHead(403).end('{"message":"Resource not accessible by integration"}');
  calls.push(line);
  if (line === 'GET /user') return response.end('{"login":"zakenak"}');
  if (line.includes('issues/3'))
    response.setHeader('link', `<http://${request.headers.host}/page2>; rel="next"`);
  const body = line.startsWith('PATCH')
    ? { html_url: 'url-of-42' }
    : line.endsWith('/page2')
      ? [{ id: 42, body: '<!-- zakenak -->\nold', user: { login: 'zakenak' } }]
      : [
          { id: 1, body: 'someone else: <!-- zakenak -->', user: { login: 'zakenak' } },
          { id: 2, body: '<!-- zakenak -->\nforged', user: { login: 'somebody', type: 'User' } },
        ];
  response.end(JSON.stringify(body));
}

test('signatures are asked for a hundred commits at a time; what GitHub does not have or will not say is no verdict', async () => {
  const states = ['VALID', 'MALFORMED_SIG', 'UNKNOWN_SIG_TYPE', 'BAD_EMAIL'];
  const sizes: number[] = [];
  let failure: string | undefined;
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    const { variables } = JSON.parse(body) as { readonly variables: Readonly<Record<string, string>> };
    const oids = Object.keys(variables).filter((name) => name.startsWith('oid'));
    sizes.push(oids.length);
    const answers = oids.map((name, index) => {
      const state = states[index];
      const signature = state ? { isValid: true, state } : null;
      return [`commit${index}`, index === 9 ? null : { oid: variables[name], signature }];
    });
    response.setHeader('content-type', 'application/json');
    const repository = Object.fromEntries(answers);
    response.end(JSON.stringify(failure ? { errors: [{ message: failure }] } : { data: { repository } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
  const shas = Array.from({ length: 250 }, (_, index) => index.toString(16).padStart(40, '0'));
  const verdicts = await forge.readVerifications(shas);
  assert.deepEqual(sizes, [100, 100, 50]);
  assert.equal(verdicts.size, 247);
  assert.equal(verdicts.has(shas[9] ?? ''), false);
  assert.deepEqual(
    shas.slice(100, 105).map((sha) => verdicts.get(sha)),
    [
      { verified: true, reason: 'valid' },
      { verified: false, reason: 'malformed_signature' },
      { verified: false, reason: 'unknown_signature_type' },
      { verified: false, reason: 'bad_email' },
      { verified: false, reason: 'unsigned' },
    ],
  );
  failure = 'Something went wrong';
  await assert.rejects(forge.readVerifications(shas), (error: { code?: string }) =>
    /^forge\//.test(error.code ?? ''),
  );
  server.close();
  server.closeAllConnections();
});

test('a workflow’s token may not ask who it is: its comment is a bot’s', async () => {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json');
    if (request.url === '/user')
      return void response.writeHead(403).end('{"message":"Resource not accessible by integration"}');
    const body = '<!-- zakenak -->\nold';
    const comments = [
      { id: 1, body, user: { login: 'somebody', type: 'User' } },
      { id: 2, body, user: { login: 'github-actions[bot]', type: 'Bot' } },
    ];
    response.end(JSON.stringify(request.method === 'GET' ? comments : { html_url: 'url-of-2' }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
  assert.equal(await forge.upsertComment({ pullRequest: 3, marker: 'zakenak', body: 'new' }), 'url-of-2');
  assert.equal(calls.at(-1), 'PATCH /repos/o/r/issues/comments/2');
  server.close();
  server.closeAllConnections();
});

test('a comment too long for GitHub is cut at its limit, and says so', async () => {
  let sent = '';
  const server = createServer(async (request, response) => {
    for await (const chunk of request) sent += chunk;
    response.setHeader('content-type', 'application/json');
    response.end(request.method === 'POST' ? '{"html_url":"url-of-1"}' : '[]');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
  await forge.upsertComment({ pullRequest: 3, marker: 'zakenak', body: 'x'.repeat(70_000) });
  const { body } = JSON.parse(sent);
  assert.equal(body.length, 65_536);
  assert.match(body, /^<!-- zakenak -->\nx+\n\n_Cut at the forge’s limit/);
  server.close();
  server.closeAllConnections();
});

test('a release page is made once: one that is there already gives its address', async () => {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    const tag = /tags\/(.+)$/.exec(request.url ?? '')?.[1];
    response.setHeader('content-type', 'application/json');
    if (request.method === 'POST') response.writeHead(422).end('{"message":"Validation Failed"}');
    else if (tag === 'v1.0.0') response.end('{"html_url":"https://forge.invalid/v1.0.0"}');
    else response.writeHead(404).end('{"message":"Not Found"}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
    const page = { title: 't', notes: 'n', prerelease: false, draft: false };
    assert.deepEqual(await forge.createRelease({ ...page, tag: 'v1.0.0' }), {
      url: 'https://forge.invalid/v1.0.0',
    });
    await assert.rejects(forge.createRelease({ ...page, tag: 'v2.0.0' }));
    assert.equal(calls.length, 4);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a commit that GitHub may have made before it failed is not made again, and one that it put off is', async () => {
  const answers = [
    { status: 403, headers: { 'retry-after': '7' } },
    { status: 502, headers: {} },
    { status: 502, headers: {} },
  ];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { status, headers } = answers[asked.length] ?? { status: 500, headers: {} };
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{"message":"no"}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
    const commit = { branch: 'b', expectedHead: 'a'.repeat(40), headline: 'h', body: '', deletions: [] };
    await assert.rejects(forge.createCommit?.({ ...commit, additions: [] }) ?? Promise.resolve(), {
      code: 'forge/unreachable',
    });
    assert.deepEqual(asked, ['POST /graphql', 'POST /graphql']);
    const page = { tag: 'v1.0.0', title: 't', notes: 'n', prerelease: false, draft: true };
    await assert.rejects(forge.createRelease(page), { code: 'forge/unreachable' });
    assert.deepEqual(asked.slice(2), ['POST /repos/o/r/releases']);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('GitHub in trouble is asked again as it says, and a refusal that names no time is one', async () => {
  const answers = [
    { status: 403, headers: { 'retry-after': '7' }, data: { message: 'secondary rate limit' } },
    { status: 502, headers: {}, data: { message: 'bad gateway' } },
    { status: 201, headers: {}, data: {} },
    { status: 403, headers: {}, data: { message: 'Resource not accessible by integration' } },
    { status: 429, headers: { 'retry-after': '3600' }, data: { message: 'an hour' } },
  ];
  let asked = 0;
  const server = createServer((_request, response) => {
    const { status, headers, data } = answers[asked++] ?? { status: 500, headers: {}, data: {} };
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(data));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const forge = createGithubForge({ owner: 'o', repo: 'r', token: 'none', apiUrl, clock });
    const status = { sha: 'a'.repeat(40), context: 'zakenak', state: 'success', description: 'd' } as const;
    const started = clock.monotonicMs();
    await forge.setStatus(status);
    assert.equal(clock.monotonicMs() - started, 7_000 + 2_000);
    await assert.rejects(forge.setStatus(status), { code: 'forge/forbidden' });
    await assert.rejects(forge.setStatus(status), /an hour/);
    assert.equal(asked, answers.length);
    await assert.rejects(forge.setStatus(status));
    assert.equal(asked, answers.length + 4);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
