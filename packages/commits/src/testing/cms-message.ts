import { createHash, type KeyObject } from 'node:crypto';
import { algorithmOf, ed25519, sha256Id, sha512Id, signWith } from './certificate.ts';
import { integer, named, oid, tlv } from './der.ts';

/** Content types and attributes (RFC 5652, RFC 3161), as the hex of their identifiers. */
export const type = {
  data: '2a864886f70d010701',
  signedData: '2a864886f70d010702',
  contentType: '2a864886f70d010903',
  digest: '2a864886f70d010904',
  stampedInfo: '2a864886f70d0109100104',
  stamp: '2a864886f70d010910020e',
  rekorEntry: '2b0601040183bf300301',
} as const;

/** One attribute with its values. */
export const attribute = (hex: string, ...values: readonly Buffer[]): Buffer =>
  tlv(0x30, oid(hex), tlv(0x31, ...values));

/** A signed message, and all that can be odd about it. */
export interface MessageOptions {
  readonly key: KeyObject;
  /** What is signed; stands in the message where `attached`. */
  readonly content: Uint8Array;
  readonly attached?: boolean;
  readonly contentType?: string;
  /** Name and serial number of the issuer in the signer's identifier. */
  readonly issuer: string;
  readonly serial: number;
  readonly certificates?: readonly Buffer[];
  /** The signed attributes; those that RFC 5652 demands where nothing is said. */
  readonly attributes?: readonly Buffer[];
  readonly moreAttributes?: readonly Buffer[];
  /** From the signed attributes as they were signed, and the signature. */
  readonly unsigned?: (signed: Buffer, signature: Buffer) => readonly Buffer[];
  readonly signers?: number;
  /** Outer layers of indefinite length, as GnuPG writes them. */
  readonly open?: boolean;
}

/** The attributes that a signature over content has to have. Ed25519 goes with SHA-512 (RFC 8419). */
export function ordinaryAttributes(
  content: Uint8Array,
  key: KeyObject,
  contentType: string = type.data,
): readonly [Buffer, Buffer] {
  const hash = algorithmOf(key) === ed25519 ? 'sha512' : 'sha256';
  return [
    attribute(type.contentType, oid(contentType)),
    attribute(type.digest, tlv(4, createHash(hash).update(content).digest())),
  ];
}

/** Signed data (RFC 5652 section 5), DER but for what is asked to be open. */
export function signMessage(options: MessageOptions): Buffer {
  const { key, content, contentType = type.data, certificates = [], signers = 1 } = options;
  const ordinary = options.attributes ?? ordinaryAttributes(content, key, contentType);
  const signed = tlv(0x31, ...ordinary, ...(options.moreAttributes ?? []));
  const implicit = Buffer.from(signed);
  implicit[0] = 0xa0;
  const algorithm = algorithmOf(key);
  const digest = algorithm === ed25519 ? sha512Id : sha256Id;
  const signature = signWith(key, signed);
  const unsigned = options.unsigned?.(signed, signature) ?? [];
  const signer = tlv(
    0x30,
    ...[integer(1), tlv(0x30, named(options.issuer), integer(options.serial)), digest, implicit],
    ...[algorithm, tlv(4, signature), ...(unsigned.length > 0 ? [tlv(0xa1, ...unsigned)] : [])],
  );
  const inner = options.attached ? [tlv(0xa0, tlv(4, Buffer.from(content)))] : [];
  const wrap = (tag: number, ...parts: readonly Buffer[]) =>
    options.open
      ? Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.from([0, 0])])
      : tlv(tag, ...parts);
  const data = wrap(
    0x30,
    ...[integer(1), tlv(0x31, digest), tlv(0x30, oid(contentType), ...inner)],
    ...(certificates.length > 0 ? [tlv(0xa0, ...certificates)] : []),
    tlv(0x31, ...Array.from({ length: signers }, () => signer)),
  );
  return wrap(0x30, oid(type.signedData), wrap(0xa0, data));
}

/** A time stamp (RFC 3161) of a signature, by a time stamping authority's key, seconds since 1970. */
export function stampSignature(
  signature: Uint8Array,
  at: number,
  by: {
    readonly key: KeyObject;
    readonly certificate: Buffer;
    readonly issuer: string;
    readonly serial: number;
    readonly attach?: boolean;
  },
): Buffer {
  const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();
  const time = tlv(24, Buffer.from(new Date(at * 1000).toISOString().replace(/[-:T]|\.\d+/g, '')));
  const imprint = tlv(0x30, sha256Id, tlv(4, sha256(signature)));
  const content = tlv(0x30, integer(1), oid('2a03'), imprint, integer(7), time);
  const named = tlv(0x30, tlv(0x30, tlv(0x30, tlv(4, sha256(by.certificate)))));
  return signMessage({
    key: by.key,
    content,
    attached: true,
    contentType: type.stampedInfo,
    issuer: by.issuer,
    serial: by.serial,
    certificates: by.attach ? [by.certificate] : [],
    moreAttributes: [attribute('2a864886f70d010910022f', named)],
  });
}
