import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import type { Signable } from './commit-object.ts';
import { extension, integer, named, oid, tlv, utc } from './der.ts';
import { generator, mutate } from './mutation.ts';
import { isFault } from './verdict.ts';
import { createGitsignVerifier } from './verify-gitsign.ts';
import { createX509Verifier } from './verify-x509.ts';

const email = 'signer@example.invalid';
const provider = 'https://accounts.example.invalid';
const signedAt = Math.floor(Date.now() / 1000) - 3_600;
// The committer's clock is years off: it does not count.
const commit: Signable = {
  payload: Buffer.from('tree 1\n\nsubject\n'),
  committer: { name: 'c', email, time: 1_000_000_000 },
};

const text = (value: string) => Buffer.from(value);
const sha256 = (...parts: readonly Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const ecdsa = tlv(0x30, oid('2a8648ce3d040302'));
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

function certify(
  keys: ReturnType<typeof pair>,
  by: KeyObject,
  serial: number,
  subject: string,
  extensions: Buffer,
  from: number,
  to: number,
) {
  const body = tlv(
    0x30,
    ...[
      tlv(0xa0, integer(2)),
      integer(serial),
      ecdsa,
      named('fulcio'),
      tlv(0x30, utc(from), utc(to)),
      named(subject),
    ],
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, tlv(0x30, extensions)),
  );
  return tlv(0x30, body, ecdsa, tlv(3, Buffer.from([0]), sign('sha256', body, by)));
}

const [fulcio, rekor, signer] = [pair(), pair(), pair()];
const authority = certify(
  fulcio,
  fulcio.privateKey,
  1,
  'fulcio',
  Buffer.concat([
    extension('551d13', tlv(0x30, tlv(1, Buffer.from([255])))),
    extension('551d0f', Buffer.from('03020106', 'hex')),
  ]),
  signedAt - 86_400,
  signedAt + 864_000,
);
const leafExtensions = (san: Buffer, purpose = '2b06010505070303') =>
  Buffer.concat([
    extension('551d0f', Buffer.from('03020780', 'hex')),
    extension('551d25', tlv(0x30, oid(purpose))),
    extension('551d11', tlv(0x30, san)),
    extension('2b0601040183bf300108', tlv(12, text(provider))),
  ]);
const certifyLeaf = (extensions = leafExtensions(tlv(0x81, text(email))), by = fulcio.privateKey) =>
  certify(signer, by, 2, 'sigstore', extensions, signedAt - 60, signedAt + 540);
const fulcioName = named('fulcio');
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
const logId = sha256(spki(rekor.publicKey));

function trustedRoot(log = rekor.publicKey, more: object = {}): string {
  const key = {
    rawBytes: spki(log).toString('base64'),
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor: { start: '2020-01-01T00:00:00Z' },
  };
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: 'https://rekor.example.invalid',
        hashAlgorithm: 'SHA2_256',
        publicKey: key,
        logId: { keyId: logId.toString('base64') },
      },
    ],
    certificateAuthorities: [
      {
        subject: {},
        uri: '',
        certChain: { certificates: [{ rawBytes: authority.toString('base64') }] },
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
    ],
    ctlogs: [],
    timestampAuthorities: [],
    ...more,
  });
}

/** Protocol buffers' wire format. */
const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) | 128]), varint(Math.floor(value / 128))]);
const number = (field: number, value: number) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, ...parts: readonly Buffer[]) => {
  const value = Buffer.concat(parts);
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
};

interface Variant {
  readonly at?: number;
  readonly entry?: 'none' | 'no proof' | 'no promise' | 'of another';
  readonly certificate?: Buffer;
  readonly logKey?: KeyObject;
  readonly root?: Buffer;
  /** A time stamp of that moment. */
  readonly stampedAt?: number;
  readonly stamped?: Buffer;
  readonly stampKey?: KeyObject;
}

