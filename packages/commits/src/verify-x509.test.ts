import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { decodeBer } from './ber.ts';
import { parseSignedMessage } from './cms.ts';
import type { Signable } from './commit-object.ts';
import { extension, integer, named, oid, tlv } from './der.ts';
import { generator, mutate } from './mutation.ts';
import { isFault } from './verdict.ts';
import { createX509Verifier } from './verify-x509.ts';

const email = 'signer@example.invalid';
const commit: Signable = {
  payload: Buffer.from('tree 1\n\nsubject\n'),
  committer: { name: 'c', email, time: 1_800_000_000 },
};
const type = {
  data: '2a864886f70d010701',
  signedData: '2a864886f70d010702',
  contentType: '2a864886f70d010903',
  digest: '2a864886f70d010904',
};

const sha512 = tlv(0x30, oid('608648016503040203'));
const ed25519 = tlv(0x30, oid('2b6570'));

interface Person {
  readonly der: Buffer;
  readonly key: KeyObject;
}

function certify(subject: string, issuer?: Person): Person {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const extensions = issuer
    ? extension('551d11', tlv(0x30, tlv(0x81, Buffer.from(email))))
    : extension('551d13', tlv(0x30, tlv(1, Buffer.from([255]))));
  const body = tlv(
    0x30,
    tlv(0xa0, integer(2)),
    integer(issuer ? 2 : 1),
    ed25519,
    named('root'),
    tlv(0x30, tlv(23, Buffer.from('200101000000Z')), tlv(23, Buffer.from('490101000000Z'))),
    named(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, tlv(0x30, extensions)),
  );
  const signature = sign(null, body, issuer?.key ?? privateKey);
  return { der: tlv(0x30, body, ed25519, tlv(3, Buffer.from([0]), signature)), key: privateKey };
}

interface Variant {
  readonly attributes?: readonly Buffer[];
  readonly contentType?: string;
  readonly signers?: number;
  readonly certificates?: readonly Buffer[];
  readonly open?: boolean;
  readonly key?: KeyObject;
}
const attribute = (hex: string, ...values: readonly Buffer[]) => tlv(0x30, oid(hex), tlv(0x31, ...values));
const digestOf = (payload: Uint8Array) => tlv(4, createHash('sha512').update(payload).digest());
const ordinary = [
  attribute(type.contentType, oid(type.data)),
  attribute(type.digest, digestOf(commit.payload)),
];

function signMessage(by: Person, variant: Variant = {}): Buffer {
  const { attributes = ordinary, contentType = type.data, signers = 1, certificates = [by.der] } = variant;
  const signed = tlv(0x31, ...attributes);
  const implicit = Buffer.from(signed);
  implicit[0] = 0xa0;
  const identifier = tlv(0x30, named('root'), integer(2));
  const signer = tlv(
    0x30,
    integer(1),
    identifier,
    sha512,
    implicit,
    ed25519,
    tlv(4, sign(null, signed, variant.key ?? by.key)),
  );
  const content = tlv(0x30, oid(contentType));
  const set = tlv(0x31, ...Array.from({ length: signers }, () => signer));
  // GnuPG ends its outer layers by a marker instead of writing their length.
  const wrap = (tag: number, ...parts: readonly Buffer[]) =>
    variant.open
      ? Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.from([0, 0])])
      : tlv(tag, ...parts);
  const data = wrap(0x30, integer(1), tlv(0x31, sha512), content, tlv(0xa0, ...certificates), set);
  return wrap(0x30, oid(type.signedData), wrap(0xa0, data));
}
const seal = (der: Buffer) =>
  `-----BEGIN SIGNED MESSAGE-----\n${der.toString('base64')}\n-----END SIGNED MESSAGE-----\n`;
const root = certify('root');
const person = certify('signer', root);
const pem = (der: Buffer) =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
const verifier = createX509Verifier([{ path: 'ca', text: pem(root.der) }]);
const verdictOn = (der: Buffer) => {
  const verdict = verifier.verify(commit, seal(der));
  return isFault(verdict) ? verdict.fault : 'verified';
};

