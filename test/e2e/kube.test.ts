import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type KubeApi,
  type KubeObject,
  KubeStatusError,
  type KubeWatchEvent,
  ZakenakError,
} from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { createTestToolchain, startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});

after(() => sandbox?.stop());

function configMap(name: string, data: Readonly<Record<string, string>>, labels = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data };
}

const refTo = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name });
const isStatus = (status: number, reason: string) => (error: unknown) =>
  error instanceof KubeStatusError && error.status === status && error.reason === reason;
const isCode = (code: string) => (error: unknown) => error instanceof ZakenakError && error.code === code;

test('the kinds found are those that kubectl finds', async () => {
  const program = await createTestToolchain().resolve('kubernetes');
  const args = ['kubectl', '--kubeconfig', sandbox.kubeconfig, 'api-resources', '--no-headers', '-o', 'name'];
  const theirs = execFileSync(program, args, { encoding: 'utf8' }).trim().split('\n').sort();
  const ours = (await kube.resources()).map(({ apiVersion, resource }) => {
    const [group, version] = apiVersion.split('/');
    return version ? `${resource}.${group}` : resource;
  });
  assert.deepEqual([...new Set(ours)].sort(), theirs);
  const deployment = (await kube.resources()).find(({ kind }) => kind === 'Deployment');
  assert.deepEqual(deployment?.subresources.toSorted(), ['scale', 'status']);
  assert.equal(deployment?.namespaced, true);
  assert.deepEqual(await kube.version(), { major: 1, minor: 34, gitVersion: 'v1.34.4' });
});

test('an apply that meets another manager’s field names it, and force takes it', async () => {
  await kube.apply(configMap('owned', { a: '1' }), { fieldManager: 'first' });
  const taking = (force: boolean) =>
    kube.apply(configMap('owned', { a: '2' }), { fieldManager: 'second', force });
  await assert.rejects(taking(false), (error) => {
    assert.ok(isStatus(409, 'Conflict')(error));
    const [cause] = (error as KubeStatusError).causes;
    assert.equal(cause?.reason, 'FieldManagerConflict');
    assert.equal(cause?.field, '.data.a');
    assert.ok(cause?.message?.includes('"first"'));
    return true;
  });
  assert.deepEqual((await taking(true)).data, { a: '2' });
});

test('a dry run writes nothing', async () => {
  const written = await kube.apply(configMap('dry', { a: '1' }), { fieldManager: 'x', dryRun: true });
  assert.ok(written.metadata.uid);
  await kube.create(configMap('dry', {}), { dryRun: true });
  assert.equal(await kube.get(refTo('dry')), undefined);
});

test('what is written is guarded by name, version and uid', async () => {
  const made = await kube.create(configMap('guarded', { a: '1' }), { fieldManager: 'x' });
  await assert.rejects(kube.create(configMap('guarded', {})), isStatus(409, 'AlreadyExists'));
  const replaced = await kube.replace({ ...made, data: { a: '2' } });
  assert.deepEqual(replaced.data, { a: '2' });
  await assert.rejects(kube.replace({ ...made, data: { a: '3' } }), isStatus(409, 'Conflict'));
  await assert.rejects(kube.delete(refTo('guarded'), { uid: 'another' }), isStatus(409, 'Conflict'));
  const patched = await kube.patch(refTo('guarded'), 'merge', { data: { a: null, b: '1' } });
  assert.deepEqual(patched.data, { b: '1' });
  assert.equal(await kube.delete(refTo('guarded'), { uid: made.metadata.uid ?? '' }), true);
  assert.equal(await kube.delete(refTo('guarded')), false);
  const invalid = { ...configMap('Not A Name', {}) };
  await assert.rejects(kube.apply(invalid, { fieldManager: 'x' }), isStatus(422, 'Invalid'));
});

test('a long list comes whole, in pages of 500', async () => {
  const names = Array.from({ length: 1_100 }, (_, index) => `page-${index}`);
  await Promise.all(names.map((name) => kube.create(configMap(name, {}, { many: 'yes' }))));
  const { items } = await kube.list({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'default',
    labelSelector: 'many=yes',
  });
  assert.equal(new Set(items.map(({ metadata }) => metadata.name)).size, 1_100);
  assert.equal(items[0]?.kind, 'ConfigMap');
  const audit = await readFile(sandbox.auditLog, 'utf8');
  const pages = audit
    .split('\n')
    .filter((line) => line.includes('"verb":"list"') && line.includes('many%3Dyes'));
  assert.equal(pages.length, 3);
});

test('a kind that is installed meanwhile is found without being told', async () => {
  const widget: KubeObject = {
    apiVersion: 'shop.example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'default' },
  };
  await kube.resources();
  await assert.rejects(kube.apply(widget, { fieldManager: 'x' }), isCode('kube/unknown-kind'));
  await kube.apply(customResource(), { fieldManager: 'x' });
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await kube.apply(widget, { fieldManager: 'x' });
      break;
    } catch (error) {
      if (!isCode('kube/unknown-kind')(error) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  assert.ok(
    await kube.get({ apiVersion: 'shop.example.com/v1', kind: 'Widget', namespace: 'default', name: 'w' }),
  );
});

function customResource(): KubeObject {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.shop.example.com' },
    spec: {
      group: 'shop.example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

/** Follows the config maps of a label; `until` resolves when an event is there. */
function follow(api: KubeApi, label: string, resourceVersion?: string) {
  const stop = new AbortController();
  const seen: string[] = [];
  const describe = ({ type, object }: KubeWatchEvent) => `${type} ${object.metadata.name}`;
  const selector = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'default',
    labelSelector: `group=${label}`,
  };
  const from = resourceVersion === undefined ? selector : { ...selector, resourceVersion };
  const ended = (async () => {
    for await (const event of api.watch(from, stop.signal))
      if (event.type !== 'BOOKMARK') seen.push(describe(event));
  })();
  const until = async (wanted: string) => {
    const deadline = Date.now() + 10_000;
    while (!seen.includes(wanted)) {
      assert.ok(Date.now() < deadline, `no '${wanted}' among ${seen.join(', ')}`);
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10))]);
    }
  };
  const end = () => {
    stop.abort();
    return ended;
  };
  return { seen, until, end };
}

