import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { type KubeApi, type KubeObject, KubeStatusError, ZakenakError } from '@zakenak/core';
import { connectTo, mostRequests, playServer, pod, sendJson, status } from './testing/api-server.ts';

const podRef = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'a' };
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'apps' } };

const isStatus = (code: number) => (error: unknown) =>
  error instanceof KubeStatusError && error.status === code;
const isCode = (code: string) => (error: unknown) =>
  error instanceof ZakenakError && error.code === code && error.remedy !== '';

test('discovery takes two requests and is kept until it is refreshed', async () => {
  await using server = await playServer((_, response) => sendJson(response, 200, pod('a', '1')));
  await server.kube.get(podRef);
  await server.kube.get(podRef);
  const resources = await server.kube.resources();
  assert.deepEqual(resources.find(({ kind }) => kind === 'Pod')?.subresources, ['log', 'status']);
  assert.equal(server.requests.filter(({ path }) => path === '/apis').length, 1);
  server.kube.refreshDiscovery();
  await server.kube.resources();
  assert.equal(server.requests.filter(({ path }) => path === '/apis').length, 2);
});

test('an unknown kind names the nearest one', async () => {
  await using server = await playServer((_, response) => response.end());
  await assert.rejects(
    server.kube.get({ apiVersion: 'v1', kind: 'ConfigMaps', name: 'x' }),
    (error) =>
      isCode('kube/unknown-kind')(error) && (error as ZakenakError).remedy.includes('ConfigMap of v1'),
  );
});

test('of a kind whose own server does not answer it is not said that there is none', async () => {
  await using server = await playServer((_, response) => response.end());
  const silent = { apiVersion: 'silent.example.com/v1', kind: 'Thing', name: 'x' };
  await assert.rejects(
    server.kube.get(silent),
    (error) =>
      isCode('kube/unavailable-api')(error) &&
      (error as ZakenakError).remedy.includes('apiservice v1.silent.example.com'),
  );
  await assert.rejects(
    server.kube.get({ ...silent, apiVersion: 'silent.example.com/v2' }),
    isCode('kube/unknown-kind'),
  );
  assert.deepEqual(await server.kube.unavailableApis(), ['silent.example.com/v1']);
});

test('what does not exist is undefined for get and false for delete', async () => {
  await using server = await playServer((_, response) => sendJson(response, 404, status(404, 'NotFound')));
  assert.equal(await server.kube.get(podRef), undefined);
  assert.equal(await server.kube.delete(podRef), false);
});

test('apply sends the object with manager, force and dry-run, and names who owns a field in conflict', async () => {
  const causes = [
    { reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using v1', field: '.data.a' },
  ];
  await using server = await playServer((_, response) =>
    sendJson(response, 409, status(409, 'Conflict', { causes })),
  );
  await assert.rejects(
    server.kube.apply(configMap, { fieldManager: 'helm', force: true, dryRun: true }),
    (error) => {
      assert.ok(error instanceof KubeStatusError);
      assert.equal(error.reason, 'Conflict');
      assert.deepEqual(error.causes, causes);
      return true;
    },
  );
  const sent = server.requests.at(-1);
  assert.equal(sent?.method, 'PATCH');
  assert.equal(sent?.path, '/api/v1/namespaces/apps/configmaps/settings');
  assert.deepEqual(sent?.query, {
    fieldManager: 'helm',
    force: 'true',
    fieldValidation: 'Ignore',
    dryRun: 'All',
  });
  assert.equal(sent?.headers['content-type'], 'application/apply-patch+yaml');
  assert.deepEqual(sent?.body, configMap);
});

test('delete sends its preconditions and its propagation', async () => {
  await using server = await playServer((_, response) => sendJson(response, 200, status(200, '')));
  assert.equal(
    await server.kube.delete(podRef, {
      uid: 'u-1',
      resourceVersion: '7',
      propagation: 'Foreground',
      dryRun: true,
    }),
    true,
  );
  assert.deepEqual(server.requests.at(-1)?.body, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Foreground',
    preconditions: { uid: 'u-1', resourceVersion: '7' },
    dryRun: ['All'],
  });
});

