import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Signable } from '../commit-object.ts';
import { certify, type Keys, pemOf, signWith, spki, toBeSigned } from './certificate.ts';
import { attribute, ordinaryAttributes, signMessage, stampSignature, type } from './cms-message.ts';
import { extension, oid, tlv } from './der.ts';

/** Who signs, and who vouches for it. */
export const email = 'signer@example.invalid';
export const provider = 'https://accounts.example.invalid';
/** Seconds since 1970. */
export const signedAt: number = Math.floor(Date.now() / 1000) - 3_600;
/** The committer's clock is years off: it does not count. */
export const commit: Signable = {
  payload: Buffer.from('tree 1\n\nsubject\n'),
  committer: { name: 'c', email, time: 1_000_000_000 },
};

const text = (value: string) => Buffer.from(value);
const sha256 = (...parts: readonly Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const pair = (): Keys => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The keys of the certificate authority and of the log. */
export const [fulcio, rekor]: readonly [Keys, Keys] = [pair(), pair()];
const signer = pair();
const [leafSerial, clockSerial] = [2, 3];
const long = { from: signedAt - 86_400, to: signedAt + 864_000 };
/** The authority's certificate. */
export const authority: Buffer = certify(
  {
    ...{ subject: 'fulcio', issuer: 'fulcio', serial: 1, ...long },
    extensions: Buffer.concat([
      extension('551d13', tlv(0x30, tlv(1, Buffer.from([255])))),
      extension('551d0f', Buffer.from('03020106', 'hex')),
    ]),
  },
  fulcio.publicKey,
  fulcio.privateKey,
);

/** The extensions of Fulcio's certificates. */
export const leafExtensions = (
  san: Buffer = tlv(0x81, text(email)),
  purpose = '2b06010505070303',
): readonly Buffer[] => [
  extension('551d0f', Buffer.from('03020780', 'hex')),
  extension('551d25', tlv(0x30, oid(purpose))),
  extension('551d11', tlv(0x30, san)),
  // Fulcio writes both, the older one bare.
  extension('2b0601040183bf300101', text(provider)),
  extension('2b0601040183bf300108', tlv(12, text(provider))),
];
const leafFields = (extensions: readonly Buffer[]) => ({
  ...{ subject: 'sigstore', issuer: 'fulcio', serial: leafSerial },
  ...{ extensions: Buffer.concat(extensions), from: signedAt - 60, to: signedAt + 540 },
});
/** The signer's certificate of ten minutes. */
export const certifyLeaf = (
  extensions: readonly Buffer[] = leafExtensions(),
  by: KeyObject = fulcio.privateKey,
  keys: Keys = signer,
): Buffer => certify(leafFields(extensions), keys.publicKey, by);

/** The signer's certificate with the stamp (RFC 6962 section 3.2) of a certificate log by its key, over itself or over what it would be for other extensions. */
export function certifyLogged(log: Keys, over: readonly Buffer[] = leafExtensions()): Buffer {
  const body = toBeSigned(leafFields(over), signer.publicKey, fulcio.privateKey);
  const [time, size] = [Buffer.alloc(8), Buffer.alloc(4)];
  time.writeBigUInt64BE(BigInt(signedAt) * 1000n);
  size.writeUInt32BE(body.length);
  const entry = [sha256(spki(fulcio.publicKey)), size.subarray(1), body];
  const head = Buffer.from([0, 0]);
  const signed = Buffer.concat([head, time, Buffer.from([0, 1]), ...entry, Buffer.from([0, 0])]);
  const short = (bytes: Buffer) =>
    Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  const none = Buffer.from([0, 0]);
  const algorithm = Buffer.from([4, 3]);
  const signature = short(signWith(log.privateKey, signed));
  const stamp = Buffer.concat([Buffer.from([0]), logIdOf(log.publicKey), time, none, algorithm, signature]);
  const list = extension('2b06010401d679020402', tlv(4, short(short(stamp))));
  return certifyLeaf([...leafExtensions(), list]);
}

/** The id of a log by its key (RFC 6962 section 3.2). */
const logIdOf = (key: KeyObject): Buffer => sha256(spki(key));
const validFor = { start: '2020-01-01T00:00:00Z' };
const chainOf = (...certificates: readonly Buffer[]) => ({
  certChain: { certificates: certificates.map((der) => ({ rawBytes: der.toString('base64') })) },
  validFor,
});
/** A log of a trusted root; its id may be another key's. */
export const logEntry = (key: KeyObject, id: KeyObject = key): object => ({
  baseUrl: 'https://rekor.example.invalid',
  hashAlgorithm: 'SHA2_256',
  publicKey: { rawBytes: spki(key).toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
  logId: { keyId: logIdOf(id).toString('base64') },
});

/** A trusted root (sigstore_trustroot.proto) of the authority and one log. */
export function trustedRoot(log: KeyObject = rekor.publicKey, more: object = {}): string {
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logEntry(log, rekor.publicKey)],
    certificateAuthorities: [chainOf(authority)],
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

/** How a gitsign signature differs from a good one. */
export interface Variant {
  readonly at?: number;
  readonly entry?: 'none' | 'no proof' | 'no promise' | 'of another';
  readonly certificate?: Buffer;
  /** The signer's key. */
  readonly key?: KeyObject;
  readonly logKey?: KeyObject;
  readonly root?: Buffer;
  /** A time stamp of that moment. */
  readonly stampedAt?: number;
  readonly stamped?: Buffer;
  readonly stampKey?: KeyObject;
  /** Whose certificate the time stamp names; the clock's where nothing is said. */
  readonly clock?: ReturnType<typeof makeClock>;
}

/** A time stamping authority by Fulcio's: its key, its certificate, and its entry of a trusted root. */
export function makeClock(keys: Keys = pair()) {
  const certificate = certify(
    {
      ...{ subject: 'clock', issuer: 'fulcio', serial: clockSerial, from: long.from, to: signedAt + 86_400 },
      extensions: Buffer.concat([
        extension('551d0f', Buffer.from('03020780', 'hex')),
        tlv(0x30, oid('551d25'), tlv(1, Buffer.from([255])), tlv(4, tlv(0x30, oid('2b06010505070308')))),
      ]),
    },
    keys.publicKey,
    fulcio.privateKey,
  );
  return { key: keys.privateKey, certificate, trusted: chainOf(certificate, authority) };
}
const usualClock = makeClock();
/** The usual clock in a trusted root. */
export const timestampAuthorities: readonly object[] = [usualClock.trusted];

/** What the log keeps of a signature: hashedrekord 0.0.1, which gitsign leaves out of the signature. */
function logBody(signedHash: string, signature: Buffer, certificate: Buffer): Buffer {
  const key = text(pemOf(certificate)).toString('base64');
  return text(
    `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${signedHash}"}},"signature":{"content":"${signature.toString('base64')}","publicKey":{"content":"${key}"}}}}`,
  );
}

/** The log's entry as gitsign puts it into a signature: a TransparencyLogEntry (sigstore_rekor.proto) in a tree of two. */
function rekorEntry(
  body: Buffer,
  { at = signedAt, entry, logKey = rekor.privateKey, root }: Variant,
): Buffer {
  const id = logIdOf(rekor.publicKey);
  const sibling = sha256(text('another entry'));
  const top = root ?? sha256(Buffer.from([1]), sibling, sha256(Buffer.from([0]), body));
  const note = `rekor.example.invalid\n2\n${top.toString('base64')}\n`;
  const seal = Buffer.concat([id.subarray(0, 4), signWith(logKey, text(note))]);
  const envelope = `${note}\n— rekor.example.invalid ${seal.toString('base64')}\n`;
  const promise = `{"body":"${body.toString('base64')}","integratedTime":${at},"logID":"${id.toString('hex')}","logIndex":1}`;
  const promised = bytes(5, bytes(1, signWith(logKey, text(promise))));
  const checkpoint = bytes(5, bytes(1, text(envelope)));
  const proof = bytes(6, number(1, 1), bytes(2, top), number(3, 2), bytes(4, sibling), checkpoint);
  return Buffer.concat([
    number(1, 1),
    bytes(2, bytes(1, id)),
    bytes(3, bytes(1, text('hashedrekord')), bytes(2, text('0.0.1'))),
    number(4, at),
    ...(entry === 'no promise' ? [] : [promised]),
    ...(entry === 'no proof' ? [] : [proof]),
  ]);
}

/** A gitsign signature over the commit. */
export function signGitsign(variant: Variant = {}, payload: Uint8Array = commit.payload): Buffer {
  const { certificate = certifyLeaf(), entry, stampedAt, clock = usualClock } = variant;
  const key = variant.key ?? signer.privateKey;
  return signMessage({
    ...{ key, content: payload, issuer: 'fulcio', serial: leafSerial, certificates: [certificate] },
    attributes: ordinaryAttributes(payload, key),
    unsigned(signed, signature) {
      const hash = entry === 'of another' ? 'aa'.repeat(32) : sha256(signed).toString('hex');
      const logged = rekorEntry(logBody(hash, signature, certificate), variant);
      const by = { issuer: 'fulcio', serial: clockSerial, ...clock, key: variant.stampKey ?? clock.key };
      return [
        ...(entry === 'none' ? [] : [attribute(type.rekorEntry, tlv(4, logged))]),
        ...(stampedAt
          ? [attribute(type.stamp, stampSignature(variant.stamped ?? signature, stampedAt, by))]
          : []),
      ];
    },
  });
}
