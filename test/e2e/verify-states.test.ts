import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { address, makeRepository } from './commits-fixture.ts';
import { authority, makeX509 } from './x509-fixture.ts';

const day = 86_400;
const now = Math.floor(Date.now() / 1000);
type Repository = Awaited<ReturnType<typeof makeRepository>>;

async function ruleOf({ ports, request }: Repository, id: string): Promise<string> {
  const range = async () => ({ bases: [], head: id, reason: 'one' });
  const { outputs } = await verifyCommits(request({}, { range }), ports);
  return (outputs.unverified as Readonly<Record<string, string>>)[id] ?? 'verified';
}

/** gpg in the past or with other options, as a program that git starts. */
async function gpgWith({ folder }: Repository, ...options: string[]): Promise<string> {
  const path = join(folder, `gpg-${options.join('').replace(/\W/g, '')}`);
  await writeFile(path, `#!/bin/sh\nexec gpg ${options.join(' ')} "$@"\n`, { mode: 0o755 });
  return path;
}
const stampOf = (time: number) => new Date(time * 1000).toISOString().replace(/[-:]|\.\d+Z/g, '');

test('an expired OpenPGP signature, one before its key, and a revoked key get git’s verdict, but for what was signed before a harmless revocation', async (t) => {
  const repository = await makeRepository(t);
  const { commit, makeGpgKey, exportKey, run, write, gitSaysGood, env } = repository;
  const past = stampOf(now - 90 * day);
  const key = makeGpgKey(`signer <${address}>`, `--faked-system-time=${past}!`);
  const young = makeGpgKey(`young <${address}>`);
  const tenAgo = `--faked-system-time=${stampOf(now - 10 * day)}!`;
  const expiring = await gpgWith(repository, tenAgo, '--default-sig-expire', '5d');
  const early = await gpgWith(repository, tenAgo, '--ignore-time-conflict', '--ignore-valid-from');
  const plain = await gpgWith(repository, tenAgo);
  const cases = {
    expired: commit({ gpg: key, gpgProgram: expiring }),
    early: commit({ gpg: young, gpgProgram: early, time: now - 10 * day }),
    before: commit({ gpg: key, gpgProgram: plain, time: now - 10 * day }),
  };
  await write('.zakenak/keyring/key.asc', exportKey(key));
  await write('.zakenak/keyring/young.asc', exportKey(young));
  const verdicts = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(cases).map(
          async ([name, id]) => [name, [await ruleOf(repository, id), gitSaysGood(id)]] as const,
        ),
      ),
    );
  assert.deepEqual(await verdicts(), {
    expired: ['commit/expired-signature', false],
    early: ['commit/not-yet-valid', false],
    before: ['verified', true],
  });
  // Superseded (reason 1) today: what it signed before stays good here, while gpg calls everything of a revoked key revoked.
  const edited = spawnSync(
    'gpg',
    [
      '--command-fd=0',
      '--status-fd=2',
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      '--no-tty',
      '--gen-revoke',
      key,
    ],
    { env, input: 'y\n2\nnew key\n\ny\n', encoding: 'utf8' },
  );
  run('gpg', ['--batch', '--import'], {}, edited.stdout.replace(/^:-----/gm, '-----'));
  await write('.zakenak/keyring/key.asc', exportKey(key));
  const after = commit({ gpg: young });
  assert.deepEqual((await verdicts()).before, ['verified', false]);
  assert.deepEqual([await ruleOf(repository, after), gitSaysGood(after)], ['verified', true]);
});

test('a signature that was moved, doubled or put under the other hash’s name is never good, of whatever kind', async (t) => {
  const repository = await makeRepository(t);
  const { commit, git, makeGpgKey, makeSshKey, exportKey, write, writeCommit, readCommit, gitSaysGood } =
    repository;
  const x509 = makeX509(repository);
  const root = x509.certificate('Root', { extensions: authority });
  await x509.teachGpgsm([root], [x509.certificate('Signer', { issuer: root, algorithm: 'rsa:2048' })]);
  const [ssh, gpg] = [await makeSshKey(), makeGpgKey(`signer <${address}>`)];
  await write('.zakenak/allowed_signers', `${address} ${ssh.publicKey}\n`);
  await write('.zakenak/keyring/key.asc', exportKey(gpg));
  await write('.zakenak/ca_certificates', await x509.readPem([root]));
  const byGpgsm = (message: string) => {
    git('config', 'gpg.format', 'x509');
    const id = commit({ gpg: address, message });
    git('config', '--unset', 'gpg.format');
    return id;
  };
  const kinds: Readonly<Record<string, (message: string) => string>> = {
    ssh: (message) => commit({ ssh: ssh.path, message }),
    openpgp: (message) => commit({ gpg, message }),
    x509: byGpgsm,
  };
  const signatureOf = (text: string) => /^gpgsig (?:.*\n)(?: .*\n)+/m.exec(text)?.[0] ?? '';
  for (const [kind, make] of Object.entries(kinds)) {
    const [one, two] = [readCommit(make('one')), readCommit(make('two'))];
    const [own, other] = [signatureOf(one), signatureOf(two)];
    const inside = own.replace(/^gpgsig /, '').trimEnd();
    const forged: Readonly<Record<string, readonly [string, string]>> = {
      good: [one, 'verified'],
      moved: [one.replace(own, other), 'commit/bad-signature'],
      twice: [one.replace(own, own + own), 'commit/duplicate-signature'],
      'twice, one of another': [one.replace(own, other + own), 'commit/duplicate-signature'],
      'other hash': [one.replace(own, own.replace('gpgsig', 'gpgsig-sha256')), 'commit/malformed'],
      'two in one header': [one.replace(own, `gpgsig ${inside}\n ${inside}\n`), ''],
      none: [one.replace(own, ''), 'commit/unsigned'],
    };
    for (const [name, [text, wanted]] of Object.entries(forged)) {
      const id = writeCommit(text);
      const rule = await ruleOf(repository, id);
      if (wanted) assert.equal(rule, wanted, `${kind}: ${name}`);
      else assert.match(rule, /^commit\/(duplicate|bad)-signature$/, `${kind}: ${name}`);
      // What git takes is told in the tests of each kind; here it never takes what we take, and more.
      if (rule === 'verified') assert.equal(gitSaysGood(id), true, `${kind}: ${name}`);
    }
  }
});

