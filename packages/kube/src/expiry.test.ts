import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ZakenakError } from '@zakenak/core';
import { createKubeApi } from './kube-api.ts';
import { createRequester } from './requester.ts';
import { playServer, sendJson, status } from './testing/api-server.ts';
import { createTransport } from './transport.ts';

const jwt = (payload: unknown): string => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `Bearer ${part({ alg: 'none' })}.${part(payload)}.c2ln`;
};

/** The message of the error for a credential that the server turns away. */
async function messageFor(authorization: string, certificate?: string): Promise<string> {
  await using server = await playServer((_, response) =>
    sendJson(response, 401, status(401, 'Unauthorized')),
  );
  const place = { context: 'played', server: server.url, namespace: 'default' };
  const target = { ...place, path: 'kubeconfig', cluster: { server: server.url }, user: {} };
  const headers = { authorization };
  const current = async () => ({ headers, ...(certificate ? { certificate } : {}) });
  const transport = await createTransport(target, { current, renew: () => false });
  const kube = createKubeApi(place, createRequester(transport, place));
  const error = await kube.version().then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ZakenakError);
  assert.equal(error.code, 'kube/unauthorized');
  return error.message;
}

test('a token that has run out says so itself; the server only says no', async () => {
  assert.match(
    await messageFor(jwt({ exp: Date.parse('2020-02-01T12:00:00Z') / 1_000 })),
    /does not accept these credentials: the token expired 2020-02-01T12:00:00\.000Z\.$/,
  );
});

test('what does not tell when it ends, or has not ended, is not said to have expired', async () => {
  const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;
  for (const authorization of [
    jwt({ exp: inAnHour }),
    jwt({}),
    jwt({ exp: 'never' }),
    jwt(null),
    'Bearer opaque',
    'Bearer a.%%%.b',
    'Basic YTpi',
  ])
    assert.doesNotMatch(await messageFor(authorization), /expired/, authorization);
  assert.doesNotMatch(await messageFor('Bearer opaque', 'no certificate'), /expired/);
});
