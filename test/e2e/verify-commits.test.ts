import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { exitCodeOf } from '@zakenak/core';
import { address, makeRepository } from './commits-fixture.ts';

const day = 86_400;
const now = Math.floor(Date.now() / 1000);
const stamp = (time: number) => new Date(time * 1000).toISOString().replace(/[-:T]|\.\d+/g, '');

type Report = Awaited<ReturnType<typeof verifyCommits>>;
const mapOf = (report: Report, name: string) => report.outputs[name] as Readonly<Record<string, string>>;
const ruleOf = (report: Report, id: string) =>
  mapOf(report, 'unverified')[id] ?? (mapOf(report, 'signer-map')[id] ? 'verified' : 'not judged');

test('SSH signatures of every key type get git’s verdict, and the committer’s address counts besides', async (t) => {
  const { commit, makeSshKey, write, gitSaysGood, ports, request } = await makeRepository(t);
  const types = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-3072'];
  const good: string[] = [];
  const lines: string[] = [];
  for (const type of types) {
    const [name = '', bits] = type.split('-');
    const key = await makeSshKey(name, bits ? Number(bits) : undefined);
    lines.push(`${address} namespaces="git" ${key.publicKey}`);
    good.push(commit({ ssh: key.path, message: type }));
  }
  const [listed, unknown, old, early, other, weak] = [
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey('rsa', 1024),
  ];
  lines.push(`# a comment\n\n"x@example.invalid,*@example.invalid" ${listed.publicKey} a comment`);
  lines.push(`${address} valid-before="${stamp(now - day)}" ${old.publicKey}`);
  lines.push(`${address} valid-after="${stamp(now + day)}" ${early.publicKey}`);
  lines.push(`${address} namespaces="file" ${other.publicKey}`);
  lines.push(`${address} ${weak.publicKey}`);
  await write('.zakenak/allowed_signers', `${lines.join('\n')}\n`);
  const cases = {
    unsigned: commit(),
    listed: commit({ ssh: listed.path }),
    unknown: commit({ ssh: unknown.path }),
    expired: commit({ ssh: old.path }),
    inTime: commit({ ssh: old.path, time: now - 2 * day }),
    early: commit({ ssh: early.path }),
    namespace: commit({ ssh: other.path }),
    principal: commit({ ssh: listed.path, email: 'other@example.com' }),
    weak: commit({ ssh: weak.path }),
  };
  const report = await verifyCommits(request(), ports);
  assert.equal(exitCodeOf(report), 1);
  for (const id of good) assert.deepEqual([ruleOf(report, id), gitSaysGood(id)], ['verified', true]);
  const verdicts = Object.entries(cases).map(([name, id]) => [name, ruleOf(report, id), gitSaysGood(id)]);
  assert.deepEqual(verdicts, [
    ['unsigned', 'commit/unsigned', false],
    ['listed', 'verified', true],
    ['unknown', 'commit/unknown-signer', false],
    ['expired', 'commit/expired-key', false],
    ['inTime', 'verified', true],
    ['early', 'commit/not-yet-valid', false],
    ['namespace', 'commit/wrong-namespace', false],
    // Here we are stricter than git on purpose.
    ['principal', 'commit/wrong-principal', true],
    ['weak', 'commit/weak-key', true],
  ]);
  assert.deepEqual([report.outputs.total, report.outputs.verified], [14, 7]);
  const finding = report.findings.find(({ ruleId }) => ruleId === 'commit/unsigned');
  assert.ok(finding?.message.includes(cases.unsigned.slice(0, 12)) && finding.remedy);
});

test('a commit that was changed, moved, signed twice or by an unknown kind of signature is never good', async (t) => {
  const { commit, makeSshKey, write, writeCommit, readCommit, gitSaysGood, ports, request } =
    await makeRepository(t);
  const key = await makeSshKey();
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  const signed = commit({ ssh: key.path, message: 'one' });
  const text = readCommit(signed);
  const other = readCommit(commit({ ssh: key.path, message: 'two' }));
  const signatureOf = (object: string) => /^gpgsig (?:.*\n)(?: .*\n)+/m.exec(object)?.[0] ?? '';
  assert.ok(signatureOf(text).length > 100);
  const x509 = 'gpgsig -----BEGIN SIGNED MESSAGE-----\n AAAA\n -----END SIGNED MESSAGE-----\n';
  const cases: Record<string, [string, string]> = {
    message: [text.replace('\none', '\n0ne'), 'commit/bad-signature'],
    tree: [text.replace(/^tree ..../, 'tree 0000'), 'commit/bad-signature'],
    moved: [text.replace(signatureOf(text), signatureOf(other)), 'commit/bad-signature'],
    twice: [
      text.replace(signatureOf(text), signatureOf(text) + signatureOf(text)),
      'commit/duplicate-signature',
    ],
    otherHash: [
      text.replace(
        signatureOf(text),
        signatureOf(text) + signatureOf(text).replace('gpgsig', 'gpgsig-sha256'),
      ),
      'commit/duplicate-signature',
    ],
    x509: [text.replace(signatureOf(text), x509), 'commit/bad-signature'],
    garbage: [text.replace(signatureOf(text), 'gpgsig hello\n'), 'commit/unsupported-signature'],
    brokenArmor: [text.replace(/^ AAAA/m, ' !!!!').replace(/\n U/, '\n %'), 'commit/bad-signature'],
    // git takes the header for part of the signed text, a reader for another author.
    twoAuthors: [text.replace(/^(author .*\n)/m, '$1author x <y@example.com> 1 +0000\n'), 'commit/malformed'],
    twoAddresses: [text.replace(/^committer \w+ </m, 'committer x <y@example.com> <'), 'commit/malformed'],
  };
  for (const [name, [object, rule]] of Object.entries(cases)) {
    assert.notEqual(object, text, name);
    const id = writeCommit(object);
    const judged = await verifyCommits(
      request({}, { range: async () => ({ bases: [], head: id, reason: name }) }),
      ports,
    );
    assert.equal(ruleOf(judged, id), rule, name);
    // ssh-keygen reads the first of two signatures and leaves the rest: git accepts what anyone may have added.
    assert.equal(gitSaysGood(id), ['twice', 'otherHash'].includes(name), name);
  }
});

