import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyCommits } from '@zakenak/commits';
import { address, makeRepository } from './commits-fixture.ts';

const day = 86_400;
const now = Math.floor(Date.now() / 1000);
type Repository = Awaited<ReturnType<typeof makeRepository>>;

/** Our verdict on every commit, and git's with the same files. */
async function compare({ root, env, ports, request }: Repository, cases: Readonly<Record<string, string>>) {
  const { outputs } = await verifyCommits(request(), ports);
  const unverified = outputs.unverified as Readonly<Record<string, string>>;
  const verified = outputs['signer-map'] as Readonly<Record<string, string>>;
  const trust = join(root, '.zakenak');
  const settings = [
    `gpg.ssh.allowedSignersFile=${trust}/allowed_signers`,
    `gpg.ssh.revocationFile=${trust}/revoked_keys`,
  ].flatMap((setting) => ['-c', setting]);
  return Object.fromEntries(
    Object.entries(cases).map(([name, id]) => {
      const git = spawnSync('git', [...settings, 'verify-commit', id], { cwd: root, env }).status === 0;
      return [name, [verified[id] ? 'verified' : (unverified[id] ?? 'not judged'), git]];
    }),
  );
}

test('certificates get git’s verdict, and what a signature cannot show to be kept is refused', async (t) => {
  const repository = await makeRepository(t);
  const { commit, makeSshKey, run, write } = repository;
  const [authority, rsaAuthority, stranger, key, rsaKey] = [
    await makeSshKey(),
    await makeSshKey('rsa', 3072),
    await makeSshKey(),
    await makeSshKey('ecdsa', 256),
    await makeSshKey('rsa', 3072),
  ];
  const signWith = (
    options: readonly string[],
    more: {
      readonly by?: string;
      readonly key?: string;
      readonly email?: string;
      readonly time?: number;
    } = {},
  ) => {
    const path = more.key ?? key.path;
    run('ssh-keygen', ['-q', '-s', more.by ?? authority.path, '-I', 'id-1', ...options, `${path}.pub`]);
    return commit({
      ssh: `${path}-cert.pub`,
      message: `certified ${options.join(' ')}`,
      ...(more.email ? { email: more.email } : {}),
      ...(more.time ? { time: more.time } : {}),
    });
  };
  const forMe = ['-n', address];
  await write('.zakenak/revoked_keys', '');
  await write(
    '.zakenak/allowed_signers',
    `*@example.invalid cert-authority,namespaces="git" ${authority.publicKey}\n${address} cert-authority ${rsaAuthority.publicKey}\n`,
  );
  const cases = {
    good: signWith([...forMe, '-z', '7']),
    rsa: signWith(forMe, { by: rsaAuthority.path, key: rsaKey.path }),
    several: signWith(['-n', `x@example.invalid,${address}`]),
    stranger: signWith(forMe, { by: stranger.path }),
    expired: signWith([...forMe, '-V', '20200101:20200201']),
    inTime: signWith([...forMe, '-V', '20200101:20200201'], { time: Date.UTC(2020, 0, 15) / 1000 }),
    early: signWith([...forMe, '-V', '20900101:20910101']),
    host: signWith([...forMe, '-h']),
    nobody: signWith([]),
    another: signWith(['-n', 'x@example.invalid']),
    outside: signWith(['-n', 'x@example.com'], { email: 'x@example.com' }),
    critical: signWith([...forMe, '-O', 'force-command=true']),
  };
  assert.deepEqual(await compare(repository, cases), {
    good: ['verified', true],
    rsa: ['verified', true],
    several: ['verified', true],
    stranger: ['commit/unknown-signer', false],
    expired: ['commit/expired-key', false],
    inTime: ['verified', true],
    early: ['commit/not-yet-valid', false],
    host: ['commit/unusable-key', false],
    nobody: ['commit/wrong-principal', false],
    // Stricter than git on purpose: the principal is the committer, and critical options restrict.
    another: ['commit/wrong-principal', true],
    outside: ['commit/wrong-principal', false],
    critical: ['commit/unusable-key', true],
  });
});

