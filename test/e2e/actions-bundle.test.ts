import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { sealMessage, sigstore } from '@zakenak/commits/testing';
import type { Report } from '@zakenak/core';
import { distribute, pack } from '@zakenak/devkit';
import { makeWorkspace, runStep } from './actions-fixture.ts';
import { makeRepository, address as signer } from './commits-fixture.ts';
import { createTestToolchain } from './sandbox-fixture.ts';
import { authority, makeX509 } from './x509-fixture.ts';

const root = join(import.meta.dirname, '../..');
const address = 'https://example.invalid/v7.8.9/';
let base: string;

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'zakenak-pack-'));
  await pack(root, join(base, 'first'), '7.8.9', address);
});
after(() => rm(base, { recursive: true, force: true }));

const filesOf = (folder: string) =>
  globSync('**', { cwd: folder })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();

test('the same sources give the same bytes, wherever they are packed', async () => {
  const other = join(base, 'elsewhere/second');
  await pack(root, other, '7.8.9', address);
  const files = filesOf(join(base, 'first'));
  assert.ok(files.length > 50, String(files.length));
  assert.deepEqual(filesOf(other), files);
  for (const file of files)
    assert.ok(readFileSync(join(base, 'first', file)).equals(readFileSync(join(other, file))), file);
});

test('nothing of the machine is in the bundle', () => {
  const bundle = join(base, 'first/zakenak');
  const text = globSync('*.mjs', { cwd: bundle })
    .map((file) => readFileSync(join(bundle, file), 'utf8'))
    .join('');
  assert.ok(text.length > 1e6);
  for (const trace of [root, base, process.env.HOME ?? root])
    if (trace.length > 5) assert.equal(text.includes(trace), false, trace);
});

test('the archive is what its digest says, and its command runs from any folder', async (t) => {
  const folder = await temporary(t);
  const first = join(base, 'first');
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: first });
  execFileSync('tar', ['-xzf', join(first, 'zakenak-7.8.9.tgz')], { cwd: folder });
  const command = join(folder, 'zakenak/bin/zakenak');
  assert.ok(statSync(command).mode & 0o100, 'it can be executed');
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, [command, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { HOME: join(folder, 'home') },
    });
  assert.equal(run('--version'), '7.8.9\n');
  assert.match(run('--help'), /deploy/);
  const kept = globSync('home/.cache/zakenak/compiled/*', { cwd: folder });
  assert.equal(kept.length, 1, 'compiled code is kept in a folder of this user');
});

test('an old Node is told what is needed, by the command and by an action', async (t) => {
  const folder = await temporary(t);
  const older = join(folder, 'older.cjs');
  writeFileSync(
    older,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.9.0' } });",
  );
  for (const path of ['zakenak/bin/zakenak', 'zakenak/lint-helm/main.cjs']) {
    const args = ['--require', older, join(base, 'first', path), 'lint'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: {} });
    assert.equal(status, 3, stderr);
    assert.match(stderr, /^zakenak needs Node 24 or later; this is v.*\n {2}remedy: \S/);
  }
});

test('the archive’s command starts a sandbox, whose supervisor lies beside it, and ends it', async (t) => {
  await createTestToolchain().prepare(['kubernetes', 'kwok', 'registry']);
  const folder = join(await temporary(t), 'sandbox');
  const run = (action: string) =>
    JSON.parse(
      execFileSync(
        process.execPath,
        [
          join(base, 'first/zakenak/bin/zakenak'),
          'sandbox',
          action,
          '--folder',
          folder,
          '--owner-pid',
          String(process.pid),
          '--json',
          '--quiet',
        ],
        { encoding: 'utf8' },
      ),
    ) as Report;
  assert.equal(run('up').outputs.state, 'ready');
  assert.equal(run('down').outputs.state, 'absent');
  assert.equal(existsSync(folder), false);
});

