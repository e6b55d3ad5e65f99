import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { KubeStatusError, type KubeWatchEvent } from '@zakenak/core';
import { type PlayedServer, playServer, pod, sendJson, status } from './testing/api-server.ts';

const pods = { apiVersion: 'v1', kind: 'Pod', namespace: 'default' };

function stream(response: ServerResponse, ...events: readonly (readonly [string, unknown])[]): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  for (const [type, object] of events) response.write(`${JSON.stringify({ type, object })}\n`);
}

function listOf(resourceVersion: string, ...items: readonly unknown[]): unknown {
  return { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion }, items };
}

/** Reads `count` events, then stops the watch. */
async function collect(
  server: PlayedServer,
  count: number,
  resourceVersion?: string,
): Promise<readonly string[]> {
  const stop = new AbortController();
  const seen: string[] = [];
  const from = resourceVersion === undefined ? pods : { ...pods, resourceVersion };
  for await (const event of server.kube.watch(from, stop.signal)) {
    seen.push(describe(event));
    if (seen.length === count) stop.abort();
  }
  return seen;
}

function describe({ type, object }: KubeWatchEvent): string {
  return `${type} ${object.metadata.name}@${object.metadata.resourceVersion}`;
}

const watchesOf = (server: PlayedServer) => server.requests.filter(({ query }) => query.watch);

test('a watch without a version delivers what is there, says that it was all, then what changes', async () => {
  await using server = await playServer(({ query }, response) =>
    query.watch
      ? stream(response, ['MODIFIED', pod('a', '11')])
      : sendJson(response, 200, listOf('10', pod('a', '3'))),
  );
  assert.deepEqual(await collect(server, 3), ['ADDED a@3', 'BOOKMARK @10', 'MODIFIED a@11']);
  assert.equal(watchesOf(server)[0]?.query.resourceVersion, '10');
  assert.equal(watchesOf(server)[0]?.query.allowWatchBookmarks, 'true');
});

test('a dropped watch goes on from the last version, bookmarks counted', async () => {
  await using server = await playServer(({ query }, response) => {
    if (query.resourceVersion === '20') return stream(response, ['DELETED', pod('a', '21')]);
    stream(response, ['ADDED', pod('a', '12')], ['BOOKMARK', pod('', '20')]);
    setTimeout(() => response.destroy(), 20);
  });
  assert.deepEqual(await collect(server, 3, '10'), ['ADDED a@12', 'BOOKMARK @20', 'DELETED a@21']);
  assert.deepEqual(
    watchesOf(server).map(({ query }) => query.resourceVersion),
    ['10', '20'],
  );
});

for (const how of ['status', 'event'] as const) {
  test(`after a 410 as ${how} the watch lists again and tells what vanished, changed and came`, async () => {
    let lists = 0;
    await using server = await playServer(({ query }, response) => {
      if (query.watch && query.resourceVersion === '90')
        return stream(response, ['MODIFIED', pod('new', '91')]);
      if (query.watch && how === 'status') return sendJson(response, 410, status(410, 'Expired'));
      if (query.watch) return stream(response, ['ERROR', status(410, 'Expired')]);
      const first = [pod('gone', '1'), pod('same', '2'), pod('changed', '3'), pod('reborn', '4', 'uid-1')];
      const second = [pod('same', '2'), pod('changed', '80'), pod('reborn', '81', 'uid-2'), pod('new', '82')];
      return sendJson(response, 200, lists++ === 0 ? listOf('10', ...first) : listOf('90', ...second));
    });
    const seen = await collect(server, 12);
    assert.deepEqual(seen.slice(4), [
      'BOOKMARK @10',
      'DELETED gone@1',
      'DELETED reborn@4',
      'MODIFIED changed@80',
      'ADDED reborn@81',
      'ADDED new@82',
      'BOOKMARK @90',
      'MODIFIED new@91',
    ]);
  });
}