test('revoked keys and certificates are what ssh-keygen takes for revoked', async (t) => {
  const repository = await makeRepository(t);
  const { commit, makeSshKey, run, git, write, root, ports, request } = repository;
  const [authority, otherAuthority, ...keys] = [
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
    await makeSshKey(),
  ];
  const certify = (index: number, serial: number, by = authority) => {
    const path = keys[index]?.path ?? '';
    run('ssh-keygen', [
      '-q',
      '-s',
      by.path,
      '-I',
      `id-${serial}`,
      '-z',
      `${serial}`,
      '-n',
      address,
      `${path}.pub`,
    ]);
    return commit({ ssh: `${path}-cert.pub`, message: `serial ${serial}` });
  };
  const lines = keys.map(({ publicKey }) => `${address} ${publicKey}`);
  for (const { publicKey } of [authority, otherAuthority])
    lines.push(`${address} cert-authority ${publicKey}`);
  await write('.zakenak/allowed_signers', `${lines.join('\n')}\n`);
  const cases = {
    first: commit({ ssh: keys[0]?.path ?? '', message: 'first' }),
    second: commit({ ssh: keys[1]?.path ?? '', message: 'second' }),
    serial5: certify(2, 5),
    serial9: certify(2, 9),
    serial40: certify(2, 40),
    serial47: certify(2, 47),
    serial50: certify(2, 50),
    otherSerial5: certify(3, 5, otherAuthority),
    firstsCertificate: certify(0, 70),
  };
  const revoked = async () =>
    Object.entries(await compare(repository, cases)).flatMap(([name, [ours, git]]) => {
      assert.equal(ours === 'verified', git, `${name}: ${ours}, git ${git}`);
      return ours === 'commit/revoked-key' ? [name] : [];
    });
  const list = async (specification: string, ...options: string[]) => {
    await write('specification', specification);
    const krl = join(root, '.zakenak/revoked_keys');
    run('ssh-keygen', ['-q', '-k', '-f', krl, ...options, join(root, 'specification')]);
    return revoked();
  };
  await write('.zakenak/revoked_keys', '');
  assert.deepEqual(await revoked(), []);
  await write('.zakenak/revoked_keys', `# stolen\n${keys[0]?.publicKey} a comment\n`);
  assert.deepEqual(await revoked(), ['first', 'firstsCertificate']);
  const ca = ['-s', `${authority.path}.pub`];
  assert.deepEqual(await list(`key: ${keys[1]?.publicKey}\n`), ['second']);
  assert.deepEqual(await list(`sha1: ${keys[0]?.publicKey}\nsha256: ${keys[1]?.publicKey}\n`), [
    'first',
    'second',
    'firstsCertificate',
  ]);
  assert.deepEqual(await list('serial: 5\nserial: 9\nid: id-47\n', ...ca), [
    'serial5',
    'serial9',
    'serial47',
  ]);
  assert.deepEqual(await list('serial: 40-49\n', ...ca), ['serial40', 'serial47']);
  const bits = Array.from({ length: 30 }, (_, index) => `serial: ${index * 2 + 1}`).join('\n');
  assert.deepEqual(await list(`${bits}\n`, ...ca), ['serial5', 'serial9', 'serial47']);
  assert.deepEqual(await list(`key: ${authority.publicKey}\n`), [
    'serial5',
    'serial9',
    'serial40',
    'serial47',
    'serial50',
    'firstsCertificate',
  ]);
  // A change that empties the list is judged by the base commit's, bytes and all.
  git('add', '.zakenak');
  const base = commit({ message: 'base' });
  await write('.zakenak/revoked_keys', '');
  git('add', '.zakenak');
  commit({ message: 'nobody is revoked' });
  const judged = await verifyCommits(request({}, { policyRevision: base }), ports);
  const unverified = judged.outputs.unverified as Readonly<Record<string, string>>;
  assert.equal(unverified[cases.serial5], 'commit/revoked-key');
  assert.ok(judged.caveats.some((caveat) => caveat.includes('revoked_keys')));
  await write('.zakenak/revoked_keys', 'not a key\n');
  await assert.rejects(verifyCommits(request(), ports), { code: 'commits/bad-revoked-keys', exitCode: 2 });
});