test('OpenPGP signatures get gpg’s verdict, but expiry and revocation are judged at the time of signing', async (t) => {
  const {
    commit,
    makeGpgKey,
    exportKey,
    run,
    env,
    folder,
    write,
    gitSaysGood,
    readCommit,
    writeCommit,
    ports,
    request,
  } = await makeRepository(t);
  const { writeFile } = await import('node:fs/promises');
  const good = makeGpgKey(`signer <${address}>`);
  const stranger = makeGpgKey(`stranger <${address}>`);
  const past = new Date((now - 3 * 365 * day) * 1000).toISOString().replace(/[-:]|\.\d+Z/g, '');
  const old = makeGpgKey(`old <${address}>`, `--faked-system-time=${past}!`);
  const faked = `${folder}/gpg-past`;
  await writeFile(faked, `#!/bin/sh\nexec gpg --faked-system-time=${past}! "$@"\n`, { mode: 0o755 });
  const oldArmored = exportKey(old);
  const signedInTime = commit({ gpg: old, gpgProgram: faked, time: now - 3 * 365 * day });
  run('gpg', ['--batch', '--passphrase', '', '--quick-set-expire', old, '0']);
  const signedLate = commit({ gpg: old });
  await write('.zakenak/keyring/good.asc', exportKey(good));
  await write('.zakenak/keyring/old.asc', oldArmored);
  const cases = {
    good: commit({ gpg: good }),
    stranger: commit({ gpg: stranger }),
    principal: commit({ gpg: good, email: 'other@example.com' }),
    inTime: signedInTime,
    late: signedLate,
  };
  const before = await verifyCommits(request(), ports);
  assert.deepEqual(
    Object.entries(cases).map(([name, id]) => [name, ruleOf(before, id)]),
    [
      ['good', 'verified'],
      ['stranger', 'commit/unknown-signer'],
      ['principal', 'commit/wrong-principal'],
      ['inTime', 'verified'],
      ['late', 'commit/expired-key'],
    ],
  );
  assert.equal(gitSaysGood(cases.good), true);
  const tampered = writeCommit(readCommit(cases.good).replace(/\nchange/, '\nchanged'));
  const changed = await verifyCommits(request(), ports);
  assert.deepEqual([ruleOf(changed, tampered), gitSaysGood(tampered)], ['commit/bad-signature', false]);

  // Revoked without a reason: whatever it signed is void, before and after.
  const certificate = `${env.GNUPGHOME}/openpgp-revocs.d/${good}.rev`;
  const { readFile } = await import('node:fs/promises');
  run(
    'gpg',
    ['--batch', '--import'],
    {},
    (await readFile(certificate, 'utf8')).replace(/^:-----/gm, '-----'),
  );
  await write('.zakenak/keyring/good.asc', exportKey(good));
  const after = await verifyCommits(
    request({}, { range: async () => ({ bases: [], head: cases.principal, reason: 'all' }) }),
    ports,
  );
  assert.deepEqual([ruleOf(after, cases.good), gitSaysGood(cases.good)], ['commit/revoked-key', false]);
});

test('signing subkeys count, and a key that shares no address does not', async (t) => {
  const { commit, makeGpgKey, exportKey, run, write, gitSaysGood, ports, request } = await makeRepository(t);
  const key = makeGpgKey(`signer <${address}>`);
  run('gpg', ['--batch', '--passphrase', '', '--quick-add-key', key, 'rsa3072', 'sign', '1y']);
  const subkey = [
    ...run('gpg', ['--list-keys', '--with-colons', key]).matchAll(/^fpr:+([0-9A-F]{40}):/gm),
  ].at(-1)?.[1];
  assert.notEqual(subkey, key);
  const signed = commit({ gpg: `${subkey}!` });
  await write('keys.asc', `text before\n${exportKey(key)}\n`);
  const report = await verifyCommits(request({ keyring: 'keys.asc' }), ports);
  assert.deepEqual([ruleOf(report, signed), gitSaysGood(signed)], ['verified', true]);
  assert.ok(mapOf(report, 'signer-map')[signed]?.includes(key));
});