test('the kinds of patches go out under their own content types, to the subresource named', async () => {
  await using server = await playServer((_, response) => sendJson(response, 200, pod('a', '2')));
  await server.kube.patch(podRef, 'merge', { status: {} }, { subresource: 'status' });
  await server.kube.patch(podRef, 'json', []);
  await server.kube.patch(podRef, 'strategic', {});
  const sent = server.requests.filter(({ method }) => method === 'PATCH');
  assert.deepEqual(
    sent.map(({ path, headers }) => [path, headers['content-type']]),
    [
      ['/api/v1/namespaces/default/pods/a/status', 'application/merge-patch+json'],
      ['/api/v1/namespaces/default/pods/a', 'application/json-patch+json'],
      ['/api/v1/namespaces/default/pods/a', 'application/strategic-merge-patch+json'],
    ],
  );
});

test('a long list is read page by page, and its items bear their kind', async () => {
  const bare = (name: string) => ({ metadata: { name, namespace: 'default' } });
  await using server = await playServer(({ query }, response) =>
    query.continue
      ? sendJson(response, 200, { kind: 'PodList', metadata: { resourceVersion: '9' }, items: [bare('b')] })
      : sendJson(response, 200, {
          kind: 'PodList',
          metadata: { resourceVersion: '9', continue: 'next' },
          items: [bare('a')],
        }),
  );
  const { items, resourceVersion } = await server.kube.list({
    apiVersion: 'v1',
    kind: 'Pod',
    labelSelector: 'a in (b,c)',
  });
  assert.deepEqual(
    items.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ['Pod/a', 'Pod/b'],
  );
  assert.equal(resourceVersion, '9');
  assert.deepEqual(server.requests.at(-1)?.query, {
    labelSelector: 'a in (b,c)',
    limit: '500',
    continue: 'next',
  });
});

test('a list whose continue token ran out is read again in one piece, without doubles', async () => {
  const page = (names: readonly string[], token?: string) => ({
    kind: 'PodList',
    metadata: { resourceVersion: '5', continue: token },
    items: names.map((name) => pod(name, '1')),
  });
  await using server = await playServer(({ query }, response) => {
    if (query.continue) sendJson(response, 410, status(410, 'Expired'));
    else sendJson(response, 200, query.limit ? page(['a'], 'old') : page(['a', 'b']));
  });
  const { items } = await server.kube.list({ apiVersion: 'v1', kind: 'Pod' });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['a', 'b'],
  );
});

test('a request turned away with 429 comes again after the time asked for, also a create', async () => {
  let turned = 0;
  let turnedAt = 0;
  await using server = await playServer((_, response) => {
    if (turned++ > 0) return sendJson(response, 201, configMap);
    turnedAt = performance.now();
    return sendJson(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '1' });
  });
  await server.kube.create(configMap);
  assert.equal(turned, 2);
  assert.ok(performance.now() - turnedAt >= 990);
});

test('a server that asks for no pause at all is asked with pauses of our own, and what it said is known meanwhile', async () => {
  let turned = 0;
  const said: (string | undefined)[] = [];
  await using server = await playServer((_, response) => {
    said.push(server.kube.heldUp());
    turned += 1;
    if (performance.now() - begun > 200) return sendJson(response, 200, pod('a', '1'));
    return sendJson(response, 503, status(503, 'ServiceUnavailable'), { 'retry-after': '0' });
  });
  const begun = performance.now();
  await server.kube.get(podRef);
  assert.ok(turned < 20, `${turned} requests`);
  assert.deepEqual(said.slice(0, 2), [undefined, 'ServiceUnavailable it is']);
  assert.equal(server.kube.heldUp(), undefined);
});

test('a server error is tried again a few times where that is harmless, one of a webhook or about a field never', async () => {
  let message = 'etcdserver: leader changed';
  await using server = await playServer((_, response) =>
    sendJson(response, 500, Object.assign({}, status(500, 'InternalError'), { message })),
  );
  const tries = () => server.requests.filter(({ path }) => path.includes('pods')).length;
  await assert.rejects(server.kube.get(podRef), isStatus(500));
  assert.equal(tries(), 4);
  message = 'Internal error occurred: failed calling webhook "a.example.com"';
  await assert.rejects(server.kube.get(podRef), isStatus(500));
  assert.equal(tries(), 5);
  message = 'failed to create typed patch object (apps/a; v1, Kind=Pod): .spek: field not declared in schema';
  await assert.rejects(server.kube.get(podRef), isStatus(500));
  assert.equal(tries(), 6);
});

