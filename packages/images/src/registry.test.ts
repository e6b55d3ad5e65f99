import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createHttp } from '@zakenak/machine';
import { parseImageName } from './reference.ts';
import { type Credentials, confirmDigest } from './registry.ts';

const manifest = '{"schemaVersion":2}';
const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;

async function withServer(
  listener: (host: string) => RequestListener,
  body: (host: string) => Promise<void>,
): Promise<void> {
  let answer: RequestListener = () => {};
  const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  answer = listener(host);
  try {
    await body(host);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const confirm = (host: string, credentials?: Credentials) =>
  confirmDigest(parseImageName(`${host}/acme/app`), ['a'], digest, { http: createHttp(), credentials });

const authorizationOf = (request: IncomingMessage) => request.headers.authorization ?? '';

test('the digest is recomputed from the bytes, for the digest and for every tag', async () => {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('docker-content-digest', 'sha256:lies').end(manifest);
  };
  await withServer(
    () => listener,
    (host) => confirm(host),
  );
  assert.deepEqual(asked, [`/v2/acme/app/manifests/${digest}`, '/v2/acme/app/manifests/a']);
});

test('other bytes behind a tag, or none, are a digest mismatch', async () => {
  for (const status of [200, 404]) {
    const listener: RequestListener = (request, response) => {
      const tag = request.url?.endsWith('/a');
      response.writeHead(tag ? status : 200).end(tag ? '{"other":1}' : manifest);
    };
    await withServer(
      () => listener,
      async (host) => assert.rejects(confirm(host), { code: 'image/digest-mismatch', exitCode: 4 }),
    );
  }
});

test('a token is fetched with the credentials and used', async () => {
  const basic = `Basic ${Buffer.from('user:pass word').toString('base64')}`;
  const listener =
    (host: string): RequestListener =>
    (request, response) => {
      const url = new URL(request.url ?? '', `http://${host}`);
      if (url.pathname === '/token') {
        const good =
          authorizationOf(request) === basic && url.searchParams.get('scope') === 'repository:acme/app:pull';
        response.writeHead(good ? 200 : 401).end('{"token":"t1"}');
      } else if (authorizationOf(request) === 'Bearer t1') response.end(manifest);
      else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="registry"` })
          .end();
    };
  await withServer(listener, async (host) => {
    await confirm(host, { username: 'user', password: 'pass word' });
    await assert.rejects(confirm(host), { code: 'image/registry-unauthorized', exitCode: 4 });
  });
});

test('basic authentication is answered where the registry asks for it', async () => {
  const listener: RequestListener = (request, response) => {
    if (authorizationOf(request) === `Basic ${Buffer.from('u:p4ss').toString('base64')}`)
      response.end(manifest);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  };
  await withServer(
    () => listener,
    async (host) => {
      await confirm(host, { username: 'u', password: 'p4ss' });
      await assert.rejects(confirm(host, { username: 'u', password: 'no' }), {
        code: 'image/registry-unauthorized',
      });
      await assert.rejects(confirm(host), { code: 'image/registry-unauthorized' });
    },
  );
});

test('credentials never follow a challenge to an unencrypted stranger', async () => {
  const listener: RequestListener = (_request, response) => {
    response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://token.example.invalid/"' }).end();
  };
  await withServer(
    () => listener,
    async (host) =>
      assert.rejects(confirm(host, { username: 'u', password: 'p4ss' }), {
        code: 'image/registry-unauthorized',
      }),
  );
});

test('a registry that is down or broken is unreachable', async () => {
  await assert.rejects(confirm('127.0.0.1:1'), { code: 'image/registry-unreachable', exitCode: 4 });
  await withServer(
    () => (_request, response) => void response.writeHead(503).end(),
    async (host) => assert.rejects(confirm(host), { code: 'image/registry-unreachable' }),
  );
});