test('the shape of the signed data is judged as RFC 5652 demands, and stricter where that leaves a choice', () => {
  const [contentType, digest] = ordinary as [Buffer, Buffer];
  const table: readonly (readonly [string, Variant, string])[] = [
    ['as it is', {}, 'verified'],
    ['of indefinite length', { open: true }, 'verified'],
    ['no attributes', { attributes: [] }, 'bad-signature'],
    ['no digest', { attributes: [contentType] }, 'bad-signature'],
    ['no content type', { attributes: [digest] }, 'bad-signature'],
    ['digest twice', { attributes: [contentType, digest, digest] }, 'bad-signature'],
    [
      'two digests',
      {
        attributes: [
          contentType,
          attribute(type.digest, digestOf(commit.payload), digestOf(Buffer.from('x'))),
        ],
      },
      'bad-signature',
    ],
    [
      'digest of another',
      { attributes: [contentType, attribute(type.digest, digestOf(Buffer.from('x')))] },
      'bad-signature',
    ],
    [
      'other content type signed',
      { attributes: [attribute(type.contentType, oid(type.signedData)), digest] },
      'bad-signature',
    ],
    ['other content type', { contentType: type.signedData }, 'bad-signature'],
    ['signed by another key', { key: root.key }, 'bad-signature'],
    ['no signer', { signers: 0 }, 'bad-signature'],
    ['two signers', { signers: 2 }, 'duplicate-signature'],
    ['no certificate', { certificates: [] }, 'unknown-signer'],
    [
      'too many certificates',
      { certificates: Array.from({ length: 17 }, () => person.der) },
      'bad-signature',
    ],
  ];
  assert.equal(verdictOn(Buffer.concat([signMessage(person), Buffer.from([5, 0])])), 'bad-signature');
  for (const [title, variant, wanted] of table)
    assert.equal(verdictOn(signMessage(person, variant)), wanted, title);
});

test('no mutation of an X.509 signature is good for another text, and none crashes or hangs', () => {
  const good = signMessage(person);
  const open = signMessage(person, { open: true });
  const other = { ...commit, payload: Buffer.from('other') };
  const random = generator(9);
  for (let round = 0; round < 6_000; round++) {
    const changed = mutate((round % 2 ? good : open).toString('latin1'), random);
    const text = seal(Buffer.from(changed, 'latin1'));
    assert.equal(isFault(verifier.verify(other, text)), true, `round ${round}`);
    assert.ok(verifier.verify(commit, text));
    try {
      assert.ok(parseSignedMessage(text).signers.length > 0);
    } catch (thrown) {
      assert.ok(thrown instanceof RangeError, String(thrown));
    }
  }
});

test('a mutated certificate is trusted by nobody', () => {
  const random = generator(10);
  for (let round = 0; round < 1_500; round++) {
    const changed = Buffer.from(mutate(person.der.toString('latin1'), random), 'latin1');
    if (changed.equals(person.der)) continue;
    assert.notEqual(
      verdictOn(signMessage(person, { certificates: [changed] })),
      'verified',
      `round ${round}`,
    );
  }
});

test('what is nested too deep, too large or too many is refused at once', () => {
  const bounds = { bytes: 100_000, elements: 1_000 };
  const bombs = [
    Buffer.alloc(90_000, Buffer.from([0x30, 0x80])),
    tlv(0x30, Buffer.alloc(60_000, Buffer.from([5, 0]))),
    Buffer.alloc(100_001, 0x30),
    Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
    Buffer.alloc(0),
  ];
  for (const bomb of bombs) {
    const started = performance.now();
    assert.throws(() => decodeBer(bomb, bounds), RangeError);
    assert.ok(performance.now() - started < 1_000);
  }
});

test('authorities that issued each other in circles end the search', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const circle = Array.from({ length: 16 }, (_, index) => {
    const body = tlv(
      0x30,
      ...[tlv(0xa0, integer(2)), integer(index + 2), ed25519, named('root')],
      tlv(0x30, tlv(23, Buffer.from('200101000000Z')), tlv(23, Buffer.from('490101000000Z'))),
      named('root'),
      publicKey.export({ type: 'spki', format: 'der' }),
    );
    return tlv(0x30, body, ed25519, tlv(3, Buffer.from([0]), sign(null, body, privateKey)));
  });
  const started = performance.now();
  assert.equal(
    verdictOn(signMessage({ der: circle[0] as Buffer, key: privateKey }, { certificates: circle })),
    'unknown-signer',
  );
  assert.ok(performance.now() - started < 1_000);
});
