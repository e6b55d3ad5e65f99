import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ZakenakError } from '@zakenak/core';
import { createProcessRunner } from '@zakenak/machine';
import { connectKube } from './connect.ts';
import { createCredentials } from './credentials.ts';
import type { UserEntry } from './kubeconfig.ts';
import { locateTarget } from './locate-kubeconfig.ts';
import { playServer, sendJson, status } from './testing/api-server.ts';

const folder = await mkdtemp(join(tmpdir(), 'zakenak-kube-'));
after(() => rm(folder, { recursive: true }));

async function write(name: string, content: unknown, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  await chmod(path, mode);
  return path;
}

function config(name: string, options: { cluster?: object; user?: object; current?: boolean } = {}): object {
  return {
    ...(options.current === false ? {} : { 'current-context': name }),
    clusters: [{ name, cluster: { server: `https://${name}.invalid:6443`, ...options.cluster } }],
    users: [{ name, user: options.user ?? {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `${name}-ns` } }],
  };
}

const isCode =
  (code: string, said = '') =>
  (error: unknown) =>
    error instanceof ZakenakError && error.code === code && error.message.concat(error.remedy).includes(said);

test('KUBECONFIG lists files: the first to say something wins, missing ones are passed over', async () => {
  const first = await write('first', config('one', { current: false }));
  const second = await write('second', config('two'));
  const env = { KUBECONFIG: `${join(folder, 'absent')}:${first}:${second}` };
  assert.equal((await locateTarget({ env })).context, 'two');
  const one = await locateTarget({ env, context: 'one' });
  assert.equal(one.cluster.server, 'https://one.invalid:6443');
  assert.equal(one.namespace, 'one-ns');
});

test('YAML is read as well, and paths in it count from its folder', async () => {
  const text = [
    'current-context: a',
    'clusters: [{name: a, cluster: {server: "https://a.invalid", certificate-authority: pki/ca.crt}}]',
    'users: [{name: a, user: {tokenFile: token}}]',
    'contexts: [{name: a, context: {cluster: a, user: a}}]',
  ].join('\n');
  const target = await locateTarget({ env: {}, kubeconfig: await write('yaml', text) });
  assert.equal(target.cluster['certificate-authority'], join(folder, 'pki/ca.crt'));
  assert.equal(target.user.tokenFile, join(folder, 'token'));
  assert.equal(target.namespace, 'default');
});

test('no kubeconfig anywhere says where it was looked for', async () => {
  const env = { HOME: join(folder, 'nowhere') };
  await assert.rejects(locateTarget({ env }), isCode('kube/no-kubeconfig', 'nowhere/.kube/config'));
  await assert.rejects(locateTarget({ env, kubeconfig: join(folder, 'none') }), isCode('kube/no-kubeconfig'));
});

test('a mistyped context gets the nearest one', async () => {
  const path = await write('context', config('kind-prod'));
  const wrong = locateTarget({ env: {}, kubeconfig: path, context: 'kind-prd' });
  await assert.rejects(wrong, isCode('kube/unknown-context', "'kind-prod'"));
});

test('a context that is not there, and a folder in place of a file, are told with what helps', async () => {
  const path = await write('context', config('kind-prod'));
  const absent = locateTarget({ env: {}, kubeconfig: path, context: 'zakenak-sandbox' });
  // Another current context would change nothing: this one was named.
  await assert.rejects(absent, (error) => {
    assert.ok(isCode('kube/unknown-context', '--context')(error));
    return !(error as ZakenakError).remedy.includes('use-context');
  });
  await assert.rejects(
    locateTarget({ env: { KUBECONFIG: folder } }),
    isCode('kube/bad-kubeconfig', 'folder'),
  );
});

test('a broken file is named without quoting what is in it', async () => {
  const path = await write('broken', 'users:\n  - token: "very-private\n  x: [');
  await assert.rejects(locateTarget({ env: {}, kubeconfig: path }), (error) => {
    assert.ok(isCode('kube/bad-kubeconfig', path)(error));
    assert.ok(
      !JSON.stringify([error, (error as Error).message, (error as Error).cause]).includes('very-private'),
    );
    return true;
  });
});

test('inside a pod the service account serves', async () => {
  const account = await mkdtemp(join(folder, 'account-'));
  await writeFile(join(account, 'token'), 'pod-token\n');
  await writeFile(join(account, 'namespace'), 'apps');
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  const target = await locateTarget({ env, serviceAccount: account });
  assert.equal(target.cluster.server, 'https://[fd00::1]:443');
  assert.equal(target.namespace, 'apps');
  const { headers } = await createCredentials(target, env).current();
  assert.equal(headers.authorization, 'Bearer pod-token');
  // Who names another cluster does not get this one.
  const named = (context: string) => locateTarget({ env, serviceAccount: account, context });
  await assert.rejects(named('kind-prod'), isCode('kube/unknown-context', "'in-cluster'"));
  assert.equal((await named('in-cluster')).inCluster, true);
});

