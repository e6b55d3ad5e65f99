import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { cacheFolder, makeWorkspace, runCli } from './cli-fixture.ts';
import { createTestToolchain } from './sandbox-fixture.ts';

before(() => createTestToolchain().prepare(['git', 'helm', 'kubeconform', 'gitleaks', 'ssh-keygen']));

/** Loaded into the run before anything else: tells each connection and each name that is looked up. */
const watch = (told: string) => `
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const note = (what) => appendFileSync(${JSON.stringify(told)}, what + '\\n');
const { Socket } = require('node:net');
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const [first] = args.flat();
  note('connect ' + JSON.stringify(first?.host ?? first?.path ?? first));
  return connect.apply(this, args);
};
const dns = require('node:dns');
for (const name of ['lookup', 'resolve']) {
  const real = dns[name];
  dns[name] = (...args) => (note('look up ' + args[0]), real(...args));
}
`;

test('the review actions send nothing anywhere: no telemetry, no look for updates, no download of schemas or rules', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-offline-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'id')]);
  const workspace = await makeWorkspace(t, {
    'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
    'charts/web/templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
    'zakenak.yaml':
      'project: x\nenvironments: { test: { cluster: { context: none } } }\npolicy: { commits: { require: signed } }\n',
    '.zakenak/allowed_signers': `t@example.invalid ${await readFile(join(folder, 'id.pub'), 'utf8')}`,
  });
  const base = workspace.git('rev-parse', 'HEAD');
  workspace.git(
    ...['-c', 'gpg.format=ssh', '-c', `user.signingKey=${join(folder, 'id')}`],
    ...['commit', '-q', '-S', '--allow-empty', '-m', 'change'],
  );
  // The programs are Go's, which obey a proxy for whatever is not this machine.
  const called: string[] = [];
  const proxy = createServer((socket) => {
    socket.once('data', (data) => {
      called.push(String(data).split('\r\n')[0] ?? '');
      socket.destroy();
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  t.after(() => proxy.close());
  const address = proxy.address();
  assert.ok(address && typeof address === 'object');
  const to = `http://127.0.0.1:${address.port}`;
  const told = join(folder, 'told');
  await writeFile(told, '');
  await writeFile(join(folder, 'watch.mjs'), watch(told));
  const env = {
    NODE_OPTIONS: `--import=${join(folder, 'watch.mjs')}`,
    HTTP_PROXY: to,
    HTTPS_PROXY: to,
    ZAKENAK_CACHE_DIR: cacheFolder,
  };
  for (const args of [
    ['lint'],
    ['secrets', '--scope', 'history'],
    ['verify', '--base', base],
    ['check', '--only', 'config,lint,secrets'],
  ]) {
    const outcome = await runCli([...args, '--directory', workspace.root], { env });
    assert.equal(outcome.exitCode, 0, `${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`);
  }
  assert.equal(await readFile(told, 'utf8'), '', 'the command itself');
  assert.deepEqual(called, [], 'the programs that it runs');
  // The watch sees what there is to see.
  proxy.close();
  const probe = `fetch('http://localhost:${address.port}/').catch(() => {})`;
  execFileSync(process.execPath, ['-e', probe], { env: { ...process.env, ...env }, timeout: 20_000 });
  assert.match(await readFile(told, 'utf8'), /^connect "localhost"$/m);
});
