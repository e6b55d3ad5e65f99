import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { connect as connectPlain, createServer as createPlain, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Exchange } from './http2-connection.ts';
import { answer, connected, get, listen, open } from './testing/http2-server.ts';

const to = (path: string): Partial<Exchange> => ({ headers: { ':method': 'POST', ':path': path } });

function post(size: number, more: Partial<Exchange> = {}): Exchange {
  return { headers: { ':method': 'POST', ':path': '/' }, payload: Buffer.alloc(size), ...more };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 50));

test('many large bodies at once are all answered', async () => {
  await using server = await connected((stream) => stream.resume().once('end', () => answer(stream)));
  const sent = Array.from({ length: 24 }, () => server.connection.exchange(post(1_500_000)));
  const answers = await Promise.all(sent);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
});

test('as many warnings as an API server may give are read', async () => {
  const warning = Array.from({ length: 200 }, (_, at) => `299 - "field ${at}"`);
  await using server = await connected((stream) => {
    stream.respond({ ':status': 201, warning } as never);
    stream.end();
  });
  const { headers } = await server.connection.exchange(get('/'));
  assert.equal(headers['warning'], warning.join(', '));
});

test('an answer counts where the server leaves the request unread, without a word about it', async () => {
  await using server = await connected(
    (stream) => {
      stream.pause();
      stream.respond({ ':status': 413 });
      stream.end('too much');
    },
    { silenceMs: 300 },
  );
  const { status, text } = await server.connection.exchange(post(2 ** 22));
  assert.deepEqual([status, text], [413, 'too much']);
});

test('a server that takes no requests for a while is waited for, not longer than for an answer', async () => {
  await using server = await connected(
    (stream) => answer(stream),
    { silenceMs: 300 },
    { maxConcurrentStreams: 0 },
  );
  await soon();
  await assert.rejects(server.connection.exchange(get('/never')), /no answer within/);
  const waiting = Array.from({ length: 3 }, () => server.connection.exchange(get('/')));
  await soon();
  server.sessions[0]?.settings({ maxConcurrentStreams: 2 });
  assert.deepEqual(new Set((await Promise.all(waiting)).map(({ status }) => status)), new Set([200]));
});

test('more requests go side by side as soon as the server lets them', async () => {
  const open: (() => void)[] = [];
  await using server = await connected(
    (stream, path) => (path === '/' ? answer(stream) : void open.push(() => answer(stream))),
    {},
    { maxConcurrentStreams: 1 },
  );
  await server.connection.exchange(get('/'));
  const all = Array.from({ length: 3 }, () => server.connection.exchange(get('/held')));
  await soon();
  assert.equal(open.length, 1);
  server.sessions[0]?.settings({ maxConcurrentStreams: 3 });
  await soon();
  assert.equal(open.length, 3);
  for (const end of open) end();
  await Promise.all(all);
});

test('a write is not carried out when the fence closes while its body waits for the server’s windows', async () => {
  for (const [what, initialWindowSize, before] of [
    ['its own', 1_000, 0],
    ['the connection’s', 65_535, 65_535],
  ] as const) {
    const ended = Promise.withResolvers<'whole' | 'broken off'>();
    const unread: ServerHttp2Stream[] = [];
    await using server = await connected(
      (stream, path) => {
        if (path === '/first') return answer(stream);
        if (path === '/unread') return void unread.push(stream.pause());
        stream.once('end', () => {
          if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
          ended.resolve('whole');
          answer(stream);
        });
        stream.once('close', () => ended.resolve('broken off'));
        stream.resume();
      },
      {},
      { initialWindowSize },
    );
    await server.connection.exchange(get('/first'));
    if (before > 0) server.connection.exchange(post(before, to('/unread'))).catch(() => {});
    let asked = 0;
    const guard = (): void => {
      asked += 1;
      if (asked > 1) throw new Error('the lock is lost');
    };
    const write = server.connection.exchange(post(4_000, { fence: { guard } }));
    write.catch(() => {});
    await soon();
    for (const stream of unread) stream.resume();
    await assert.rejects(write, /the lock is lost/, what);
    assert.equal(await ended.promise, 'broken off', what);
  }
});

test('a write that leaves at once needs no second question', async () => {
  await using server = await connected((stream) => stream.resume().once('end', () => answer(stream)));
  await server.connection.exchange(get('/'));
  let asked = 0;
  const fence = { guard: () => void asked++ };
  await server.connection.exchange(post(4_000, { fence }));
  assert.equal(asked, 1);
});

test('a process that was busy does not take its server for gone', async () => {
  await using server = await connected((stream) => void setTimeout(() => answer(stream), 400));
  // As far away as other machines are.
  const way = createPlain((client) => {
    const onward = connectPlain(Number(server.url.port), '127.0.0.1');
    for (const socket of [client, onward]) socket.on('error', () => {});
    client.pipe(onward);
    onward.on('data', (chunk: Buffer) => setTimeout(() => client.write(chunk), 20));
    onward.once('close', () => client.destroy());
  });
  const connection = await open(await listen(way as never), { beatMs: 50 });
  assert.ok(connection);
  const busy = (ms: number): void => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };
  const slow = connection.exchange(get('/'));
  setTimeout(() => busy(200), 50);
  // The beat is due first, and its question cannot leave before the process is free again.
  busy(60);
  const { status } = await slow.finally(() => way.close());
  assert.equal(status, 200);
});

test('a server that does not finish the handshake is given up long before a request would be', async () => {
  const sockets = new Set<Socket>();
  const mute = createPlain((socket) => void sockets.add(socket.on('error', () => {})));
  await assert.rejects(open(await listen(mute as never), { openMs: 100 }), /no answer within 0.1 s/);
  for (const socket of sockets) socket.destroy();
  mute.close();
});