test('proxies, auth-providers and a CA beside insecure are refused', async () => {
  const cases: readonly [object, UserEntry][] = [
    [{ 'proxy-url': 'http://127.0.0.1:1' }, {}],
    [{}, { 'auth-provider': { name: 'gcp' } }],
    [{ 'insecure-skip-tls-verify': true, 'certificate-authority-data': 'QQ==' }, {}],
    [{ 'certificate-authority': 'absent.crt' }, {}],
    [{ server: 'ftp://a' }, {}],
    [{ server: 5 }, {}],
    [{ server: 'https://ann:pass@127.0.0.1' }, {}],
    [{ 'certificate-authority-data': 5 }, {}],
    [{ 'certificate-authority-data': 'QQ==' }, {}],
    [{ 'insecure-skip-tls-verify': 'true' }, {}],
    [{}, { exec: 'plugin' as never }],
    [{}, { exec: {} as never }],
    [{}, { exec: { command: 'plugin', args: { a: 1 } as never } }],
    [{}, { exec: { command: 'plugin', env: ['A=b'] as never } }],
    [{}, { token: 5 as never }],
    [{}, { as: 'bob', 'as-groups': 'admins' as never }],
    [{}, { as: 'bob', 'as-user-extra': { scopes: 'a' as never } }],
  ];
  for (const [cluster, user] of cases) {
    const kubeconfig = await write('refused', config('a', { cluster, user }));
    await assert.rejects(connectKube({ env: {}, kubeconfig }), isCode('kube/bad-kubeconfig'));
  }
});

test('a credential that no connection can be made with is told without what it holds', async () => {
  for (const user of [
    { token: 'one\ntwo' },
    { token: 'abc', as: 'bob\r\nx: y' },
    { 'client-certificate-data': 'QQ==' },
  ]) {
    const target = await locateTarget({
      env: {},
      kubeconfig: await write('unusable', config('a', { user })),
    });
    const { message, code } = await createCredentials(target, {})
      .current()
      .then(
        () => assert.fail('it was taken'),
        (error: ZakenakError) => error,
      );
    assert.equal(code, 'kube/bad-kubeconfig');
    assert.doesNotMatch(message, /two|bob/);
  }
});

test('user, password and impersonation become headers', async () => {
  const user = {
    username: 'ann',
    password: 'pass',
    as: 'jörg',
    'as-groups': ['x', 'y'],
    'as-user-extra': { scopes: ['a', 'b'], 'Example.com/über %': ['c'] },
  };
  const target = await locateTarget({ env: {}, kubeconfig: await write('basic', config('a', { user })) });
  assert.deepEqual((await createCredentials(target, {}).current()).headers, {
    authorization: `Basic ${Buffer.from('ann:pass').toString('base64')}`,
    'impersonate-user': Buffer.from('jörg').toString('latin1'),
    'impersonate-group': ['x', 'y'],
    'impersonate-extra-scopes': ['a', 'b'],
    'impersonate-extra-example.com%2f%c3%bcber%20%25': ['c'],
  });
});

test('a certificate counts beside a token file', async () => {
  const user = { tokenFile: 'token', 'client-certificate-data': 'QQ==', 'client-key-data': 'Qg==' };
  await write('token', 'abc');
  const target = await locateTarget({ env: {}, kubeconfig: await write('both', config('a', { user })) });
  const { headers, certificate, key } = await createCredentials(target, {}).current();
  assert.deepEqual([headers.authorization, certificate, key], ['Bearer abc', 'A', 'B']);
});

test('certificate files that were replaced are read when the server refuses the former ones', async () => {
  const user = { 'client-certificate': 'tls.crt', 'client-key': 'tls.key' };
  const replaceBy = (text: string) => Promise.all(['tls.crt', 'tls.key'].map((name) => write(name, text)));
  await replaceBy('former');
  const target = await locateTarget({ env: {}, kubeconfig: await write('files', config('a', { user })) });
  const credentials = createCredentials(target, {});
  const former = await credentials.current();
  assert.equal(former.certificate, 'former');
  await replaceBy('newer');
  assert.equal(credentials.renew(former), true);
  assert.deepEqual(await credentials.current(), { headers: {}, certificate: 'newer', key: 'newer' });
});

