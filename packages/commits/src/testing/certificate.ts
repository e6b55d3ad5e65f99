import { type KeyObject, sign } from 'node:crypto';
import { integer, named, oid, tlv, utc } from './der.ts';

/** A key pair; Ed25519 or EC on P-256. */
export interface Keys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** What a certificate is to say. */
export interface CertificateFields {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: number;
  /** Concatenated extensions, DER; without them the certificate has none. */
  readonly extensions?: Buffer;
  /** Seconds since 1970. */
  readonly from: number;
  readonly to: number;
}

/** The AlgorithmIdentifier of ecdsa-with-SHA256, and of Ed25519. */
const ecdsa: Buffer = tlv(0x30, oid('2a8648ce3d040302'));
export const ed25519: Buffer = tlv(0x30, oid('2b6570'));
/** AlgorithmIdentifiers of hashes. */
export const sha256Id: Buffer = tlv(0x30, oid('608648016503040201'));
export const sha512Id: Buffer = tlv(0x30, oid('608648016503040203'));

/** The algorithm that a key signs by here. */
export const algorithmOf = (key: KeyObject): Buffer => (key.asymmetricKeyType === 'ec' ? ecdsa : ed25519);
/** A signature by a key's own algorithm. */
export const signWith = (key: KeyObject, data: Uint8Array): Buffer =>
  sign(key.asymmetricKeyType === 'ec' ? 'sha256' : null, data, key);
/** A public key, DER. */
export const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** What an authority signs of a certificate (RFC 5280 section 4.1). */
export function toBeSigned(fields: CertificateFields, publicKey: KeyObject, by: KeyObject): Buffer {
  const { subject, issuer, serial, extensions, from, to } = fields;
  return tlv(
    0x30,
    ...[tlv(0xa0, integer(2)), integer(serial), algorithmOf(by), named(issuer)],
    ...[tlv(0x30, utc(from), utc(to)), named(subject), spki(publicKey)],
    ...(extensions ? [tlv(0xa3, tlv(0x30, extensions))] : []),
  );
}

/** A certificate for a public key by an authority's private key, DER. */
export function certify(fields: CertificateFields, publicKey: KeyObject, by: KeyObject): Buffer {
  const body = toBeSigned(fields, publicKey, by);
  return tlv(0x30, body, algorithmOf(by), tlv(3, Buffer.from([0]), signWith(by, body)));
}

/** A PEM file of one certificate. */
export const pemOf = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
/** A CMS in the armor that git wants. */
export const sealMessage = (der: Buffer): string =>
  `-----BEGIN SIGNED MESSAGE-----\n${der.toString('base64')}\n-----END SIGNED MESSAGE-----\n`;
