import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { createWireReader, type WireReader } from './wire.ts';

/** A public key that can verify. */
export interface SshKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`… */
  readonly type: string;
  /** Modulus or curve size. */
  readonly bits: number;
  /** `signature` is SSH's signature blob: algorithm and value. False also for one that cannot be read. */
  verify(data: Uint8Array, signature: Buffer): boolean;
}

const curves: Readonly<
  Record<string, { readonly name: string; readonly size: number; readonly hash: string }>
> = {
  nistp256: { name: 'P-256', size: 32, hash: 'sha256' },
  nistp384: { name: 'P-384', size: 48, hash: 'sha384' },
  nistp521: { name: 'P-521', size: 66, hash: 'sha512' },
};

/** Parses a public key blob (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f). Undefined for types not supported: certificates, DSA. Throws on a broken one. */
export function parseSshKey(blob: Buffer): SshKey | undefined {
  const reader = createWireReader(blob);
  const type = reader.text();
  const key = readKeyFields(type, reader);
  if (key && !reader.done) throw new RangeError('bytes after the key');
  return key;
}

/** Reads what follows the type in a key's blob, and in the middle of a certificate. Undefined for types not supported; throws on broken fields. */
export function readKeyFields(type: string, reader: WireReader): SshKey | undefined {
  if (type === 'ssh-ed25519') return plain(type, 256, ed25519(reader.bytes()));
  if (type === 'ssh-rsa') {
    const e = reader.bytes();
    return rsa(e, reader.bytes());
  }
  if (type === 'sk-ssh-ed25519@openssh.com') {
    const check = ed25519(reader.bytes());
    return securityKey(type, check, reader.bytes());
  }
  const securityCurve = type === 'sk-ecdsa-sha2-nistp256@openssh.com' ? 'nistp256' : undefined;
  const curve = securityCurve ?? /^ecdsa-sha2-(nistp\d+)$/.exec(type)?.[1];
  if (curve === undefined) return undefined;
  if (reader.text() !== curve) throw new RangeError('the curve is not the type’s');
  const check = ecdsa(curve, reader.bytes());
  if (securityCurve) return securityKey(type, check, reader.bytes());
  return plain(type, curve === 'nistp521' ? 521 : (curves[curve]?.size ?? 0) * 8, check);
}

type Check = (data: Uint8Array, value: Buffer) => boolean;

function plain(type: string, bits: number, check: Check): SshKey {
  return { type, bits, verify: guard(type, (data, value, rest) => rest.done && check(data, value)) };
}

/** A key in a FIDO token signs the application's hash, its flags and counter, and the data's hash (PROTOCOL.u2f, "SSH U2F signatures"). */
function securityKey(type: string, check: Check, application: Buffer): SshKey {
  return {
    type,
    bits: 256,
    verify: guard(type, (data, value, rest) => {
      const state = Buffer.alloc(5);
      state.writeUInt8(rest.uint8(), 0);
      state.writeUInt32BE(rest.uint32(), 1);
      return rest.done && check(Buffer.concat([sha256(application), state, sha256(data)]), value);
    }),
  };
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

function ed25519(x: Buffer): Check {
  if (x.length !== 32) throw new RangeError('an Ed25519 key has 32 bytes');
  const key = fromJwk({ kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') });
  return (data, value) => value.length === 64 && verify(null, data, key, value);
}

function ecdsa(curveName: string, point: Buffer): Check {
  const curve = curves[curveName];
  if (!curve || point.length !== 2 * curve.size + 1 || point[0] !== 4)
    throw new RangeError('not a point of the curve');
  const coordinate = (from: number) => point.subarray(from, from + curve.size).toString('base64url');
  const key = fromJwk({ kty: 'EC', crv: curve.name, x: coordinate(1), y: coordinate(1 + curve.size) });
  return (data, value) => {
    const numbers = createWireReader(value);
    const [r, s] = [unsigned(numbers.bytes(), curve.size), unsigned(numbers.bytes(), curve.size)];
    if (!r || !s || !numbers.done) return false;
    return verify(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat([r, s]));
  };
}

function rsa(e: Buffer, n: Buffer): SshKey {
  const modulus = n[0] === 0 ? n.subarray(1) : n;
  const key = fromJwk({ kty: 'RSA', e: e.toString('base64url'), n: modulus.toString('base64url') });
  const check = (hash: string) => (data: Uint8Array, value: Buffer, rest: WireReader) => {
    const padded = unsigned(value, modulus.length);
    return rest.done && padded !== undefined && verify(hash, data, key, padded);
  };
  const sha256 = guard('rsa-sha2-256', check('sha256'));
  const sha512 = guard('rsa-sha2-512', check('sha512'));
  // The algorithm ssh-rsa itself is SHA-1 and not accepted.
  return {
    type: 'ssh-rsa',
    bits: key.asymmetricKeyDetails?.modulusLength ?? 0,
    verify: (data, signature) => sha256(data, signature) || sha512(data, signature),
  };
}

/** `check` gets the reader behind the signature's value: security keys have more there. */
function guard(
  algorithm: string,
  check: (data: Uint8Array, value: Buffer, rest: WireReader) => boolean,
): SshKey['verify'] {
  return (data, signature) => {
    try {
      const reader = createWireReader(signature);
      if (reader.text() !== algorithm) return false;
      const value = reader.bytes();
      return check(data, value, reader);
    } catch {
      return false;
    }
  };
}

/** A big-endian number in exactly `size` bytes; undefined where it needs more. */
function unsigned(number: Buffer, size: number): Buffer | undefined {
  let start = 0;
  while (start < number.length && number[start] === 0) start++;
  const digits = number.subarray(start);
  return digits.length > size ? undefined : Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}

function fromJwk(key: Readonly<Record<string, string>>): KeyObject {
  return createPublicKey({ key, format: 'jwk' });
}