test('the shape of a collision of SHA-1 is refused: bytes that git hides, however well they are signed', async (t) => {
  const repository = await makeRepository(t);
  const { makeSshKey, commit, readCommit, writeCommit, write, run } = repository;
  const key = await makeSshKey();
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  const plain = readCommit(commit({ message: 'shown' }));
  const junk = Buffer.from(Array.from({ length: 128 }, (_, index) => (index * 37) & 255)).toString('latin1');
  const hidden = plain.replace('shown\n', () => `shown\n\0${junk}\n`);
  const payload = join(repository.folder, 'payload');
  await writeFile(payload, hidden, 'latin1');
  run('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'git', '-f', key.path, payload]);
  const signature = run('cat', [`${payload}.sig`]).replaceAll('\n', '\n ');
  const id = writeCommit(hidden.replace('\n\n', () => `\ngpgsig ${signature}\n\n`));
  assert.equal(await ruleOf(repository, id), 'commit/malformed');
  assert.equal(repository.gitSaysGood(id), true, 'here we are stricter on purpose');
});

test('tags of several kinds point to each other, to a limit, and under any name that git takes', async (t) => {
  const repository = await makeRepository(t);
  const { commit, git, run, makeGpgKey, makeSshKey, exportKey, write, ports, request, root, env } =
    repository;
  const x509 = makeX509(repository);
  const ca = x509.certificate('Root', { extensions: authority });
  await x509.teachGpgsm([ca], [x509.certificate('Signer', { issuer: ca, algorithm: 'rsa:2048' })]);
  const [ssh, gpg] = [await makeSshKey(), makeGpgKey(`signer <${address}>`)];
  await write('.zakenak/allowed_signers', `${address} ${ssh.publicKey}\n`);
  await write('.zakenak/keyring/key.asc', exportKey(gpg));
  await write('.zakenak/ca_certificates', await x509.readPem([ca]));
  commit({ ssh: ssh.path });
  const who = { GIT_COMMITTER_NAME: 'tagger', GIT_COMMITTER_EMAIL: address };
  const sign = (format: 'openpgp' | 'ssh' | 'x509', name: string, target = 'HEAD') => {
    const key = { openpgp: gpg, ssh: ssh.path, x509: address }[format];
    run(
      'git',
      ['-c', `gpg.format=${format}`, '-c', `user.signingKey=${key}`, 'tag', '-s', '-m', 'x', name, target],
      who,
    );
  };
  sign('x509', 'n1');
  sign('openpgp', 'n2', 'n1');
  sign('ssh', 'n3', 'n2');
  for (let depth = 4; depth <= 10; depth++) sign('ssh', `n${depth}`, `n${depth - 1}`);
  // What shells, runners and programs could take for their own.
  const hostile = [
    '--upload-pack=x',
    '-d',
    '$(id)',
    '`id`',
    "a'b",
    '%0A%3A%3Aerror',
    'é|b',
    '##vso',
    '&lt;<b>',
  ];
  for (const name of hostile) {
    sign('ssh', 'seed');
    const object = run('git', ['cat-file', 'tag', 'seed']).replace('tag seed', () => `tag ${name}`);
    const id = run('git', ['hash-object', '-t', 'tag', '-w', '--stdin', '--literally'], {}, `${object}\n`);
    git('update-ref', `refs/tags/${name}`, id);
    git('tag', '-d', 'seed');
  }
  const { outputs, findings } = await verifyCommits(request({ tags: '*' }), ports);
  const unverified = outputs.unverified as Readonly<Record<string, string>>;
  const verified = Object.keys(outputs['signer-map'] as object);
  for (const name of ['n1', 'n2', 'n3', 'n7']) {
    assert.ok(verified.includes(`refs/tags/${name}`), name);
    const signers = `gpg.ssh.allowedSignersFile=${join(root, '.zakenak/allowed_signers')}`;
    assert.equal(spawnSync('git', ['-c', signers, 'verify-tag', name], { cwd: root, env }).status, 0, name);
  }
  assert.equal(unverified['refs/tags/n10'], 'tag/malformed');
  // Their text was changed: each is judged, none is good, and none is a command.
  for (const name of hostile) assert.equal(unverified[`refs/tags/${name}`], 'tag/bad-signature', name);
  assert.ok(findings.every(({ message }) => !/[\n\r]/.test(message)));
});