test('a watch delivers what is there and what changes', async () => {
  await kube.create(configMap('w1', {}, { group: 'watch' }));
  const watch = follow(kube, 'watch');
  await watch.until('ADDED w1');
  await kube.patch(refTo('w1'), 'merge', { data: { a: '1' } });
  await watch.until('MODIFIED w1');
  await kube.delete(refTo('w1'));
  await watch.until('DELETED w1');
  await watch.end();
  assert.deepEqual(watch.seen, ['ADDED w1', 'MODIFIED w1', 'DELETED w1']);
});

test('a version that the server has forgotten is answered with everything that is there', async () => {
  await kube.create(configMap('forgotten', {}, { group: 'forgotten' }));
  const watch = follow(kube, 'forgotten', '1');
  await watch.until('ADDED forgotten');
  await kube.delete(refTo('forgotten'));
  await watch.until('DELETED forgotten');
  await watch.end();
  assert.deepEqual(watch.seen, ['ADDED forgotten', 'DELETED forgotten']);
});

test('a watch whose connection is cut misses nothing', async () => {
  await using proxy = await startProxy(Number(new URL(sandbox.apiServer).port));
  const config = JSON.parse(await readFile(sandbox.kubeconfig, 'utf8'));
  config.clusters[0].cluster.server = `https://127.0.0.1:${proxy.port}`;
  const path = join(sandbox.folder, 'proxied-kubeconfig');
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  const proxied = await connectKube({ env: {}, kubeconfig: path });
  const watch = follow(proxied, 'cut');
  for (let round = 0; round < 5; round++) {
    const name = `cut-${round}`;
    await kube.create(configMap(name, {}, { group: 'cut' }));
    await watch.until(`ADDED ${name}`);
    proxy.cut();
    await kube.delete(refTo(name));
    await watch.until(`DELETED ${name}`);
  }
  await watch.end();
  assert.equal(watch.seen.length, 10);
});

async function startProxy(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = connect(port, '127.0.0.1');
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    inside.pipe(outside).pipe(inside);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('wrong credentials, a foreign authority and another server’s name are told apart', async () => {
  const original = JSON.parse(await readFile(sandbox.kubeconfig, 'utf8'));
  const withChange = async (change: (config: typeof original) => void) => {
    const config = structuredClone(original);
    change(config);
    const path = join(sandbox.folder, 'changed-kubeconfig');
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return connectKube({ env: {}, kubeconfig: path });
  };
  const badToken = await withChange((config) => {
    config.users[0].user = { token: 'nobody' };
  });
  await assert.rejects(badToken.version(), isCode('kube/unauthorized'));
  const untrusted = await withChange((config) => {
    delete config.clusters[0].cluster['certificate-authority-data'];
  });
  await assert.rejects(untrusted.version(), (error) => {
    assert.ok(isCode('kube/unreachable')(error));
    return (error as ZakenakError).remedy.includes('certificate authority');
  });
  const wrongName = await withChange((config) => {
    config.clusters[0].cluster['tls-server-name'] = 'another.example.com';
  });
  await assert.rejects(wrongName.version(), isCode('kube/unreachable'));
  const rightName = await withChange((config) => {
    config.clusters[0].cluster['tls-server-name'] = 'kubernetes';
  });
  assert.equal((await rightName.version()).major, 1);
});

test('who is impersonated is who kubectl makes of it, extras too', async () => {
  const config = JSON.parse(await readFile(sandbox.kubeconfig, 'utf8'));
  const extra = { scopes: ['a', 'b'], 'example.com/über %': ['c'] };
  Object.assign(config.users[0].user, {
    as: 'jörg',
    'as-groups': ['system:masters'],
    'as-user-extra': extra,
  });
  const path = join(sandbox.folder, 'impersonating-kubeconfig');
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  const review = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: { name: '' },
  };
  const { status } = await (await connectKube({ env: {}, kubeconfig: path })).create(review);
  const { username, extra: seen } = (status as { userInfo: { username: string; extra: unknown } }).userInfo;
  assert.deepEqual([username, seen], ['jörg', extra]);
});

test('a watch of metadata delivers no body, from the list on', async () => {
  await kube.apply(configMap('only-metadata', { a: '1' }, { part: 'meta' }), { fieldManager: 'first' });
  const stop = new AbortController();
  const seen: KubeWatchEvent[] = [];
  const selector = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', labelSelector: 'part=meta' };
  for await (const event of kube.watch({ ...selector, metadataOnly: true }, stop.signal)) {
    seen.push(event);
    if (event.type === 'ADDED') await kube.patch(refTo('only-metadata'), 'merge', { data: { a: '2' } });
    if (event.type === 'MODIFIED') stop.abort();
  }
  assert.deepEqual(
    seen.map(({ type, object }) => [type, object.kind, object.metadata.name, object.data]),
    [
      ['ADDED', 'ConfigMap', 'only-metadata', undefined],
      ['BOOKMARK', 'ConfigMap', '', undefined],
      ['MODIFIED', 'ConfigMap', 'only-metadata', undefined],
    ],
  );
});