/** A credential plugin that numbers its tokens and writes down what it was told. */
async function plugin(expires = ''): Promise<string> {
  const program = `#!${process.execPath}
const fs = require('node:fs');
const count = fs.existsSync('${folder}/count') ? Number(fs.readFileSync('${folder}/count', 'utf8')) + 1 : 1;
fs.writeFileSync('${folder}/count', String(count));
fs.writeFileSync('${folder}/info', JSON.stringify({ info: JSON.parse(process.env.KUBERNETES_EXEC_INFO), own: process.env.OWN, args: process.argv.slice(2) }));
console.log(JSON.stringify({ kind: 'ExecCredential', status: { token: 'token-' + count, expirationTimestamp: '${expires}' || undefined } }));
`;
  await rm(join(folder, 'count'), { force: true });
  return write('plugin', program, 0o700);
}

test('a credential plugin is asked once, and again when the server refuses its token', async () => {
  await plugin();
  await using server = await playServer(({ headers }, response) =>
    headers.authorization === 'Bearer token-2'
      ? sendJson(response, 200, { major: '1', minor: '34', gitVersion: 'v1.34.4' })
      : sendJson(response, 401, status(401, 'Unauthorized')),
  );
  const user = {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'plugin',
      args: ['get-token', 'a b'],
      env: [{ name: 'OWN', value: 'yes' }],
      provideClusterInfo: true,
    },
  };
  const kubeconfig = await write('exec', config('a', { cluster: { server: server.url }, user }));
  const runner = createProcessRunner(process.env);
  const kube = await connectKube({ env: { PATH: folder }, kubeconfig, process: runner });
  await kube.version();
  await kube.version();
  assert.equal(await readFile(join(folder, 'count'), 'utf8'), '2');
  assert.deepEqual(JSON.parse(await readFile(join(folder, 'info'), 'utf8')), {
    info: {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: { server: server.url } },
    },
    own: 'yes',
    args: ['get-token', 'a b'],
  });
});

test('a plugin’s token is fetched anew once it ran out', async () => {
  await plugin('2001-01-01T00:00:00Z');
  const kubeconfig = await write('expired', config('a', { user: { exec: { command: './plugin' } } }));
  const credentials = createCredentials(
    await locateTarget({ env: {}, kubeconfig }),
    {},
    createProcessRunner(),
  );
  assert.equal((await credentials.current()).headers.authorization, 'Bearer token-1');
  assert.equal((await credentials.current()).headers.authorization, 'Bearer token-2');
});

test('requests under way at once ask a plugin once, where its token ran out and where the server refused it', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  let asked = 0;
  const kubeconfig = await write('at-once', config('a', { user: { exec: { command: './plugin' } } }));
  const credentials = createCredentials(
    await locateTarget({ env: {}, kubeconfig }),
    {},
    {
      async run() {
        const token = `token-${++asked}`;
        const expirationTimestamp = new Date(Date.now() + 1_000).toISOString();
        const stdout = JSON.stringify({ status: { token, expirationTimestamp } });
        return { exitCode: 0, signal: null, stdout, stderr: '', durationMs: 0 };
      },
    },
  );
  const askAtOnce = async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => credentials.current()));
    return new Set(all.map(({ headers }) => headers.authorization));
  };
  assert.deepEqual(await askAtOnce(), new Set(['Bearer token-1']));
  t.mock.timers.tick(2_000);
  assert.deepEqual(await askAtOnce(), new Set(['Bearer token-2']));
  const refused = await credentials.current();
  for (const nth of [1, 2, 3]) {
    assert.equal(credentials.renew(refused), true, `refusal ${nth}`);
    assert.equal((await credentials.current()).headers.authorization, 'Bearer token-3');
  }
});

test('a plugin that is not installed, fails or talks nonsense says so', async () => {
  const failing = async (exec: object) => {
    const kubeconfig = await write('failing', config('a', { user: { exec } }));
    const target = await locateTarget({ env: {}, kubeconfig });
    return createCredentials(target, { PATH: folder }, createProcessRunner()).current();
  };
  await write('fails', `#!${process.execPath}\nconsole.error('log in first'); process.exit(3)`, 0o700);
  await write('babbles', `#!${process.execPath}\nconsole.log('hello')`, 0o700);
  const code = 'kube/credential-plugin-failed';
  await assert.rejects(
    failing({ command: 'absent', installHint: 'Install absent.' }),
    isCode(code, 'Install absent.'),
  );
  await assert.rejects(failing({ command: 'fails' }), isCode(code, 'log in first'));
  await assert.rejects(failing({ command: 'babbles' }), isCode(code, 'not JSON'));
});
