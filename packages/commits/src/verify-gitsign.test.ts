import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { type Keys, pemOf, sealMessage } from './testing/certificate.ts';
import { tlv } from './testing/der.ts';
import {
  authority,
  certifyLeaf,
  certifyLogged,
  commit,
  email,
  fulcio,
  leafExtensions,
  logEntry,
  makeClock,
  provider,
  rekor,
  signedAt,
  signGitsign,
  timestampAuthorities,
  trustedRoot,
  type Variant,
} from './testing/gitsign-message.ts';
import { generator, mutate } from './testing/mutation.ts';
import { isFault } from './verdict.ts';
import { createGitsignVerifier } from './verify-gitsign.ts';
import { createX509Verifier } from './verify-x509.ts';

const text = (value: string) => Buffer.from(value);
const verifierOf = (identities: readonly string[], root = trustedRoot(), authorities = '') =>
  createX509Verifier(
    authorities ? [{ path: 'ca', text: authorities }] : [],
    [],
    createGitsignVerifier(root ? { path: 'root', text: root } : undefined, identities),
  );
const usual = verifierOf([`${provider} *@example.invalid`]);
const verdictOn = (der: Buffer, verifier = usual, on = commit) => {
  const verdict = verifier.verify(on, sealMessage(der));
  return isFault(verdict) ? verdict.fault : verdict.kind;
};

test('a gitsign signature is good by the log’s time and proof, whatever the committer’s clock says', () => {
  const workflow = leafExtensions(tlv(0x86, text('https://ci.example.invalid/app')));
  const ofWorkflow = signGitsign({ certificate: certifyLeaf(workflow) });
  const table: readonly (readonly [string, Variant, string])[] = [
    ['as it is', {}, 'gitsign'],
    ['found in the log only by a search', { entry: 'none' }, 'no-inclusion-proof'],
    ['no proof', { entry: 'no proof' }, 'no-inclusion-proof'],
    ['no time', { entry: 'no promise' }, 'untrusted-timestamp'],
    ['entry on another signature', { entry: 'of another' }, 'no-inclusion-proof'],
    ['another log', { logKey: fulcio.privateKey }, 'no-inclusion-proof'],
    ['another tree', { root: Buffer.alloc(32) }, 'no-inclusion-proof'],
    ['logged too late', { at: signedAt + 3_000 }, 'expired-key'],
    ['logged too early', { at: signedAt - 3_000 }, 'not-yet-valid'],
    ['another authority', { certificate: certifyLeaf(undefined, rekor.privateKey) }, 'unknown-signer'],
    [
      'for e-mail',
      { certificate: certifyLeaf(leafExtensions(tlv(0x81, text(email)), '2b06010505070304')) },
      'unusable-key',
    ],
    [
      'another address',
      { certificate: certifyLeaf(leafExtensions(tlv(0x81, text('x@example.invalid')))) },
      'wrong-principal',
    ],
  ];
  for (const [title, variant, wanted] of table) assert.equal(verdictOn(signGitsign(variant)), wanted, title);
  const good = signGitsign();
  assert.equal(verdictOn(good, verifierOf([])), 'wrong-principal');
  assert.equal(verdictOn(good, verifierOf(['https://other.example.invalid *'])), 'wrong-principal');
  assert.equal(verdictOn(ofWorkflow), 'wrong-principal');
  const identity = `${provider} https://ci.example.invalid/*`;
  assert.equal(verdictOn(ofWorkflow, verifierOf([identity])), 'wrong-principal');
  assert.equal(verdictOn(ofWorkflow, verifierOf([`${identity} ${email}`])), 'gitsign');
  assert.equal(verdictOn(good, usual, { ...commit, payload: text('other') }), 'bad-signature');
});

test('a trusted root decides, and Fulcio’s certificates are no plain X.509 even where its authority is trusted for that', () => {
  const good = signGitsign();
  const all = [`${provider} *`];
  const pem = pemOf(authority);
  assert.equal(verdictOn(good, verifierOf(all, '', pem)), 'unknown-signer');
  assert.equal(
    verdictOn(signGitsign({ entry: 'none' }), verifierOf(all, trustedRoot(), pem)),
    'no-inclusion-proof',
  );
  assert.equal(verdictOn(good, verifierOf(all, trustedRoot(fulcio.publicKey))), 'no-inclusion-proof');
  // Where a certificate log is trusted, its stamp is demanded.
  const { tlogs } = JSON.parse(trustedRoot());
  assert.equal(verdictOn(good, verifierOf(all, trustedRoot(undefined, { ctlogs: tlogs }))), 'unknown-signer');
  for (const text of ['', '{}', '[]', trustedRoot(undefined, { tlogs: [] })].filter(Boolean))
    assert.throws(() => verifierOf(all, text), { code: 'commits/bad-trusted-root' });
});

