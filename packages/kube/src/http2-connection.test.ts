import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttp1 } from 'node:https';
import { connect as connectPlain, createServer as createPlain, type Socket } from 'node:net';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { NotSent, openHttp2 } from './http2-connection.ts';
import { issueCertificate } from './testing/certificate.ts';
import { answer, connected, get, listen, open, proof, usual } from './testing/http2-server.ts';

test('requests go side by side over one connection, never more than the server lets pass at once', async () => {
  const open: (() => void)[] = [];
  let most = 0;
  await using server = await connected(
    (stream) => {
      open.push(() => answer(stream));
      most = Math.max(most, open.length);
      setTimeout(() => open.shift()?.(), 10);
    },
    {},
    { maxConcurrentStreams: 3 },
  );
  // The server's settings come with its first answer.
  await server.connection.exchange(get('/first'));
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, at) => server.connection.exchange(get(`/${at}`))),
  );
  assert.deepEqual(new Set(answers.map(({ status, text }) => `${status} ${text}`)), new Set(['200 ok']));
  assert.equal(most, 3);
  assert.equal(server.sessions.length, 1);
});

test('headers of one name are one text, as over HTTP/1.1', async () => {
  await using server = await connected((stream) => {
    stream.respond({ ':status': 429, 'retry-after': '2', warning: ['299 - "one"', '299 - "two"'] } as never);
    stream.end();
  });
  const { status, headers } = await server.connection.exchange(get('/'));
  assert.deepEqual(
    [status, headers['retry-after'], headers['warning']],
    [429, '2', '299 - "one", 299 - "two"'],
  );
});

test('an answer that is not whole is none, however it ends', async () => {
  const ends: Record<string, (stream: ServerHttp2Stream) => void> = {
    '/connection': ({ session }) => session?.destroy(),
    '/farewell': ({ session }) => {
      session?.goaway(constants.NGHTTP2_NO_ERROR);
      setTimeout(() => session?.destroy(), 20);
    },
    '/no-error': (stream) => void stream.destroy(),
    '/reset': (stream) => void stream.destroy(new Error('played')),
    '/cancelled': (stream) => void stream.destroy(new DOMException('played', 'AbortError')),
    '/short': (stream) => void stream.end(),
  };
  for (const [path, end] of Object.entries(ends)) {
    await using server = await connected((stream) => {
      stream.respond({
        ':status': 200,
        ...(path === '/short' || path === '/no-error' ? { 'content-length': 100 } : {}),
      });
      stream.write('{"half":');
      setTimeout(() => end(stream), 20);
    });
    await assert.rejects(
      server.connection.exchange(get(path)),
      (error: Error) => !(error instanceof NotSent),
      path,
    );
  }
});

test('an answer that comes before the request was read is one', async () => {
  await using server = await connected((stream) => {
    stream.pause();
    stream.respond({ ':status': 413 });
    stream.end('too much', () => stream.close(constants.NGHTTP2_NO_ERROR));
  });
  const headers = { ':method': 'POST', ':path': '/' };
  const { status, text } = await server.connection.exchange({ headers, payload: Buffer.alloc(2 ** 22) });
  assert.deepEqual([status, text], [413, 'too much']);
});

test('what the server refused, or would not take any more, was not sent', async () => {
  await using server = await connected((stream, path) => {
    if (path === '/refused') stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else if (path === '/last') {
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
      setTimeout(() => answer(stream, 'to its end'), 30);
    }
  });
  await assert.rejects(server.connection.exchange(get('/refused')), NotSent);
  assert.equal(server.connection.isOpen, true);
  const last = server.connection.exchange(get('/last'));
  while (server.connection.isOpen) await new Promise((resolve) => setTimeout(resolve, 1));
  await assert.rejects(server.connection.exchange(get('/late')), NotSent);
  assert.equal((await last).text, 'to its end');
});

test('a peer that is gone without a word is noticed by the beat, not by the silence of a request', async () => {
  const sockets = new Set<Socket>();
  await using server = await connected(() => {});
  // A way that can be cut so that neither side hears of it.
  const way = createPlain((client) => {
    const onward = connectPlain(Number(server.url.port), '127.0.0.1');
    sockets.add(client).add(onward);
    for (const socket of [client, onward]) socket.on('error', () => {});
    client.pipe(onward).pipe(client);
  });
  const connection = await open(await listen(way as never), { beatMs: 50 });
  assert.ok(connection);
  const alive = connection.exchange(get('/slow'));
  alive.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(connection.isOpen, true, 'a server that only takes its time answers the beat');
  for (const socket of sockets) socket.unpipe().pause();
  await assert.rejects(alive, /does not answer/);
  assert.equal(connection.isOpen, false);
  for (const socket of sockets) socket.destroy();
  way.close();
});

test('a signal ends its own request at once, one that waits for its turn too', async () => {
  const waiting: ServerHttp2Stream[] = [];
  await using server = await connected(
    (stream, path) => (path === '/first' ? answer(stream) : void waiting.push(stream)),
    {},
    {
      maxConcurrentStreams: 1,
    },
  );
  await server.connection.exchange(get('/first'));
  const stop = new AbortController();
  const under = server.connection.exchange(get('/under-way'));
  const queued = server.connection.exchange(get('/queued', stop.signal));
  stop.abort();
  await assert.rejects(queued, { code: 'run/cancelled' });
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const [stream] = waiting;
  assert.ok(stream);
  answer(stream);
  assert.equal((await under).text, 'ok');
  assert.equal(waiting.length, 1, 'the server has not seen the one that waited');
});

test('a connection that nobody uses is closed, and does not keep the process alive', async () => {
  await using server = await connected((stream) => answer(stream), { beatMs: 20, idleMs: 60 });
  await server.connection.exchange(get('/'));
  while (server.connection.isOpen) await new Promise((resolve) => setTimeout(resolve, 5));
  const script = `
    import { createSecureContext } from 'node:tls';
    import { openHttp2 } from ${JSON.stringify(import.meta.resolve('./http2-connection.ts'))};
    const secureContext = createSecureContext({ ca: process.env.PLAYED_CERTIFICATE });
    const patience = { openMs: 60_000, silenceMs: 60_000, idleMs: 60_000, beatMs: 60_000 };
    const connection = await openHttp2(new URL(process.argv[1]), { secureContext, rejectUnauthorized: true }, patience);
    console.log((await connection.exchange({ headers: { ':path': '/' }, payload: undefined })).text);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, server.url.href],
    {
      timeout: 10_000,
      env: { ...process.env, PLAYED_CERTIFICATE: proof.cert },
    },
  );
  assert.equal(stdout, 'ok\n');
});

test('a server of HTTP/1.1 is told apart, one that proves nothing refused', async () => {
  const server = createHttp1(proof, (_, response) => response.end());
  const url = await listen(server as never);
  assert.equal(await open(url), undefined);
  const stranger = await issueCertificate();
  const context = { secureContext: createSecureContext({ ca: stranger.cert }), rejectUnauthorized: true };
  await assert.rejects(openHttp2(url, context, usual), (error: NodeJS.ErrnoException) =>
    /CERT|SIGNED|VERIFY/.test(error.code ?? ''),
  );
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});
