import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { matchesPatterns, parseAllowedSigners } from './allowed-signers.ts';
import { isMalformed, parseCommit } from './commit-object.ts';
import { parseSshKey } from './ssh-key.ts';
import { parseSshSignature, signedData } from './sshsig.ts';
import { parseTag } from './tag-object.ts';
import { generator, mutate } from './testing/mutation.ts';
import { isFault } from './verdict.ts';
import { createSshVerifier } from './verify-ssh.ts';
import { wireString } from './wire.ts';

const email = 'signer@example.invalid';
const idOf = (text: string) =>
  createHash('sha1').update(`commit ${text.length}\0${text}`, 'latin1').digest('hex');
const body = (signature = '') =>
  `tree ${'1'.repeat(40)}\nparent ${'2'.repeat(40)}\nauthor a <${email}> 1700000000 +0000\ncommitter c <${email}> 1700000000 +0000\n${signature}\nsubject\n\ntext\n`;

function makeSigned(text = body()) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url');
  const blob = Buffer.concat([wireString('ssh-ed25519'), wireString(raw)]);
  const fields = { publicKey: blob.toString('base64'), namespace: 'git', hash: 'sha512' as const };
  const value = sign(
    null,
    signedData({ ...fields, signature: raw }, Buffer.from(text, 'latin1')),
    privateKey,
  );
  const version = Buffer.from([0, 0, 0, 1]);
  const signature = Buffer.concat([
    Buffer.from('SSHSIG'),
    version,
    ...[blob, 'git', '', 'sha512', Buffer.concat([wireString('ssh-ed25519'), wireString(value)])].map(
      wireString,
    ),
  ]).toString('base64');
  const armored = `-----BEGIN SSH SIGNATURE-----\n${signature.replace(/.{70}/g, '$&\n')}\n-----END SSH SIGNATURE-----`;
  const object = body(`gpgsig ${armored.replaceAll('\n', '\n ')}\n`);
  return { object, armored, blob, signer: `${email} ssh-ed25519 ${fields.publicKey}` };
}

test('no mutation of a signed commit is good unless its signed bytes are the same', () => {
  const { object, signer } = makeSigned();
  const verifier = createSshVerifier(parseAllowedSigners(signer, 'signers'));
  const check = (text: string) => {
    const commit = parseCommit(idOf(text), text);
    if (isMalformed(commit) || commit.signatures.length !== 1) return undefined;
    const verdict = verifier.verify(commit, commit.signatures[0] ?? '');
    return isFault(verdict) ? undefined : Buffer.from(commit.payload).toString('latin1');
  };
  assert.equal(check(object), body());
  const random = generator(20_261_124);
  for (let round = 0; round < 20_000; round++) {
    const good = check(mutate(object, random));
    if (good !== undefined) assert.equal(good, body(), `round ${round}`);
  }
});

test('no mutation of a signature’s bytes below its armor is good for another text', () => {
  const { armored, signer } = makeSigned();
  const verifier = createSshVerifier(parseAllowedSigners(signer, 'signers'));
  const text = body();
  const commit = parseCommit(idOf(text), text);
  assert.ok(!isMalformed(commit));
  const bytes = Buffer.from(armored.split('\n').slice(1, -1).join(''), 'base64').toString('latin1');
  const seal = (changed: string) =>
    `-----BEGIN SSH SIGNATURE-----\n${Buffer.from(changed, 'latin1').toString('base64')}\n-----END SSH SIGNATURE-----`;
  assert.equal(isFault(verifier.verify(commit, seal(bytes))), false);
  const other = { ...commit, payload: Buffer.from('other') };
  const random = generator(4);
  for (let round = 0; round < 3_000; round++) {
    const changed = mutate(bytes, random);
    assert.equal(isFault(verifier.verify(other, seal(changed))), true, `round ${round}`);
    if (changed !== bytes)
      assert.equal(isFault(verifier.verify(commit, seal(changed))), true, `round ${round}`);
  }
});