test('web-flow, bots and sign-off follow the policy', async (t) => {
  const { commit, git, makeGpgKey, exportKey, write, ports, request, run, env: _ } = await makeRepository(t);
  const forge = makeGpgKey('forge <noreply@github.com>');
  await write('.zakenak/keyring/forge.asc', exportKey(forge));
  const email = 'noreply@github.com';
  const base = commit({ gpg: forge, email });
  const single = commit({ gpg: forge, email, authorEmail: address });
  const bot = commit({ gpg: forge, email, authorEmail: 'Bot@example.com', message: 'bot' });
  const signedOff = commit({
    gpg: forge,
    email,
    authorEmail: address,
    message: `x\n\nSigned-off-by: author <${address}>`,
  });
  const tree = git('rev-parse', 'HEAD^{tree}');
  const merge = run(
    'git',
    ['-c', `user.signingKey=${forge}`, 'commit-tree', '-S', '-p', 'HEAD', '-p', base, '-m', 'merge', tree],
    {
      GIT_COMMITTER_NAME: 'GitHub',
      GIT_COMMITTER_EMAIL: email,
      GIT_AUTHOR_NAME: 'author',
      GIT_AUTHOR_EMAIL: address,
    },
  );
  git('update-ref', 'refs/heads/main', merge);
  const rules = async (inputs: Record<string, string>) => {
    const report = await verifyCommits(request({ base, ...inputs }), ports);
    return [merge, signedOff, bot, single].map((id) => ruleOf(report, id));
  };
  const bots = 'bot@example.com';
  assert.deepEqual(await rules({ bots }), ['verified', 'commit/web-flow', 'verified', 'commit/web-flow']);
  assert.deepEqual(await rules({ 'web-flow': 'deny', bots }), Array(4).fill('commit/web-flow'));
  assert.deepEqual(await rules({ 'web-flow': 'allow' }), Array(4).fill('verified'));
  assert.deepEqual(await rules({ 'web-flow': 'allow', 'require-dco': 'true', bots }), [
    'verified',
    'verified',
    'verified',
    'commit/no-sign-off',
  ]);
});

test('trust comes from the base commit, not from the change that it judges', async (t) => {
  const { commit, git, makeSshKey, write, ports, request } = await makeRepository(t);
  const [mine, theirs] = [await makeSshKey(), await makeSshKey()];
  await write('.zakenak/allowed_signers', `${address} ${mine.publicKey}\n`);
  git('add', '-A');
  const base = commit({ ssh: mine.path });
  git('switch', '-qc', 'topic');
  await write('.zakenak/allowed_signers', `${address} ${theirs.publicKey}\n`);
  git('add', '-A');
  const theirsSigned = commit({ ssh: theirs.path });
  const judged = await verifyCommits(request({}, { policyRevision: base }), ports);
  assert.equal(ruleOf(judged, theirsSigned), 'commit/unknown-signer');
  assert.equal(judged.caveats.length, 1);
  assert.equal((await verifyCommits(request(), ports)).verdict, 'passed');
  assert.equal(
    (await verifyCommits(request({ 'fail-on': 'none' }, { policyRevision: base }), ports)).verdict,
    'passed',
  );
});

test('a range without commits is skipped, not passed', async (t) => {
  const { commit, makeSshKey, write, ports, request } = await makeRepository(t);
  const key = await makeSshKey();
  await write('.zakenak/allowed_signers', `${address} ${key.publicKey}\n`);
  commit({ ssh: key.path });
  const report = await verifyCommits(request({ base: 'HEAD' }), ports);
  assert.deepEqual([report.verdict, report.outputs.total], ['skipped', 0]);
});

test('what cannot be judged is refused with its own code', async (t) => {
  const { commit, write, git, root, ports, request } = await makeRepository(t);
  commit();
  commit();
  await assert.rejects(verifyCommits(request(), ports), { code: 'commits/nobody-trusted', exitCode: 2 });
  await write('.zakenak/allowed_signers', `${address} no-such-key AAAA\n`);
  await assert.rejects(verifyCommits(request(), ports), { code: 'commits/bad-allowed-signers' });
  await write('.zakenak/allowed_signers', `${address} unknown-option ssh-ed25519 AAAA\n`);
  await assert.rejects(verifyCommits(request(), ports), { code: 'commits/bad-allowed-signers' });
  await write('.zakenak/allowed_signers', '');
  await assert.rejects(verifyCommits(request({ keyring: '../x' }), ports), {
    code: 'files/outside-workspace',
  });
  await assert.rejects(verifyCommits(request(), ports, AbortSignal.abort()), { code: 'run/cancelled' });
  const { createGit } = await import('@zakenak/git');
  const { createProcessRunner } = await import('@zakenak/machine');
  git('clone', '-q', '--depth=1', `file://${root}`, `${root}/shallow`);
  const shallow = createGit({ process: createProcessRunner(), root: `${root}/shallow` });
  await assert.rejects(verifyCommits(request({ base: 'HEAD' }), { ...ports, git: shallow }), {
    code: 'git/shallow-clone',
  });
});
