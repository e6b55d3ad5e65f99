import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { signedData } from '../sshsig.ts';
import { wireString } from '../wire.ts';
import { pick, type Random } from './mutation.ts';

/** An SSH key pair: what its public blob is, and how it signs data into SSH's signature blob. */
export interface SshPair {
  readonly type: string;
  /** What follows the type in the public blob. */
  readonly fields: Buffer;
  readonly blob: Buffer;
  sign(data: Uint8Array): Buffer;
}

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const uint64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
};
const number = (bytes: Buffer) => {
  const digits = bytes.subarray(
    Math.max(
      0,
      bytes.findIndex((byte) => byte !== 0),
    ),
  );
  return wireString((digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
};
const coordinate = (key: KeyObject, name: 'x' | 'y' | 'n' | 'e') =>
  Buffer.from(String(key.export({ format: 'jwk' })[name]), 'base64url');

/** A new key pair of a type that OpenSSH makes. Security keys are simulated, their format is real (PROTOCOL.u2f). */
export function makeSshPair(kind: 'ed25519' | 'ecdsa' | 'rsa' | 'sk'): SshPair {
  const made = (type: string, fields: Buffer, sign: SshPair['sign']): SshPair => ({
    ...{ type, fields, sign },
    blob: Buffer.concat([wireString(type), fields]),
  });
  if (kind === 'rsa') {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const fields = Buffer.concat([number(coordinate(publicKey, 'e')), number(coordinate(publicKey, 'n'))]);
    return made('ssh-rsa', fields, (data) =>
      Buffer.concat([wireString('rsa-sha2-512'), wireString(sign('sha512', data, privateKey))]),
    );
  }
  if (kind === 'ecdsa') {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const point = Buffer.concat([Buffer.from([4]), coordinate(publicKey, 'x'), coordinate(publicKey, 'y')]);
    const type = 'ecdsa-sha2-nistp256';
    return made(type, Buffer.concat([wireString('nistp256'), wireString(point)]), (data) => {
      const raw = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const numbers = Buffer.concat([number(raw.subarray(0, 32)), number(raw.subarray(32))]);
      return Buffer.concat([wireString(type), wireString(numbers)]);
    });
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const point = wireString(coordinate(publicKey, 'x'));
  if (kind === 'ed25519')
    return made('ssh-ed25519', point, (data) =>
      Buffer.concat([wireString('ssh-ed25519'), wireString(sign(null, data, privateKey))]),
    );
  const type = 'sk-ssh-ed25519@openssh.com';
  const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest();
  return made(type, Buffer.concat([point, wireString('ssh:')]), (data) => {
    const state = Buffer.from([1, 0, 0, 0, 5]);
    const signed = Buffer.concat([sha256('ssh:'), state, sha256(data)]);
    return Buffer.concat([wireString(type), wireString(sign(null, signed, privateKey)), state]);
  });
}

/** What an SSH certificate says. */
export interface CertificateWords {
  readonly principals: readonly string[];
  readonly serial?: bigint;
  readonly keyId?: string;
  readonly kind?: number;
  readonly options?: readonly string[];
  /** Seconds since 1970. */
  readonly from?: bigint;
  readonly to?: bigint;
}

/** A certificate (PROTOCOL.certkeys) of a key, that says it is by `authority` and is signed by `by`. */
export function certifySsh(
  key: SshPair,
  words: CertificateWords,
  authority: SshPair,
  by: SshPair = authority,
): Buffer {
  const { principals, serial = 1n, keyId = 'id', kind = 1, options = [], from = 0n, to = -1n } = words;
  const type = key.type.startsWith('sk-')
    ? key.type.replace('@openssh.com', '-cert-v01@openssh.com')
    : `${key.type}-cert-v01@openssh.com`;
  const list = (items: readonly string[]) => wireString(Buffer.concat(items.map(wireString)));
  const body = Buffer.concat([
    ...[wireString(type), wireString('nonce'), key.fields, uint64(serial), uint32(kind), wireString(keyId)],
    ...[list(principals), uint64(from), uint64(to), list(options.flatMap((option) => [option, '']))],
    ...[list([]), wireString(''), wireString(authority.blob)],
  ]);
  return Buffer.concat([body, wireString(by.sign(body))]);
}

/** An armored signature (PROTOCOL.sshsig) that names the key `publicKey` and is made by `by`. */
export function signSsh(
  payload: Uint8Array,
  publicKey: Buffer,
  by: SshPair,
  { namespace = 'git', hash = 'sha512' as 'sha256' | 'sha512' } = {},
): string {
  const fields = { publicKey: '', namespace, hash, signature: Buffer.alloc(0) };
  const value = by.sign(signedData(fields, payload));
  const parts = [publicKey, namespace, '', hash, value].map((part) => wireString(part));
  return armorSsh(Buffer.concat([Buffer.from('SSHSIG'), uint32(1), ...parts]));
}

/** The armor of an SSH signature. */
export function armorSsh(bytes: Buffer): string {
  return `-----BEGIN SSH SIGNATURE-----\n${bytes.toString('base64').replace(/.{70}(?=.)/g, '$&\n')}\n-----END SSH SIGNATURE-----\n`;
}

/** What a key revocation list (PROTOCOL.krl) revokes. */
export interface RevokedWords {
  readonly keys: readonly Buffer[];
  readonly hashed: readonly Buffer[];
  readonly authority: Buffer;
  readonly serials: readonly bigint[];
  readonly range: readonly [bigint, bigint];
  readonly bits: readonly [bigint, Buffer];
  readonly keyIds: readonly string[];
}

/** A key revocation list, its sections in some order. */
export function writeRevocations(words: RevokedWords, random: Random): Buffer {
  const { keys, hashed, authority, serials, range, bits, keyIds } = words;
  const section = (kind: number, content: Buffer) =>
    Buffer.concat([Buffer.from([kind]), wireString(content)]);
  const hash = pick(['sha1', 'sha256'], random);
  const digests = hashed.map((key) => wireString(createHash(hash).update(key).digest()));
  const certificates = [
    section(0x20, Buffer.concat(serials.map(uint64))),
    section(0x21, Buffer.concat(range.map(uint64))),
    section(0x22, Buffer.concat([uint64(bits[0]), wireString(bits[1])])),
    section(0x23, Buffer.concat(keyIds.map(wireString))),
  ].sort(() => random(3) - 1);
  const sections = [
    section(1, Buffer.concat([wireString(authority), wireString(''), ...certificates])),
    section(2, Buffer.concat(keys.map(wireString))),
    section(hash === 'sha1' ? 3 : 5, Buffer.concat(digests)),
  ].sort(() => random(3) - 1);
  const head = [uint32(1), uint64(1n), uint64(2n), uint64(0n), wireString(''), wireString('')];
  return Buffer.concat([Buffer.from('SSHKRL\n\0', 'latin1'), ...head, ...sections]);
}