test('a stream that fell silent is opened again', async () => {
  await using server = await playServer(
    ({ query }, response) =>
      stream(
        response,
        ...(query.resourceVersion === '11'
          ? [['ADDED', pod('b', '12')] as const]
          : [['ADDED', pod('a', '11')] as const]),
      ),
    { idleMs: 60, patienceMs: 1_000 },
  );
  assert.deepEqual(await collect(server, 2, '10'), ['ADDED a@11', 'ADDED b@12']);
});

test('an event that arrives in pieces is one event', async () => {
  await using server = await playServer((_, response) => {
    stream(response);
    const bytes = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: { ...pod('a', '11'), note: 'žlutý' } })}\n`,
    );
    const middle = bytes.indexOf('ž') + 1;
    response.write(bytes.subarray(0, middle));
    setTimeout(() => response.write(bytes.subarray(middle)), 30);
  });
  const stop = new AbortController();
  for await (const { object } of server.kube.watch({ ...pods, resourceVersion: '10' }, stop.signal)) {
    assert.equal(object.note, 'žlutý');
    stop.abort();
  }
});

test('a watch that is forbidden ends with the refusal', async () => {
  await using server = await playServer((_, response) => sendJson(response, 403, status(403, 'Forbidden')));
  await assert.rejects(
    collect(server, 1, '10'),
    (error) => error instanceof KubeStatusError && error.status === 403,
  );
});

test('a server that keeps failing ends the watch when patience does', async () => {
  await using server = await playServer(
    (_, response) => sendJson(response, 500, status(500, 'InternalError')),
    {
      idleMs: 1_000,
      patienceMs: 60,
    },
  );
  await assert.rejects(
    collect(server, 1, '10'),
    (error) => error instanceof KubeStatusError && error.status === 500,
  );
  assert.ok(watchesOf(server).length > 2);
});

test('a server that asks a watch to wait for ages is not asked again and again', async () => {
  await using server = await playServer(
    (_, response) =>
      sendJson(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '99999999999' }),
    { idleMs: 1_000, patienceMs: 100 },
  );
  await assert.rejects(collect(server, 1, '10'));
  assert.equal(watchesOf(server).length, 2);
});

test('an abort ends a silent watch without an error, and closes its connection', {
  timeout: 10_000,
}, async () => {
  const closed = Promise.withResolvers<void>();
  const stop = new AbortController();
  await using server = await playServer((_, response) => {
    stream(response);
    response.on('close', closed.resolve);
    // The connection stands: now it is the watch's to close.
    setTimeout(() => stop.abort(), 30);
  });
  for await (const event of server.kube.watch({ ...pods, resourceVersion: '10' }, stop.signal))
    assert.fail(describe(event));
  await closed.promise;
});

test('a consumer that leaves the loop closes the stream', { timeout: 10_000 }, async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await playServer((_, response) => {
    stream(response, ['ADDED', pod('a', '11')]);
    response.on('close', closed.resolve);
  });
  for await (const _ of server.kube.watch({ ...pods, resourceVersion: '10' }, new AbortController().signal))
    break;
  await closed.promise;
});

test('a watch of metadata asks for nothing else, and names objects by their own kind', async () => {
  const partial = (name: string, version: string) => ({
    ...pod(name, version),
    apiVersion: 'meta.k8s.io/v1',
    kind: 'PartialObjectMetadata',
  });
  await using server = await playServer(({ query }, response) =>
    query.watch
      ? stream(response, ['MODIFIED', partial('a', '11')])
      : sendJson(response, 200, listOf('10', partial('a', '3'))),
  );
  const stop = new AbortController();
  const kinds: string[] = [];
  for await (const { object } of server.kube.watch({ ...pods, metadataOnly: true }, stop.signal)) {
    kinds.push(`${object.apiVersion} ${object.kind}`);
    if (kinds.length === 3) stop.abort();
  }
  assert.deepEqual(kinds, ['v1 Pod', 'v1 Pod', 'v1 Pod']);
  assert.deepEqual(
    server.requests.slice(-2).map(({ headers }) => headers.accept),
    ['PartialObjectMetadataList', 'PartialObjectMetadata'].map(
      (as) => `application/json;as=${as};g=meta.k8s.io;v=v1`,
    ),
  );
});