const clock = pair();
const clockCertificate = certify(
  clock,
  fulcio.privateKey,
  3,
  'clock',
  Buffer.concat([
    extension('551d0f', Buffer.from('03020780', 'hex')),
    tlv(0x30, oid('551d25'), tlv(1, Buffer.from([255])), tlv(4, tlv(0x30, oid('2b06010505070308')))),
  ]),
  signedAt - 86_400,
  signedAt + 86_400,
);
const timestampAuthorities = [
  {
    certChain: {
      certificates: [clockCertificate, authority].map((der) => ({ rawBytes: der.toString('base64') })),
    },
    validFor: { start: '2020-01-01T00:00:00Z' },
  },
];

/** RFC 3161. */
function stamp(signature: Buffer, at: number, key = clock.privateKey): Buffer {
  const algorithm = tlv(0x30, oid('608648016503040201'));
  const time = tlv(24, text(`${new Date(at * 1000).toISOString().replace(/[-:T]|\.\d+/g, '')}`));
  const imprint = tlv(0x30, algorithm, tlv(4, sha256(signature)));
  const info = tlv(0x30, integer(1), oid('2a03'), imprint, integer(7), time);
  const attribute = (hex: string, value: Buffer) => tlv(0x30, oid(hex), tlv(0x31, value));
  const infoType = oid('2a864886f70d0109100104');
  const named = tlv(0x30, tlv(0x30, tlv(0x30, tlv(4, sha256(clockCertificate)))));
  const signed = tlv(
    0x31,
    attribute('2a864886f70d010903', infoType),
    attribute('2a864886f70d010904', tlv(4, sha256(info))),
    attribute('2a864886f70d010910022f', named),
  );
  const implicit = Buffer.from(signed);
  implicit[0] = 0xa0;
  const identifier = tlv(0x30, fulcioName, integer(3));
  const signer = tlv(
    0x30,
    integer(1),
    identifier,
    algorithm,
    implicit,
    ecdsa,
    tlv(4, sign('sha256', signed, key)),
  );
  const content = tlv(0x30, infoType, tlv(0xa0, tlv(4, info)));
  const data = tlv(0x30, integer(3), tlv(0x31, algorithm), content, tlv(0x31, signer));
  return tlv(0x30, oid('2a864886f70d010702'), tlv(0xa0, data));
}

function signMessage(variant: Variant = {}): Buffer {
  const { at = signedAt, certificate = certifyLeaf(), entry = 'whole', logKey = rekor.privateKey } = variant;
  const attribute = (hex: string, value: Buffer) => tlv(0x30, oid(hex), tlv(0x31, value));
  const signed = tlv(
    0x31,
    attribute('2a864886f70d010903', oid('2a864886f70d010701')),
    attribute('2a864886f70d010904', tlv(4, sha256(commit.payload))),
  );
  const implicit = Buffer.from(signed);
  implicit[0] = 0xa0;
  const value = sign('sha256', signed, signer.privateKey);
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const hash = entry === 'of another' ? 'aa'.repeat(32) : sha256(signed).toString('hex');
  const body = text(
    `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${hash}"}},"signature":{"content":"${value.toString('base64')}","publicKey":{"content":"${text(pem).toString('base64')}"}}}}`,
  );
  const sibling = sha256(text('another entry'));
  const root = variant.root ?? sha256(Buffer.from([1]), sibling, sha256(Buffer.from([0]), body));
  const note = `rekor.example.invalid\n2\n${root.toString('base64')}\n`;
  const seal = Buffer.concat([logId.subarray(0, 4), sign('sha256', text(note), logKey)]);
  const envelope = `${note}\n— rekor.example.invalid ${seal.toString('base64')}\n`;
  const promise = `{"body":"${body.toString('base64')}","integratedTime":${at},"logID":"${logId.toString('hex')}","logIndex":1}`;
  const parts = [
    number(1, 1),
    bytes(2, bytes(1, logId)),
    bytes(3, bytes(1, text('hashedrekord')), bytes(2, text('0.0.1'))),
    number(4, at),
    ...(entry === 'no promise' ? [] : [bytes(5, bytes(1, sign('sha256', text(promise), logKey)))]),
    ...(entry === 'no proof'
      ? []
      : [
          bytes(
            6,
            number(1, 1),
            bytes(2, root),
            number(3, 2),
            bytes(4, sibling),
            bytes(5, bytes(1, text(envelope))),
          ),
        ]),
  ];
  const { stampedAt, stampKey, stamped = value } = variant;
  const attributes = [
    ...(entry === 'none' ? [] : [attribute('2b0601040183bf300301', tlv(4, ...parts))]),
    ...(stampedAt ? [attribute('2a864886f70d010910020e', stamp(stamped, stampedAt, stampKey))] : []),
  ];
  const unsigned = attributes.length > 0 ? [tlv(0xa1, ...attributes)] : [];
  const info = tlv(
    0x30,
    integer(1),
    tlv(0x30, named('fulcio'), integer(2)),
    tlv(0x30, oid('608648016503040201')),
    implicit,
    ecdsa,
    tlv(4, value),
    ...unsigned,
  );
  const data = tlv(
    0x30,
    integer(1),
    tlv(0x31, tlv(0x30, oid('608648016503040201'))),
    tlv(0x30, oid('2a864886f70d010701')),
    tlv(0xa0, certificate),
    tlv(0x31, info),
  );
  return tlv(0x30, oid('2a864886f70d010702'), tlv(0xa0, data));
}