test('gets and applies survive a connection that is cut', async () => {
  let cut = true;
  await using server = await playServer((_, response) => {
    if (!cut) return sendJson(response, 200, pod('a', '1'));
    cut = false;
    return void response.destroy();
  });
  assert.equal((await server.kube.get(podRef))?.metadata.name, 'a');
  cut = true;
  await server.kube.apply(configMap, { fieldManager: 'helm' });
  assert.deepEqual(
    server.requests.slice(2).map(({ method }) => method),
    ['GET', 'GET', 'PATCH', 'PATCH'],
  );
});

test('a create whose answer was lost is looked for, and sent again only when it was not carried out', async () => {
  for (const isDone of [true, false]) {
    let posts = 0;
    await using server = await playServer(({ method }, response) => {
      if (method === 'POST' && posts++ === 0) return void response.destroy();
      if (method === 'GET' && !isDone) return sendJson(response, 404, status(404, 'NotFound'));
      return sendJson(response, 200, { ...configMap, data: { added: 'by the server' } });
    });
    assert.equal((await server.kube.create(configMap)).metadata.name, 'settings');
    assert.equal(posts, isDone ? 1 : 2);
  }
});

test('a question about one’s own rights, and a create as dry run, are sent again without looking for anything', async () => {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };
  const asked = { ...review, metadata: { name: '' } };
  for (const ask of [
    (kube: KubeApi) => kube.create(asked),
    (kube: KubeApi) => kube.fenced(() => assert.fail('nothing is written')).create(asked),
    (kube: KubeApi) => kube.create(configMap, { dryRun: true }),
  ]) {
    let posts = 0;
    await using server = await playServer(({ method, body }, response) => {
      assert.equal(method, 'POST');
      if (posts++ === 0) return void response.destroy();
      sendJson(response, 201, body);
    });
    await ask(server.kube);
    assert.equal(posts, 2);
  }
});

test('a create that meets something else after its answer was lost is not taken for done', async () => {
  const other = { ...configMap, metadata: { ...configMap.metadata, labels: { by: 'another' } } };
  await using server = await playServer(({ method }, response) =>
    method === 'POST' ? void response.destroy() : sendJson(response, 200, configMap),
  );
  await assert.rejects(server.kube.create(other), isCode('kube/unreachable'));
});

test('a replace whose answer was lost is sent again only while the object is as it was', async () => {
  const sent = { ...configMap, metadata: { ...configMap.metadata, resourceVersion: '1' }, data: { a: 'b' } };
  for (const [live, puts] of [
    [{ ...sent, metadata: { ...sent.metadata, resourceVersion: '2' } }, 1],
    [{ ...sent, data: { a: 'old' } }, 2],
  ] as const) {
    let count = 0;
    await using server = await playServer(({ method }, response) => {
      if (method === 'PUT' && count++ === 0) return void response.destroy();
      return sendJson(response, 200, live);
    });
    await server.kube.replace(sent);
    assert.equal(count, puts);
  }
  await using server = await playServer(({ method }, response) =>
    method === 'PUT'
      ? void response.destroy()
      : sendJson(response, 200, { ...configMap, metadata: { ...configMap.metadata, resourceVersion: '9' } }),
  );
  await assert.rejects(server.kube.replace(sent), isCode('kube/unreachable'));
});

test('a JSON patch whose answer was lost is sent again where it is bound to a version, and else not', async () => {
  const append = { op: 'add', path: '/metadata/finalizers/-', value: 'example.com/x' };
  for (const [guard, isBound] of [
    [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }, true],
    [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }, true],
    [{ op: 'test', path: '/data/a', value: 'b' }, false],
  ] as const) {
    let tries = 0;
    await using server = await playServer((_, response) =>
      tries++ === 0 ? void response.destroy() : sendJson(response, 422, status(422, 'Invalid')),
    );
    await assert.rejects(
      server.kube.patch(podRef, 'json', [guard, append]),
      isBound ? isStatus(422) : isCode('kube/unreachable'),
    );
    assert.equal(tries, isBound ? 2 : 1);
  }
});

test('a delete whose answer was lost counts as ours when the object is gone', async () => {
  let tries = 0;
  await using server = await playServer((_, response) =>
    tries++ === 0 ? void response.destroy() : sendJson(response, 404, status(404, 'NotFound')),
  );
  assert.equal(await server.kube.delete(podRef), true);
});

