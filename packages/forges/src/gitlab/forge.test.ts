import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Forge } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { createHttp } from '@zakenak/machine';
import { createGitlabForge } from './forge.ts';

interface Note {
  readonly id: number;
  body: string;
  readonly author: { readonly id: number };
}

/** The part of GitLab's API that the port needs, on loopback, with its rules: pages, and statuses that are not set twice. */
async function startGitlab(t: TestContext, notes: Note[]) {
  const statuses: string[] = [];
  const releases = new Set<string>();
  const calls: string[] = [];
  const tokens = new Set<unknown>();
  const rules: [number, boolean][] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://gitlab');
    const text = (await request.toArray()).join('');
    const sent = text ? JSON.parse(text) : {};
    tokens.add(request.headers['private-token']);
    calls.push(`${request.method} ${url.pathname}`);
    const answer = (status: number, data: unknown) => response.writeHead(status).end(JSON.stringify(data));
    const route = `${request.method} ${url.pathname.replace('/api/v4/projects/acme%2Fplatform', '')}`;
    if (url.pathname === '/api/v4/user') return answer(200, { id: 1 });
    if (route === 'GET /merge_requests/7/notes') {
      const [page, size] = ['page', 'per_page'].map((name) => Number(url.searchParams.get(name)));
      return answer(200, notes.slice(((page ?? 1) - 1) * (size ?? 20), (page ?? 1) * (size ?? 20)));
    }
    if (route === 'POST /merge_requests/7/notes') {
      const note = { id: notes.length + 1, body: sent.body, author: { id: 1 } };
      notes.push(note);
      return answer(201, note);
    }
    const [, id] = /^PUT \/merge_requests\/7\/notes\/(\d+)$/.exec(route) ?? [];
    const [, gone] = /^DELETE \/merge_requests\/7\/notes\/(\d+)$/.exec(route) ?? [];
    if (gone) {
      notes.splice(
        notes.findIndex((candidate) => String(candidate.id) === gone),
        1,
      );
      return response.writeHead(204).end();
    }
    const note = notes.find((candidate) => String(candidate.id) === id);
    if (note) {
      note.body = sent.body;
      return answer(200, note);
    }
    if (route.startsWith('POST /statuses/')) {
      if (statuses.at(-1) === sent.state)
        return answer(400, { message: 'Cannot transition status via :enqueue from :pending' });
      statuses.push(sent.state);
      return answer(201, {});
    }
    if (route === 'POST /releases') {
      releases.add(sent.tag_name);
      return answer(201, {});
    }
    if (route.startsWith('GET /releases/'))
      return answer(releases.has(route.slice('GET /releases/'.length)) ? 200 : 404, {
        message: '404 Not Found',
      });
    if (route === 'GET /repository/commits/aa/signature')
      return answer(200, { verification_status: 'verified' });
    if (route === 'GET /repository/commits/bb/signature')
      return answer(200, { verification_status: 'unknown_key' });
    if (route === 'GET /repository/commits/cc/signature')
      return answer(404, { message: '404 Signature Not Found' });
    if (route === 'GET /repository/commits/dd/signature')
      return answer(404, { message: '404 Commit Not Found' });
    if (route === 'GET /push_rule') {
      const [status, demanded] = rules.at(-1) ?? [403, false];
      return answer(status, { reject_unsigned_commits: demanded });
    }
    return answer(403, { message: '403 Forbidden' });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v4`;
  const projectUrl = 'https://gitlab.example.com/acme/platform';
  const forge = createGitlabForge({
    apiUrl,
    project: 'acme/platform',
    projectUrl,
    token: 'none',
    http: createHttp(),
    clock: fakeClock(),
  });
  return { forge, statuses, releases, calls, tokens, rules };
}

const comment: Parameters<Forge['upsertComment']>[0] = {
  pullRequest: 7,
  marker: 'zakenak:check',
  body: 'first',
};

test('GitLab’s one note is found on a later page and replaced, and nobody else’s counts', async (t) => {
  const notes: Note[] = Array.from({ length: 150 }, (_, index) => ({
    id: index + 1,
    body: index === 3 ? '<!-- zakenak:check -->\nforged' : 'other',
    author: { id: 2 },
  }));
  const { forge, tokens } = await startGitlab(t, notes);
  const url = await forge.upsertComment(comment);
  assert.equal(url, 'https://gitlab.example.com/acme/platform/-/merge_requests/7#note_151');
  assert.equal(await forge.upsertComment({ ...comment, body: 'x'.repeat(1_100_000) }), url);
  assert.equal(notes.length, 151);
  assert.equal(notes[3]?.body, '<!-- zakenak:check -->\nforged');
  assert.equal(notes[150]?.body.length, 1_000_000);
  assert.match(notes[150]?.body ?? '', /^<!-- zakenak:check -->\nx+\n\n_Cut at the forge’s limit/);
  assert.deepEqual([...tokens], ['none']);
});

test('notes of jobs that ran at once become one, the oldest', async (t) => {
  const notes: Note[] = [3, 1, 2].map((id) => ({
    id,
    body: '<!-- zakenak:check -->\nold',
    author: { id: 1 },
  }));
  const { forge } = await startGitlab(t, notes);
  await forge.upsertComment(comment);
  assert.deepEqual(
    notes.map(({ id, body }) => `${id} ${body}`),
    ['1 <!-- zakenak:check -->\nfirst'],
  );
});

test('after a refusal GitLab is asked about no more signatures', async (t) => {
  const { forge, calls } = await startGitlab(t, []);
  const shas = Array.from({ length: 200 }, (_, index) => `e${index}`);
  await assert.rejects(forge.readVerifications(shas), { code: 'forge/forbidden' });
  // Long enough for the others to be asked about behind the refusal’s back.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(calls.length <= 16, `${calls.length} were asked about`);
});

test('GitLab’s status is set, and the same one again is no error', async (t) => {
  const { forge, statuses } = await startGitlab(t, []);
  const status = { sha: 'aa', context: 'zakenak', description: 'd'.repeat(999) };
  for (const state of ['pending', 'success', 'success', 'error'] as const)
    await forge.setStatus({ ...status, state });
  assert.deepEqual(statuses, ['pending', 'success', 'failed']);
});

test('GitLab’s verdicts on signatures, and its release pages', async (t) => {
  const { forge, releases, calls } = await startGitlab(t, []);
  assert.deepEqual(
    [...(await forge.readVerifications(['aa', 'bb', 'cc', 'dd']))],
    [
      ['aa', { verified: true, reason: 'valid' }],
      ['bb', { verified: false, reason: 'unknown_key' }],
      ['cc', { verified: false, reason: 'unsigned' }],
    ],
  );
  const release = { tag: 'v1.0.0', title: 'v1.0.0', notes: 'n', prerelease: false, draft: false };
  const url = 'https://gitlab.example.com/acme/platform/-/releases/v1.0.0';
  for (let round = 0; round < 2; round += 1) assert.deepEqual(await forge.createRelease(release), { url });
  assert.deepEqual([...releases], ['v1.0.0']);
  assert.equal(calls.filter((call) => call.startsWith('POST')).length, 1);
});

test('GitLab’s push rules say whether it demands signatures; it makes no signed commits itself', async (t) => {
  const { forge, rules } = await startGitlab(t, []);
  const asked: (boolean | undefined)[] = [await forge.requiresSignatures()];
  for (const rule of [
    [404, false],
    [200, false],
    [200, true],
  ] as [number, boolean][]) {
    rules.push(rule);
    asked.push(await forge.requiresSignatures());
  }
  assert.deepEqual(asked, [undefined, false, false, true]);
  assert.equal(forge.createCommit, undefined);
});

test('a refusal of GitLab, and a GitLab that is not there, are coded errors', async (t) => {
  const { forge } = await startGitlab(t, []);
  await assert.rejects(forge.upsertComment({ ...comment, pullRequest: 8 }), {
    code: 'forge/forbidden',
    exitCode: 4,
  });
  const gone = createGitlabForge({
    apiUrl: 'http://127.0.0.1:1/api/v4',
    project: '1',
    projectUrl: 'https://gitlab.example.com/x',
    token: 'none',
    http: createHttp(),
    clock: fakeClock(),
  });
  await assert.rejects(gone.upsertComment(comment), { code: 'forge/unreachable' });
});