const text = (value: Uint8Array | string) => {
  const bytes = Buffer.from(value as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest();

/** What a FIDO token does, with a key in memory: simulated hardware, the real format. */
function makeToken(kind: 'ed25519' | 'ecdsa', application = 'ssh:') {
  const pair =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const type = kind === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' });
  const point = [x, y].map((value) => Buffer.from(value, 'base64url'));
  const fields =
    kind === 'ed25519' ? [point[0] ?? ''] : ['nistp256', Buffer.concat([Buffer.from([4]), ...point])];
  const blob = Buffer.concat([type, ...fields, application].map(text));
  const signWith = (key: KeyObject, payload: Uint8Array, counter: number) => {
    const hash = createHash('sha512').update(payload).digest();
    const signed = Buffer.concat([Buffer.from('SSHSIG'), ...['git', '', 'sha512', hash].map(text)]);
    const state = Buffer.from([1, 0, 0, 0, counter]);
    const data = Buffer.concat([sha256(application), state, sha256(signed)]);
    let value: Buffer;
    if (kind === 'ed25519') value = sign(null, data, key);
    else {
      const raw = sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
      const numbers = [raw.subarray(0, 32), raw.subarray(32)].map((half) => {
        const digits = half.subarray(half.findIndex((byte) => byte !== 0));
        return text((digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
      });
      value = Buffer.concat(numbers);
    }
    return { type, value, state };
  };
  const seal = (signature: { type: string; value: Buffer; state: Buffer }) => {
    const inner = Buffer.concat([text(signature.type), text(signature.value), signature.state]);
    const body = Buffer.concat([
      Buffer.from('SSHSIG\0\0\0\u0001', 'latin1'),
      ...[blob, 'git', '', 'sha512', inner].map(text),
    ]).toString('base64');
    return `gpgsig -----BEGIN SSH SIGNATURE-----\n ${body.replace(/.{70}(?=.)/g, '$&\n ')}\n -----END SSH SIGNATURE-----\n`;
  };
  return {
    line: `${address} ${type} ${blob.toString('base64')}`,
    signature: (payload: string, counter = 5) =>
      signWith(pair.privateKey, Buffer.from(payload, 'latin1'), counter),
    seal,
  };
}

test('security keys’ signatures get git’s verdict, whatever of them is changed', async (t) => {
  const repository = await makeRepository(t);
  const { commit, write, writeCommit, readCommit } = repository;
  const tokens = [makeToken('ed25519'), makeToken('ecdsa', 'ssh:work')];
  await write('.zakenak/revoked_keys', '');
  await write('.zakenak/allowed_signers', `${tokens.map(({ line }) => line).join('\n')}\n`);
  const cases: Record<string, string> = {};
  const wanted: Record<string, [string, boolean]> = {};
  commit();
  for (const [index, { signature, seal }] of tokens.entries()) {
    const changes: Record<string, (made: ReturnType<typeof signature>) => Parameters<typeof seal>[0]> = {
      good: (made) => made,
      counter: (made) => ({ ...made, state: Buffer.from([1, 0, 0, 0, 6]) }),
      flags: (made) => ({ ...made, state: Buffer.from([5, 0, 0, 0, 5]) }),
      cut: (made) => ({ ...made, state: made.state.subarray(0, 4) }),
      longer: (made) => ({ ...made, state: Buffer.concat([made.state, Buffer.from([0])]) }),
      plain: (made) => ({ ...made, type: index === 0 ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256' }),
    };
    for (const [name, change] of Object.entries(changes)) {
      const made = readCommit(commit({ message: `${name} ${index}` }));
      const object = made.replace('\n\n', `\n${seal(change(signature(made)))}\n`);
      cases[`${name} ${index}`] = writeCommit(object);
      const good = name === 'good';
      wanted[`${name} ${index}`] = [good ? 'verified' : 'commit/bad-signature', good];
    }
  }
  assert.deepEqual(await compare(repository, cases), wanted);
});

test('times with and without a zone hold to the second, and exclusions and namespaces, as for git', async (t) => {
  const repository = await makeRepository(t);
  const { commit, makeSshKey, write } = repository;
  const at = Date.UTC(2024, 5, 30, 12, 0, 0) / 1000;
  const options = [
    'valid-before="20240630120000Z"',
    'valid-before="20240630115959UTC"',
    'valid-after="20240630120000Z"',
    'valid-after="20240630120001Z"',
    'valid-after="20240629",valid-before="202407020000"',
    'namespaces="file,g?t"',
    'namespaces="*,!git"',
    'namespaces="file"',
  ];
  const keys = await Promise.all(options.map(() => makeSshKey()));
  const lines = options.map((option, index) => `${address} ${option} ${keys[index]?.publicKey}`);
  const excluded = await makeSshKey();
  lines.push(`*@example.invalid,!${address} ${excluded.publicKey}`);
  await write('.zakenak/revoked_keys', '');
  await write('.zakenak/allowed_signers', `${lines.join('\n')}\n`);
  const cases = Object.fromEntries(
    options.map((option, index) => [option, commit({ ssh: keys[index]?.path ?? '', time: at })]),
  );
  const good = [0, 2, 4, 5];
  const verdicts = await compare(repository, cases);
  for (const [index, option] of options.entries()) {
    const [ours, git] = verdicts[option] ?? [];
    assert.deepEqual([ours === 'verified', git], Array(2).fill(good.includes(index)), `${option}: ${ours}`);
  }
  const barred = await compare(repository, { excluded: commit({ ssh: excluded.path, time: now - day }) });
  assert.equal(barred.excluded?.[0], 'commit/wrong-principal');
});