test('the archive’s command verifies signatures of all four kinds, and refuses each where the commit was changed', async (t) => {
  const repository = await makeRepository(t);
  const { root, git, write, writeCommit, readCommit, commit, makeSshKey, makeGpgKey, exportKey } = repository;
  const ssh = await makeSshKey();
  const gpg = makeGpgKey(`a <${signer}>`);
  const x509 = makeX509(repository);
  const [issuer, log] = [
    x509.certificate('Root', { extensions: authority }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ];
  const person = `a <${sigstore.email}> ${sigstore.signedAt} +0000`;
  const head = `tree ${git('mktree')}\nparent ${commit()}\nauthor ${person}\ncommitter ${person}\n`;
  const der = sigstore.signGitsign(
    { certificate: sigstore.certifyLogged(log) },
    Buffer.from(`${head}\nchange\n`),
  );
  await write('.zakenak/allowed_signers', `${signer} ${ssh.publicKey}\n`);
  await write('.zakenak/keyring', exportKey(gpg));
  await write('.zakenak/ca_certificates', await x509.readPem([issuer]));
  await write(
    '.zakenak/trusted_root.json',
    sigstore.trustedRoot(undefined, { ctlogs: [sigstore.logEntry(log.publicKey)] }),
  );
  const kinds = {
    ssh: commit({ ssh: ssh.path }),
    openpgp: commit({ gpg }),
    x509: x509.commitBy(x509.certificate('Signer', { issuer })),
    gitsign: writeCommit(`${head}gpgsig ${sealMessage(der).trimEnd().replaceAll('\n', '\n ')}\n\nchange\n`),
  };
  const verify = (id: string): readonly [number | null, string | undefined] => {
    const command = join(base, 'first/zakenak/bin/zakenak');
    const args = ['verify', '--head', id, '--base', `${id}^`, '--identities', `${sigstore.provider} *`];
    const { status, stdout } = spawnSync(process.execPath, [command, ...args, '--json'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: join(root, '../home') },
    });
    const { outputs } = JSON.parse(stdout) as Report;
    const unverified = outputs['unverified'] as Readonly<Record<string, string>>;
    return [status, unverified[id]];
  };
  for (const [kind, id] of Object.entries(kinds)) {
    assert.deepEqual(verify(id), [0, undefined], kind);
    const changed = writeCommit(readCommit(id).replace(/\nchange/, '\nChange'));
    assert.deepEqual(verify(changed), [1, 'commit/bad-signature'], kind);
  }
});

test('a component names the archive by its digest', () => {
  const [digest] = readFileSync(join(base, 'first/SHA256SUMS'), 'utf8').split(' ');
  const text = readFileSync(join(base, 'first/gitlab-templates/lint-helm/template.yml'), 'utf8');
  assert.ok(text.includes(`default: "${address}zakenak-7.8.9.tgz"`));
  assert.ok(text.includes(`default: "${digest}"`));
});

test('an action reaches its own repository as one commit with its tags, and runs from there', async (t) => {
  const { clone, remote, onRemote } = await makeActionRepository(t);
  const tree = join(base, 'first/actions/scan-secrets');
  distribute({ tree, clone, tag: 'v7.8.9', floating: 'major-minor' });
  const head = onRemote('rev-parse', 'main');
  for (const tag of ['v7.8.9', 'v7.8', 'v7']) assert.equal(onRemote('rev-parse', tag), head, tag);
  const checkout = join(await temporary(t), 'checkout');
  execFileSync('git', ['clone', '-q', '-b', 'v7', remote, checkout], { stdio: 'ignore' });
  const workspace = await makeWorkspace(t);
  const before = await workspace.commit({ 'a.txt': 'a\n' });
  await workspace.commit({ 'a.txt': 'b\n' });
  const step = await runStep(join(checkout, '..'), 'checkout', workspace.folder, {}, workspace.push(before));
  assert.equal(step.exitCode, 0, step.stdout + step.stderr);
  assert.equal(step.outputs['commits-scanned'], '1');
});

test('a version’s tag never moves, the others only where asked, and a prerelease moves none', async (t) => {
  const { clone, onRemote } = await makeActionRepository(t);
  const tree = await temporary(t);
  cpSync(join(base, 'first/actions/plan/action.yml'), join(tree, 'action.yml'));
  distribute({ tree, clone, tag: 'v1.0.0', floating: 'major' });
  const first = onRemote('rev-parse', 'v1');
  assert.throws(() => distribute({ tree, clone, tag: 'v1.0.0', floating: 'off' }), /never move/);
  distribute({ tree, clone, tag: 'v1.0.1', floating: 'off' });
  distribute({ tree, clone, tag: 'v1.1.0-rc.1', floating: 'major' });
  assert.equal(onRemote('rev-parse', 'v1'), first);
  distribute({ tree, clone, tag: 'v1.1.0', floating: 'major' });
  assert.equal(onRemote('rev-parse', 'v1'), onRemote('rev-parse', 'v1.1.0'));
  assert.throws(() => distribute({ tree, clone, tag: 'latest', floating: 'off' }), /no version tag/);
});

async function makeActionRepository(t: TestContext) {
  const folder = await temporary(t);
  const [remote, clone] = [join(folder, 'remote.git'), join(folder, 'clone')];
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  execFileSync('git', ['init', '-q', '-b', 'main', clone]);
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: clone });
  git('remote', 'add', 'origin', remote);
  git('config', 'user.name', 'Test');
  git('config', 'user.email', 'test@example.invalid');
  git('config', 'commit.gpgsign', 'false');
  const onRemote = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: remote, encoding: 'utf8' }).trim();
  return { remote, clone, onRemote };
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-action-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
