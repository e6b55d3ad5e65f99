import { createHash } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import { octetsOf } from './ber.ts';
import type { Certificate } from './certificate.ts';
import type { SignerInfo } from './cms.ts';

/** Where gitsign puts the entry of the transparency log: among the unsigned attributes (its internal/rekor/oid). */
const entryAttribute = '1.3.6.1.4.1.57264.3.1';
/** A tree of 2^64 leaves is no deeper. */
const mostHashes = 64;

/**
 * The log's entry on a signature; undefined where the signature brings none. gitsign leaves the entry's body out, because the signed attributes, the signature and the
 * certificate say it all (hashedrekord 0.0.1): it is made anew here, so that what the log proves is exactly them. Throws RangeError.
 */
export function readRekorEntry(signer: SignerInfo, { x509 }: Certificate): TransparencyLogEntry | undefined {
  const values = signer.unsignedAttributes.get(entryAttribute);
  if (!values) return undefined;
  if (values.length !== 1) throw new RangeError('it has several log entries');
  const entry = readMessage(octetsOf(values[0]));
  const proof = entry.message(6);
  const promise = entry.message(5);
  const hashes = proof?.all(4) ?? [];
  if (hashes.length > mostHashes) throw new RangeError(`its log entry has ${hashes.length} hashes`);
  const pem = `-----BEGIN CERTIFICATE-----\n${x509.raw.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const body = {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: {
        hash: { algorithm: 'sha256', value: createHash('sha256').update(signer.signedBytes).digest('hex') },
      },
      signature: {
        content: signer.signature.toString('base64'),
        publicKey: { content: Buffer.from(pem).toString('base64') },
      },
    },
  };
  return {
    logIndex: entry.number(1),
    logId: { keyId: entry.message(2)?.bytes(1) ?? Buffer.alloc(0) },
    kindVersion: { kind: body.kind, version: body.apiVersion },
    integratedTime: entry.number(4),
    inclusionPromise: promise && { signedEntryTimestamp: promise.bytes(1) },
    inclusionProof: proof && {
      logIndex: proof.number(1),
      rootHash: proof.bytes(2),
      treeSize: proof.number(3),
      hashes,
      checkpoint: { envelope: proof.message(5)?.bytes(1).toString('utf8') ?? '' },
    },
    // Its keys are in the order of RFC 8785.
    canonicalizedBody: Buffer.from(JSON.stringify(body)),
  };
}

interface Message {
  /** Decimal digits; 0 where it is not there. */
  number(field: number): string;
  /** Empty where it is not there. */
  bytes(field: number): Buffer;
  all(field: number): Buffer[];
  message(field: number): Message | undefined;
}

/** Reads protocol buffers' wire format, the two types that the entry has. Throws RangeError on a broken one; of a field that comes twice the last counts. */
function readMessage(buffer: Buffer): Message {
  const numbers = new Map<number, bigint>();
  const fields: (readonly [number, Buffer])[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = BigInt(buffer.readUInt8(at++));
      value |= (byte & 127n) << shift;
      if (byte < 128n) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a number in its log entry does not end');
  };
  while (at < buffer.length) {
    const tag = varint();
    const [field, type] = [Number(tag >> 3n), tag & 7n];
    const value = varint();
    if (type === 0n) numbers.set(field, value);
    else if (type === 2n && value <= BigInt(buffer.length - at)) {
      fields.push([field, buffer.subarray(at, at + Number(value))]);
      at += Number(value);
    } else throw new RangeError('its log entry is broken');
  }
  const all = (wanted: number) => fields.filter(([field]) => field === wanted).map(([, value]) => value);
  return {
    number: (field) => String(BigInt.asIntN(64, numbers.get(field) ?? 0n)),
    bytes: (field) => all(field).at(-1) ?? Buffer.alloc(0),
    all,
    message(field) {
      const value = all(field).at(-1);
      return value && readMessage(value);
    },
  };
}