const armor = (der: Buffer) =>
  `-----BEGIN SIGNED MESSAGE-----\n${der.toString('base64')}\n-----END SIGNED MESSAGE-----\n`;
const verifierOf = (identities: readonly string[], root = trustedRoot(), authorities = '') =>
  createX509Verifier(
    authorities ? [{ path: 'ca', text: authorities }] : [],
    [],
    createGitsignVerifier(root ? { path: 'root', text: root } : undefined, identities),
  );
const usual = verifierOf([`${provider} *@example.invalid`]);
const verdictOn = (der: Buffer, verifier = usual, on = commit) => {
  const verdict = verifier.verify(on, armor(der));
  return isFault(verdict) ? verdict.fault : verdict.kind;
};

test('a gitsign signature is good by the log’s time and proof, whatever the committer’s clock says', () => {
  const workflow = leafExtensions(tlv(0x86, text('https://ci.example.invalid/app')));
  const ofWorkflow = signMessage({ certificate: certifyLeaf(workflow) });
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
  for (const [title, variant, wanted] of table) assert.equal(verdictOn(signMessage(variant)), wanted, title);
  const good = signMessage();
  assert.equal(verdictOn(good, verifierOf([])), 'wrong-principal');
  assert.equal(verdictOn(good, verifierOf(['https://other.example.invalid *'])), 'wrong-principal');
  assert.equal(verdictOn(ofWorkflow), 'wrong-principal');
  const identity = `${provider} https://ci.example.invalid/*`;
  assert.equal(verdictOn(ofWorkflow, verifierOf([identity])), 'wrong-principal');
  assert.equal(verdictOn(ofWorkflow, verifierOf([`${identity} ${email}`])), 'gitsign');
  assert.equal(verdictOn(good, usual, { ...commit, payload: text('other') }), 'bad-signature');
});

test('a trusted root decides, and Fulcio’s certificates are no plain X.509 even where its authority is trusted for that', () => {
  const good = signMessage();
  const all = [`${provider} *`];
  const pem = `-----BEGIN CERTIFICATE-----\n${authority.toString('base64')}\n-----END CERTIFICATE-----\n`;
  assert.equal(verdictOn(good, verifierOf(all, '', pem)), 'unknown-signer');
  assert.equal(
    verdictOn(signMessage({ entry: 'none' }), verifierOf(all, trustedRoot(), pem)),
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
    assert.equal(verdictOn(signMessage(variant), verifier), wanted, title);
  assert.equal(verdictOn(signMessage({ stampedAt: signedAt })), 'untrusted-timestamp');
});

test('no mutation of a gitsign signature is good for another text, and none crashes or hangs', () => {
  const good = signMessage().toString('latin1');
  const random = generator(11);
  const other = { ...commit, payload: text('other') };
  for (let round = 0; round < 2_000; round++) {
    const changed = Buffer.from(mutate(good, random), 'latin1');
    assert.notEqual(verdictOn(changed, usual, other), 'gitsign', `round ${round}`);
    assert.ok(verdictOn(changed));
  }
});