test('no mutation of a signed tag is good unless its signed bytes are the same', () => {
  const unsigned = `object ${'1'.repeat(40)}\ntype commit\ntag v1\ntagger t <${email}> 1700000000 +0000\n\nrelease\n`;
  const { armored, signer } = makeSigned(unsigned);
  const verifier = createSshVerifier(parseAllowedSigners(signer, 'signers'));
  const check = (text: string) => {
    const tag = parseTag(
      createHash('sha1').update(`tag ${text.length}\0${text}`, 'latin1').digest('hex'),
      text,
    );
    if (isMalformed(tag) || tag.signatures.length !== 1) return undefined;
    const verdict = verifier.verify(tag, tag.signatures[0] ?? '');
    return isFault(verdict) ? undefined : Buffer.from(tag.payload).toString('latin1');
  };
  const object = `${unsigned}${armored}\n`;
  assert.equal(check(object), unsigned);
  const random = generator(5);
  for (let round = 0; round < 10_000; round++) {
    const good = check(mutate(object, random));
    if (good !== undefined) assert.equal(good, unsigned, `round ${round}`);
  }
});

test('random bytes never crash a parser, and each one that refuses says so in its own way', () => {
  const { armored, blob, object, signer } = makeSigned();
  const random = generator(7);
  for (let round = 0; round < 5_000; round++) {
    const noise = Array.from({ length: random(200) }, () => String.fromCharCode(random(256))).join('');
    for (const text of [noise, mutate(object, random)]) assert.ok(parseCommit(idOf(text), text).id);
    for (const text of [noise, mutate(armored, random)]) {
      try {
        assert.ok(parseSshSignature(text).publicKey !== undefined);
      } catch (thrown) {
        assert.ok(thrown instanceof RangeError, String(thrown));
      }
    }
    for (const text of [noise, mutate(`${signer}\nx valid-after="20260101Z" ${signer.slice(22)}`, random)]) {
      try {
        parseAllowedSigners(text, 'signers');
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, 'commits/bad-allowed-signers');
      }
    }
    try {
      parseSshKey(Buffer.from(mutate(blob.toString('latin1'), random), 'latin1'));
    } catch (thrown) {
      assert.ok(thrown instanceof Error);
    }
  }
});

test('an object whose content has not its id is refused', () => {
  const text = body();
  const parsed = parseCommit(idOf(text), text.replace('subject', 'Subject'));
  assert.ok(isMalformed(parsed));
});

test('a header’s continuation lines and a mergetag’s own signature are not the commit’s', () => {
  const tag = 'mergetag object 1\n type commit\n gpgsig -----BEGIN SSH SIGNATURE-----\n';
  const text = body(tag);
  const parsed = parseCommit(idOf(text), text);
  assert.ok(!isMalformed(parsed));
  assert.deepEqual([parsed.signatures, parsed.subject, parsed.author.email], [[], 'subject', email]);
});

test('patterns match as OpenSSH’s do, and an exclusion wins', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['a@b.example', 'a@b.example', true],
    ['A@B.example', 'a@b.EXAMPLE', true],
    // The sign of Kelvin is no k.
    ['\u212a@b.example', 'k@b.example', false],
    ['a@b.example', '*@b.example', true],
    ['a@b.example.com', '*@b.example', false],
    ['ab', 'a?', true],
    ['a', 'a?', false],
    ['', '*', true],
    ['a@b', '*,!a@*', false],
    ['c@b', '*,!a@*', true],
    ['a@b', '!a@b', false],
    [`${'a'.repeat(5_000)}b`, `${'*a'.repeat(50)}c`, false],
  ];
  for (const [text, patterns, wanted] of table)
    assert.equal(matchesPatterns(text, patterns.split(',')), wanted, `${text.slice(0, 20)} ${patterns}`);
});

test('allowed-signers options are read as ssh-keygen reads them', () => {
  const [plain, full] = parseAllowedSigners(
    'a@x ssh-ed25519 AAAA comment here\n"a@x,b c" cert-authority,namespaces="git,file",valid-after="20260101Z",valid-before="20260102030405Z" ssh-rsa AAAA\n',
    'signers',
  );
  assert.deepEqual(plain, { principals: ['a@x'], publicKey: 'AAAA', certAuthority: false });
  assert.deepEqual(full, {
    principals: ['a@x', 'b c'],
    publicKey: 'AAAA',
    certAuthority: true,
    namespaces: ['git', 'file'],
    validAfter: Date.UTC(2026, 0, 1) / 1000,
    validBefore: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
  });
});