test('a time stamp beside the log’s entry has to hold too, and gives the time where the log gives none', () => {
  const verifier = verifierOf([`${provider} *`], trustedRoot(undefined, { timestampAuthorities }));
  const table: readonly (readonly [string, Variant, string])[] = [
    ['both', { stampedAt: signedAt }, 'gitsign'],
    ['no time of the log', { stampedAt: signedAt, entry: 'no promise' }, 'gitsign'],
    ['too late', { stampedAt: signedAt + 3_000 }, 'expired-key'],
    ['too late, no time of the log', { stampedAt: signedAt + 3_000, entry: 'no promise' }, 'expired-key'],
    ['of another signature', { stampedAt: signedAt, stamped: text('x') }, 'untrusted-timestamp'],
    ['by another key', { stampedAt: signedAt, stampKey: rekor.privateKey }, 'untrusted-timestamp'],
    ['no entry', { stampedAt: signedAt, entry: 'none' }, 'no-inclusion-proof'],
  ];
  for (const [title, variant, wanted] of table)
    assert.equal(verdictOn(signGitsign(variant), verifier), wanted, title);
  assert.equal(verdictOn(signGitsign({ stampedAt: signedAt })), 'untrusted-timestamp');
});

test('where a trusted root names certificate logs, the certificate has to bear a stamp of one of them', () => {
  const [log, other] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })) as [Keys, Keys];
  const more = { ctlogs: [logEntry(log.publicKey)] };
  const verifier = verifierOf([`${provider} *`], trustedRoot(undefined, more));
  const elsewhere = leafExtensions(tlv(0x81, text('x@example.invalid')));
  const table: readonly (readonly [string, Buffer, string])[] = [
    ['logged', certifyLogged(log), 'gitsign'],
    ['not logged', certifyLeaf(), 'unknown-signer'],
    ['logged elsewhere', certifyLogged(other), 'unknown-signer'],
    ['stamp of another certificate', certifyLogged(log, elsewhere), 'unknown-signer'],
    ['by another key', certifyLogged({ ...log, privateKey: other.privateKey }), 'unknown-signer'],
  ];
  for (const [title, certificate, wanted] of table)
    assert.equal(verdictOn(signGitsign({ certificate }), verifier), wanted, title);
});

test('a trusted root without a log is content with a time stamp, and with nothing less', () => {
  const known = { tlogs: [], timestampAuthorities };
  const verifier = verifierOf([`${provider} *`], trustedRoot(undefined, known));
  const table: readonly (readonly [string, Variant, string])[] = [
    // What gitsign writes with timestampServerURL in its usual rekorMode, online.
    ['stamped', { entry: 'none', stampedAt: signedAt }, 'gitsign'],
    ['stamped, and logged somewhere', { stampedAt: signedAt, logKey: fulcio.privateKey }, 'gitsign'],
    ['neither', { entry: 'none' }, 'untrusted-timestamp'],
    ['logged only', {}, 'untrusted-timestamp'],
    ['stamped too late', { entry: 'none', stampedAt: signedAt + 3_000 }, 'expired-key'],
    ['stamped too early', { entry: 'none', stampedAt: signedAt - 3_000 }, 'not-yet-valid'],
    [
      'by another key',
      { entry: 'none', stampedAt: signedAt, stampKey: rekor.privateKey },
      'untrusted-timestamp',
    ],
    ['of another', { entry: 'none', stampedAt: signedAt, stamped: text('x') }, 'untrusted-timestamp'],
  ];
  for (const [title, variant, wanted] of table)
    assert.equal(verdictOn(signGitsign(variant), verifier), wanted, title);
  const nothing = { tlogs: [], timestampAuthorities: [] };
  assert.throws(() => verifierOf([], trustedRoot(undefined, nothing)), { code: 'commits/bad-trusted-root' });
});

test('a time stamping authority may sign by Ed25519', () => {
  const clock = makeClock(generateKeyPairSync('ed25519'));
  const verifier = verifierOf(
    [`${provider} *`],
    trustedRoot(undefined, { timestampAuthorities: [clock.trusted] }),
  );
  const stamped = { clock, stampedAt: signedAt, entry: 'no promise' } as const;
  assert.equal(verdictOn(signGitsign(stamped), verifier), 'gitsign');
  const { privateKey } = generateKeyPairSync('ed25519');
  assert.equal(verdictOn(signGitsign({ ...stamped, stampKey: privateKey }), verifier), 'untrusted-timestamp');
});

test('no mutation of a gitsign signature is good for another text, and none crashes or hangs', () => {
  const good = signGitsign().toString('latin1');
  const random = generator(11);
  const other = { ...commit, payload: text('other') };
  for (let round = 0; round < 2_000; round++) {
    const changed = Buffer.from(mutate(good, random), 'latin1');
    assert.notEqual(verdictOn(changed, usual, other), 'gitsign', `round ${round}`);
    assert.ok(verdictOn(changed));
  }
});