test('what is no API server, and an account that may not ask what is served, are told as such', async () => {
  const page = (response: ServerResponse) => void response.end('<html>log in</html>');
  for (const [play, code] of [
    [(response: ServerResponse) => sendJson(response, 404, status(404, 'NotFound')), 'kube/no-api-server'],
    [page, 'kube/no-api-server'],
    [(response: ServerResponse) => sendJson(response, 403, status(403, 'Forbidden')), 'kube/no-discovery'],
  ] as const) {
    await using server = await playServer((_, response) => play(response));
    await assert.rejects(server.kube.version(), isCode(code));
  }
});

/** What a gateway or a page to log in at sends in an API server's place. */
const strange: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'a page': (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  'half an object': (response) => void response.writeHead(200).end('{"kind":"Pod","metad'),
  nothing: (response) => void response.writeHead(200).end(),
  'JSON of another kind': (response) => sendJson(response, 200, {}),
  'no object': (response) => sendJson(response, 200, null),
};
for (const [name, play] of Object.entries(strange))
  test(`${name} in place of an answer is waited out, told as such, and never taken for what was asked`, async () => {
    for (const ask of [
      (kube: KubeApi) => kube.get(podRef),
      (kube: KubeApi) => kube.list({ apiVersion: 'v1', kind: 'Pod' }),
      (kube: KubeApi) => kube.apply(configMap, { fieldManager: 'm' }),
      (kube: KubeApi) => kube.delete(podRef),
      (kube: KubeApi) => kube.create({ ...configMap, metadata: { name: '' } }),
    ]) {
      await using server = await playServer((_, response) => play(response));
      await server.kube.resources();
      await assert.rejects(ask(server.kube), isCode('kube/no-api-server'));
    }
    let tries = 0;
    await using server = await playServer((_, response) =>
      tries++ === 0 ? play(response) : sendJson(response, 200, pod('a', '7')),
    );
    assert.equal((await server.kube.get(podRef))?.metadata.resourceVersion, '7');
    assert.equal(tries, 2);
  });

test('a create that a page answers is done once, whether or not it reached the server', async () => {
  for (const isLate of [false, true]) {
    let [posts, made] = [0, false];
    await using server = await playServer(({ method }, response) => {
      if (method === 'GET')
        return made ? sendJson(response, 200, configMap) : sendJson(response, 404, status(404, 'NotFound'));
      const isFirst = posts++ === 0;
      made ||= isLate || !isFirst;
      return isFirst ? void response.end('<html>') : sendJson(response, 201, configMap);
    });
    await server.kube.create(configMap);
    assert.equal(posts, isLate ? 1 : 2);
  }
});

test('a create whose last answer is lost too is looked for before it counts as not done', async () => {
  let posts = 0;
  await using server = await playServer(({ method }, response) => {
    if (method === 'POST') {
      posts += 1;
      return void response.destroy();
    }
    return posts < 5
      ? sendJson(response, 404, status(404, 'NotFound'))
      : sendJson(response, 200, { ...configMap, metadata: { ...configMap.metadata, uid: 'u' } });
  });
  assert.equal((await server.kube.create(configMap)).metadata.uid, 'u');
  assert.equal(posts, 5);
});

test('a refusal whose details are none of Kubernetes’ is a refusal like another', async () => {
  for (const causes of ['text', [null, 1], 7]) {
    const body = { ...(status(422, 'Invalid') as object), details: { causes } };
    await using server = await playServer((_, response) => sendJson(response, 422, body));
    await assert.rejects(server.kube.get(podRef), isStatus(422));
  }
});

test('an object is not there only where an API server says so', async () => {
  const gone = (response: ServerResponse) => sendJson(response, 404, status(404, 'NotFound'));
  const unserved = (response: ServerResponse) => void response.writeHead(404).end('404 page not found\n');
  for (const play of [gone, unserved]) {
    await using server = await playServer((_, response) => play(response));
    assert.equal(await server.kube.get(podRef), undefined);
    assert.equal(await server.kube.delete(podRef), false);
  }
  await using server = await playServer((_, response) => void response.writeHead(404).end('<html>'));
  await assert.rejects(server.kube.get(podRef), isCode('kube/no-api-server'));
  await assert.rejects(server.kube.delete(podRef), isCode('kube/no-api-server'));
});

