import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { decodeBer } from './ber.ts';
import { parseSignedMessage } from './cms.ts';
import type { Signable } from './commit-object.ts';
import { leastStrict } from './strictness.ts';
import { certify, type Keys, pemOf, sealMessage as seal } from './testing/certificate.ts';
import {
  attribute,
  type MessageOptions,
  ordinaryAttributes,
  signMessage,
  stampSignature,
  type,
} from './testing/cms-message.ts';
import { extension, oid, tlv } from './testing/der.ts';
import { generator, mutate } from './testing/mutation.ts';
import { isFault } from './verdict.ts';
import { createX509Verifier } from './verify-x509.ts';

const email = 'signer@example.invalid';
const commit: Signable = {
  payload: Buffer.from('tree 1\n\nsubject\n'),
  committer: { name: 'c', email, time: 1_800_000_000 },
};

interface Person {
  readonly der: Buffer;
  readonly key: KeyObject;
}
const decades = { from: Date.UTC(2020) / 1000, to: Date.UTC(2049) / 1000 };
const pair = (): Keys => generateKeyPairSync('ed25519');

function person(subject: string, issuer?: Person): Person {
  const { privateKey, publicKey } = pair();
  const extensions = issuer
    ? extension('551d11', tlv(0x30, tlv(0x81, Buffer.from(email))))
    : extension('551d13', tlv(0x30, tlv(1, Buffer.from([255]))));
  const fields = { subject, issuer: 'root', serial: issuer ? 2 : 1, extensions, ...decades };
  return { der: certify(fields, publicKey, issuer?.key ?? privateKey), key: privateKey };
}
const signBy = (by: Person, variant: Partial<MessageOptions> = {}) =>
  signMessage({
    ...{ key: by.key, content: commit.payload, issuer: 'root', serial: 2, certificates: [by.der] },
    ...variant,
  });
const digestOf = (payload: Uint8Array) => tlv(4, createHash('sha512').update(payload).digest());
const root = person('root');
const signer = person('signer', root);
const verifier = createX509Verifier([{ path: 'ca', text: pemOf(root.der) }]);
const verdictOn = (der: Buffer) => {
  const verdict = verifier.verify(commit, seal(der));
  return isFault(verdict) ? verdict.fault : 'verified';
};

test('the shape of the signed data is judged as RFC 5652 demands, and stricter where that leaves a choice', () => {
  const [contentType, digest] = ordinaryAttributes(commit.payload, signer.key);
  const table: readonly (readonly [string, Partial<MessageOptions>, string])[] = [
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
      { certificates: Array.from({ length: 17 }, () => signer.der) },
      'bad-signature',
    ],
  ];
  assert.equal(verdictOn(Buffer.concat([signBy(signer), Buffer.from([5, 0])])), 'bad-signature');
  for (const [title, variant, wanted] of table)
    assert.equal(verdictOn(signBy(signer, variant)), wanted, title);
});

test('a time stamp by Ed25519 counts for more than the committer’s clock', () => {
  const clock = pair();
  const purpose = tlv(4, tlv(0x30, oid('2b06010505070308')));
  const stamper = certify(
    {
      ...{ subject: 'clock', issuer: 'root', serial: 3, ...decades },
      extensions: tlv(0x30, oid('551d25'), tlv(1, Buffer.from([255])), purpose),
    },
    clock.publicKey,
    root.key,
  );
  const old = { ...commit, committer: { ...commit.committer, time: 1_000_000_000 } };
  const verdictWith = (key?: KeyObject) => {
    const by = {
      key: key ?? clock.privateKey,
      certificate: stamper,
      issuer: 'root',
      serial: 3,
      attach: true,
    };
    const unsigned = (_: Buffer, signature: Buffer) => [
      attribute(type.stamp, stampSignature(signature, 1_800_000_000, by)),
    ];
    const verdict = verifier.verify(old, seal(signBy(signer, { unsigned })));
    return isFault(verdict) ? verdict.fault : 'verified';
  };
  const unstamped = verifier.verify(old, seal(signBy(signer)));
  assert.equal(isFault(unstamped) && unstamped.fault, 'not-yet-valid');
  assert.equal(verdictWith(), 'verified');
  assert.equal(verdictWith(pair().privateKey), 'untrusted-timestamp');
});

test('an expired certificate counts for as long as is granted, and no longer', () => {
  const { privateKey, publicKey } = pair();
  const at = commit.committer.time;
  const names = extension('551d11', tlv(0x30, tlv(0x81, Buffer.from(email))));
  const fields = {
    subject: 'old',
    issuer: 'root',
    serial: 2,
    extensions: names,
    from: at - 9_000,
    to: at - 60,
  };
  const old = { der: certify(fields, publicKey, root.key), key: privateKey };
  const verdictAfter = (graceMs: number) => {
    const files = [{ path: 'ca', text: pemOf(root.der) }];
    const patient = createX509Verifier(files, [], undefined, { ...leastStrict, graceMs });
    const verdict = patient.verify(commit, seal(signBy(old)));
    return isFault(verdict) ? verdict.fault : 'verified';
  };
  assert.deepEqual([0, 59_000, 60_000].map(verdictAfter), ['expired-key', 'expired-key', 'verified']);
});

test('no mutation of an X.509 signature is good for another text, and none crashes or hangs', () => {
  const good = signBy(signer);
  const open = signBy(signer, { open: true });
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
    const changed = Buffer.from(mutate(signer.der.toString('latin1'), random), 'latin1');
    if (changed.equals(signer.der)) continue;
    assert.notEqual(verdictOn(signBy(signer, { certificates: [changed] })), 'verified', `round ${round}`);
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
  const circle = Array.from({ length: 16 }, (_, index) =>
    certify({ subject: 'root', issuer: 'root', serial: index + 2, ...decades }, publicKey, privateKey),
  );
  const started = performance.now();
  assert.equal(
    verdictOn(signBy({ der: circle[0] as Buffer, key: privateKey }, { certificates: circle })),
    'unknown-signer',
  );
  assert.ok(performance.now() - started < 1_000);
});
