import { createHash } from 'node:crypto';
import { createWireReader, wireString } from './wire.ts';

/** An SSH signature (OpenSSH's PROTOCOL.sshsig). */
export interface SshSignature {
  /** The signer's public key blob, base64. */
  readonly publicKey: string;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  /** Algorithm and value in SSH's encoding. */
  readonly signature: Buffer;
}

const armor = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n*$/;
const preamble = 'SSHSIG';

/** Reads an armored signature. Throws RangeError with the reason on anything but one whole signature of version 1. */
export function parseSshSignature(text: string): SshSignature {
  const body = armor.exec(text.replaceAll('\r\n', '\n'))?.[1];
  if (body === undefined) throw new RangeError('its armor is broken');
  const base64 = body.replaceAll('\n', '');
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) throw new RangeError('its base64 is not canonical');
  if (blob.subarray(0, preamble.length).toString('latin1') !== preamble)
    throw new RangeError('it lacks SSHSIG');
  const reader = createWireReader(blob.subarray(preamble.length));
  if (reader.uint32() !== 1) throw new RangeError('its version is not 1');
  const publicKey = reader.bytes().toString('base64');
  const namespace = reader.text();
  reader.bytes();
  const hash = reader.text();
  const signature = reader.bytes();
  if (!reader.done) throw new RangeError('bytes follow it');
  if (hash !== 'sha256' && hash !== 'sha512')
    throw new RangeError(`its hash ${JSON.stringify(hash)} is not SHA-2`);
  return { publicKey, namespace, hash, signature };
}

/** The bytes that an SSH signature over `message` signs. */
export function signedData({ namespace, hash }: SshSignature, message: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(preamble),
    wireString(Buffer.from(namespace, 'latin1')),
    wireString(''),
    wireString(hash),
    wireString(createHash(hash).update(message).digest()),
  ]);
}