test('refused credentials are told as such', async () => {
  await using server = await playServer((_, response) =>
    sendJson(response, 401, status(401, 'Unauthorized')),
  );
  await assert.rejects(server.kube.get(podRef), isCode('kube/unauthorized'));
});

test('an address where nobody listens is told within a second', async () => {
  const free = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const kube = await connectTo(`http://127.0.0.1:${port}`);
  await assert.rejects(kube.version(), isCode('kube/unreachable'));
});

test('an aborted request rejects with the run’s own reason', async () => {
  await using server = await playServer(() => {});
  await server.kube.resources();
  const stop = new AbortController();
  const waiting = server.kube.get(podRef, stop.signal);
  setTimeout(() => stop.abort(), 20);
  await assert.rejects(waiting, isCode('run/cancelled'));
});

test('logs are text, and their refusal is a status', async () => {
  await using server = await playServer(({ query }, response) =>
    query.previous ? sendJson(response, 400, status(400, 'BadRequest')) : response.end('one\ntwo\n'),
  );
  const at = { namespace: 'default', pod: 'a', container: 'main', tailLines: 2 };
  assert.equal(await server.kube.logs(at), 'one\ntwo\n');
  assert.deepEqual(server.requests.at(-1)?.query, {
    container: 'main',
    tailLines: '2',
    limitBytes: '8388608',
  });
  await assert.rejects(server.kube.logs({ ...at, previous: true }), isStatus(400));
});

test('the version of a distribution is read as numbers', async () => {
  await using server = await playServer((_, response) =>
    sendJson(response, 200, { major: '1', minor: '27+', gitVersion: 'v1.27.3-gke.100' }),
  );
  assert.deepEqual(await server.kube.version(), { major: 1, minor: 27, gitVersion: 'v1.27.3-gke.100' });
});

test('a write that waits for a connection is not sent when the fence has closed meanwhile', async () => {
  const waiting: (() => void)[] = [];
  const full = Promise.withResolvers<void>();
  await using server = await playServer(({ body }, response) => {
    waiting.push(() =>
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    );
    if (waiting.length === mostRequests()) full.resolve();
  });
  let isHeld = true;
  const fenced = server.kube.fenced(() => {
    if (!isHeld)
      throw new ZakenakError({ code: 'test/lost', message: 'the lock is lost', remedy: 'none', exitCode: 4 });
  });
  const writes = Array.from({ length: mostRequests() + 8 }, (_, index) =>
    fenced
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `a${index}`, namespace: 'default' } })
      .then(
        () => 'written',
        (error: Error) => error.message,
      ),
  );
  await full.promise;
  isHeld = false;
  for (const answer of waiting) answer();
  const ends = Map.groupBy(await Promise.all(writes), (end) => end);
  assert.equal(ends.get('written')?.length, mostRequests());
  assert.equal(ends.get('the lock is lost')?.length, 8);
  assert.equal(server.requests.filter(({ method }) => method === 'POST').length, mostRequests());
});

test('a write whose answer does not come while the fence is open is given up, its connection closed; one that may go on is waited for', async () => {
  const closed: string[] = [];
  await using server = await playServer(({ body }, response) => {
    const { name } = (body as KubeObject).metadata;
    response.once('close', () => void closed.push(`${name} ${response.writableFinished}`));
    if (name === 'slow')
      setTimeout(
        () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        400,
      );
  });
  // The connection stands before the clock runs.
  await server.kube.resources();
  let until = performance.now() + 200;
  const leftMs = () => until - performance.now();
  const guard = () => {
    if (leftMs() <= 0)
      throw new ZakenakError({ code: 'test/lost', message: 'the lock is lost', remedy: 'none', exitCode: 4 });
  };
  const fenced = server.kube.fenced(guard, leftMs);
  const write = (name: string) =>
    fenced.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } },
      { fieldManager: 'test' },
    );
  const slow = write('slow');
  // As a lock that is renewed.
  setTimeout(() => {
    until = performance.now() + 2_000;
  }, 50);
  assert.equal((await slow).metadata.name, 'slow');
  until = performance.now() + 200;
  await assert.rejects(write('never'), { code: 'test/lost' });
  while (closed.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(closed, ['slow true', 'never false']);
  assert.equal(
    server.requests.filter(({ method }) => method === 'PATCH').length,
    2,
    'it was not tried again',
  );
});
