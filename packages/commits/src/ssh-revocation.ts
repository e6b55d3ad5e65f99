import { createHash } from 'node:crypto';
import { badRevokedKeys } from './errors.ts';
import { isCertificate, parseSshCertificate, type SshCertificate } from './ssh-certificate.ts';
import { parseSshKey } from './ssh-key.ts';
import { createWireReader, type WireReader } from './wire.ts';

/** SSH keys and certificates that are never good again, whenever they signed. */
export interface Revocations {
  /** `publicKey` is the plain key's blob, base64, also of a certificate. */
  revokes(publicKey: string, certificate?: SshCertificate): boolean;
}

interface RevokedCertificates {
  /** Base64; empty: of any authority. */
  readonly authority: string;
  /** Both ends belong to it. */
  readonly serials: readonly (readonly [bigint, bigint])[];
  readonly keyIds: ReadonlySet<string>;
}

interface Parsed {
  readonly keys: Set<string>;
  /** Hexadecimal digests of key blobs. */
  readonly sha1: Set<string>;
  readonly sha256: Set<string>;
  readonly certificates: RevokedCertificates[];
}

const magic = Buffer.from('SSHKRL\n\0', 'latin1');
const section = { certificates: 1, keys: 2, sha1: 3, sha256: 5 };
const certificateSection = { serials: 0x20, range: 0x21, bitmap: 0x22, keyIds: 0x23 };
const largestSerial = 2n ** 64n - 1n;

/**
 * Reads what `ssh-keygen -Y verify -r` and git's gpg.ssh.revocationFile read: a key revocation list (PROTOCOL.krl) or public keys, one a line. A key that is
 * listed takes the certificates of it and by it along. Throws `commits/bad-revoked-keys` at anything not understood.
 */
export function parseRevokedKeys(bytes: Uint8Array, path: string): Revocations {
  const parsed: Parsed = { keys: new Set(), sha1: new Set(), sha256: new Set(), certificates: [] };
  const buffer = Buffer.from(bytes);
  try {
    if (buffer.subarray(0, magic.length).equals(magic)) readList(buffer.subarray(magic.length), parsed);
    else readLines(buffer.toString('latin1'), parsed);
  } catch (thrown) {
    throw badRevokedKeys(path, (thrown as Error).message);
  }
  const hasKey = (key: string) => {
    const digest = (name: string) => createHash(name).update(Buffer.from(key, 'base64')).digest('hex');
    return parsed.keys.has(key) || parsed.sha1.has(digest('sha1')) || parsed.sha256.has(digest('sha256'));
  };
  return {
    revokes(publicKey, certificate) {
      if (hasKey(publicKey)) return true;
      if (!certificate) return false;
      return (
        hasKey(certificate.authorityKey) || parsed.certificates.some((some) => isAmong(certificate, some))
      );
    },
  };
}

function isAmong({ authorityKey, keyId, serial }: SshCertificate, revoked: RevokedCertificates): boolean {
  if (revoked.authority !== '' && revoked.authority !== authorityKey) return false;
  if (revoked.keyIds.has(keyId)) return true;
  // Zero stands for a certificate without a serial number.
  return serial !== 0n && revoked.serials.some(([from, to]) => from <= serial && serial <= to);
}

function readLines(text: string, parsed: Parsed): void {
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [type = '', base64 = ''] = line.split(/\s+/);
    const blob = Buffer.from(base64, 'base64');
    if (!/^[A-Za-z0-9+/]+=*$/.test(base64) || createWireReader(blob).text() !== type)
      throw new RangeError(`there is no public key on line ${index + 1}`);
    parsed.keys.add(isCertificate(blob) ? parseSshCertificate(blob).publicKey : normalise(blob, index + 1));
  }
}

function normalise(blob: Buffer, line: number): string {
  if (!parseSshKey(blob)) throw new RangeError(`the key type on line ${line} is unknown`);
  return blob.toString('base64');
}

function readList(bytes: Buffer, parsed: Parsed): void {
  const reader = createWireReader(bytes);
  if (reader.uint32() !== 1) throw new RangeError('its version is not 1');
  for (let field = 0; field < 3; field++) reader.uint64();
  reader.bytes();
  reader.bytes();
  while (!reader.done) {
    const kind = reader.uint8();
    const content = createWireReader(reader.bytes());
    if (kind === section.certificates) parsed.certificates.push(readCertificates(content));
    else if (kind === section.keys) collect(content, parsed.keys, 'base64');
    else if (kind === section.sha1) collect(content, parsed.sha1, 'hex');
    else if (kind === section.sha256) collect(content, parsed.sha256, 'hex');
    else throw new RangeError(`it has a section of the unknown kind ${kind}`);
  }
}

function collect(reader: WireReader, into: Set<string>, encoding: 'base64' | 'hex' | 'utf8'): void {
  while (!reader.done) into.add(reader.bytes().toString(encoding));
}

function readCertificates(reader: WireReader): RevokedCertificates {
  const authority = reader.bytes().toString('base64');
  reader.bytes();
  const serials: [bigint, bigint][] = [];
  const keyIds = new Set<string>();
  while (!reader.done) {
    const kind = reader.uint8();
    const content = createWireReader(reader.bytes());
    if (kind === certificateSection.keyIds) collect(content, keyIds, 'utf8');
    else if (kind === certificateSection.bitmap) readBitmap(content, serials);
    else if (kind === certificateSection.range) serials.push([content.uint64(), content.uint64()]);
    else if (kind === certificateSection.serials)
      while (!content.done) {
        const serial = content.uint64();
        serials.push([serial, serial]);
      }
    else throw new RangeError(`it has certificates of the unknown kind ${kind}`);
  }
  return { authority, serials, keyIds };
}

function readBitmap(reader: WireReader, serials: [bigint, bigint][]): void {
  const first = reader.uint64();
  const bits = reader.bytes();
  for (let at = 0; at < bits.length * 8; at++) {
    const byte = bits[bits.length - 1 - (at >> 3)] ?? 0;
    const serial = first + BigInt(at);
    if ((byte >> (at & 7)) & 1 && serial <= largestSerial) serials.push([serial, serial]);
  }
}
