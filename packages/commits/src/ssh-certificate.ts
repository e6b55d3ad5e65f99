import { parseSshKey, readKeyFields, type SshKey } from './ssh-key.ts';
import { createWireReader, wireString } from './wire.ts';

/** An OpenSSH certificate (PROTOCOL.certkeys) whose signature by its authority holds. */
export interface SshCertificate {
  readonly key: SshKey;
  /** The certified key's own blob, base64. */
  readonly publicKey: string;
  readonly authority: SshKey;
  /** The authority's key blob, base64. */
  readonly authorityKey: string;
  readonly serial: bigint;
  readonly keyId: string;
  readonly forUsers: boolean;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly string[];
}

const suffix = '-cert-v01';
const userCertificate = 1;

/** Whether a key blob says that it is a certificate. */
export function isCertificate(blob: Buffer): boolean {
  return createWireReader(blob).text().includes(suffix);
}

/** Parses a certificate and checks its authority's signature. Throws RangeError (or node:crypto's error on a broken key) where either fails. */
export function parseSshCertificate(blob: Buffer): SshCertificate {
  const reader = createWireReader(blob);
  const certified = reader.text();
  // The types of keys in tokens carry the domain, those of plain keys do not.
  const type = certified.replace(`${suffix}@openssh.com`, certified.startsWith('sk-') ? '@openssh.com' : '');
  reader.bytes();
  const from = reader.offset;
  const key = readKeyFields(type, reader);
  if (!key) throw new RangeError(`certificates of the type ${JSON.stringify(type.slice(0, 40))} are unknown`);
  const fields = blob.subarray(from, reader.offset);
  const serial = reader.uint64();
  const forUsers = reader.uint32() === userCertificate;
  const keyId = reader.bytes().toString('utf8');
  const principals = readAll(reader.bytes()).map((name) => name.toString('utf8'));
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
  const criticalOptions = readAll(reader.bytes()).filter((_, index) => index % 2 === 0);
  readAll(reader.bytes());
  reader.bytes();
  const authorityBlob = reader.bytes();
  const signed = blob.subarray(0, reader.offset);
  const signature = reader.bytes();
  if (!reader.done) throw new RangeError('bytes after the certificate');
  const authority = parseSshKey(authorityBlob);
  if (!authority?.verify(signed, signature)) throw new RangeError('its authority did not sign it');
  return {
    key,
    publicKey: Buffer.concat([wireString(type), fields]).toString('base64'),
    authority,
    authorityKey: authorityBlob.toString('base64'),
    serial,
    keyId,
    forUsers,
    principals,
    validAfter,
    validBefore,
    criticalOptions: criticalOptions.map((name) => name.toString('latin1')),
  };
}

function readAll(list: Buffer): readonly Buffer[] {
  const reader = createWireReader(list);
  const items: Buffer[] = [];
  while (!reader.done) items.push(reader.bytes());
  return items;
}
