import type { X509Certificate } from 'node:crypto';
import {
  type BerElement,
  childrenOf,
  decodeBer,
  isContext,
  isUniversal,
  octetsOf,
  oidOf,
  timeOf,
} from './ber.ts';
import type { Certificate } from './certificate.ts';
import { parseAlgorithm } from './cms.ts';
import { badRevocationLists } from './errors.ts';
import { hashOf, holds, refuseAlgorithm } from './signature-algorithm.ts';
import { type Fault, fault } from './verdict.ts';

/** What the authorities have taken back. */
export interface RevocationLists {
  /** A fault where a list of its issuer names the certificate, or has ended before that time (milliseconds since 1970). */
  refuse(certificate: Certificate, at: number): Fault | undefined;
}

interface RevocationList {
  readonly issuer: string;
  readonly signer: X509Certificate;
  readonly nextUpdate: number | undefined;
  readonly entries: ReadonlyMap<string, { readonly at: number; readonly reason: number }>;
}

/** A file of the revocation lists. */
export interface RevocationFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const reasonExtension = '2.5.29.21';
/** A list's number, its issuer's key and where its parts are found change nothing; a list of changes only, or by others, would. */
const harmlessExtensions = new Set(['2.5.29.20', '2.5.29.35', '2.5.29.46']);
/** Reasons (RFC 5280 section 5.3.1) for which what was signed before stays good. */
const harmlessReasons = new Map([
  [3, 'affiliation changed'],
  [4, 'superseded'],
  [5, 'cessation of operation'],
  [9, 'privilege withdrawn'],
]);
const partsExtension = '2.5.29.28';
const holdReason = 6;
const removedReason = 8;
const bounds = { bytes: 32 * 1024 * 1024, elements: 4_000_000 };

/**
 * Reads lists (RFC 5280 section 5), PEM or DER, each of which has to be signed by one of the authorities. Throws `commits/bad-revocation-lists` at anything not
 * understood: a list left out might name the stolen key.
 */
export function parseRevocationLists(
  files: readonly RevocationFile[],
  authorities: readonly Certificate[],
): RevocationLists {
  const lists = files.flatMap(({ path, bytes }) => {
    try {
      return splitFile(bytes).map((der) => parseList(der, authorities));
    } catch (thrown) {
      throw badRevocationLists(path, (thrown as Error).message);
    }
  });
  return {
    refuse(certificate, at) {
      const own = lists.filter(
        ({ issuer, signer }) => issuer === certificate.issuer && certificate.x509.verify(signer.publicKey),
      );
      for (const { entries } of own) {
        const entry = entries.get(certificate.serial);
        const refused = entry && refuseEntry(entry, certificate, at);
        if (refused) return refused;
      }
      const [last] = own.map(({ nextUpdate = Number.POSITIVE_INFINITY }) => nextUpdate).sort((a, b) => b - a);
      if (last !== undefined && last < at)
        return fault(
          'stale-revocations',
          `the revocation list of its certificate’s issuer ended at ${new Date(last).toISOString()}, before it was signed`,
        );
      return undefined;
    },
  };
}

function refuseEntry(
  { at: revoked, reason }: { readonly at: number; readonly reason: number },
  { fingerprint }: Certificate,
  at: number,
): Fault | undefined {
  if (reason === removedReason || (harmlessReasons.has(reason) && at < revoked)) return undefined;
  const why =
    harmlessReasons.get(reason) ?? (reason === holdReason ? 'on hold' : 'without a reason, or as stolen');
  return fault(
    'revoked-key',
    `the certificate ${fingerprint.slice(0, 16)} was revoked at ${new Date(revoked).toISOString()} (${why})`,
  );
}

function splitFile(bytes: Uint8Array): readonly Buffer[] {
  const buffer = Buffer.from(bytes);
  if (buffer[0] === 0x30) return [buffer];
  const blocks = [
    ...buffer.toString('latin1').matchAll(/-----BEGIN X509 CRL-----([\s\S]*?)-----END X509 CRL-----/g),
  ];
  if (blocks.length === 0) throw new RangeError('it has no X509 CRL');
  return blocks.map(([, base64 = '']) => Buffer.from(base64, 'base64'));
}

function parseList(der: Buffer, authorities: readonly Certificate[]): RevocationList {
  const [body, algorithmElement, signature] = childrenOf(decodeBer(der, bounds));
  const fields = [...childrenOf(body)];
  if (isUniversal(fields[0], 'integer')) fields.shift();
  const algorithm = parseAlgorithm(fields.shift());
  const issuerName = fields.shift();
  childrenOf(issuerName);
  const issuer = issuerName?.bytes.toString('hex') ?? '';
  fields.shift();
  const isTime = (element: BerElement | undefined) => element !== undefined && !element.constructed;
  const nextUpdate = isTime(fields[0]) ? timeOf(fields.shift()) : undefined;
  const entries = isUniversal(fields[0], 'sequence') ? childrenOf(fields.shift()) : [];
  refuseExtensions(fields.find((field) => isContext(field, 0))?.children[0]);
  const weak = refuseAlgorithm(parseAlgorithm(algorithmElement), 'the list');
  if (weak) throw new RangeError(weak.reason);
  const hash = hashOf(algorithm);
  const signer = authorities.find(
    (some) =>
      some.subject === issuer &&
      some.mayBeUsedFor('crlSign') &&
      hash !== undefined &&
      body &&
      isUniversal(signature, 'bitString') &&
      holds(algorithm, hash, some.x509.publicKey, body.bytes, signature.content.subarray(1)),
  );
  if (!signer) throw new RangeError('none of the trusted certificates signed the list, or may sign one');
  return { issuer, signer: signer.x509, nextUpdate, entries: new Map(entries.map(parseEntry)) };
}

function parseEntry(element: BerElement): [string, { readonly at: number; readonly reason: number }] {
  const [serial, date, extensions] = childrenOf(element);
  if (!isUniversal(serial, 'integer')) throw new RangeError('an entry has no serial number');
  let reason = 0;
  for (const extension of extensions ? childrenOf(extensions) : []) {
    const { type, critical, value } = parseExtension(extension);
    if (type === reasonExtension) reason = decodeBer(value, bounds).content[0] ?? 0;
    else if (critical) throw new RangeError(`an entry has the critical extension ${type}`);
  }
  return [serial.content.toString('hex'), { at: timeOf(date), reason }];
}

function refuseExtensions(list: BerElement | undefined): void {
  for (const extension of list ? childrenOf(list) : []) {
    const { type, critical, value } = parseExtension(extension);
    if (harmlessExtensions.has(type)) continue;
    // Only where it lies, and whether it is of users' or authorities' certificates: not a part of the reasons, not an indirect one.
    if (type === partsExtension && childrenOf(decodeBer(value, bounds)).every(({ tag }) => tag <= 2))
      continue;
    if (critical) throw new RangeError(`the list has the critical extension ${type}`);
  }
}

function parseExtension(element: BerElement) {
  const parts = [...childrenOf(element)];
  const type = oidOf(parts.shift());
  const flag = isUniversal(parts[0], 'boolean') ? parts.shift() : undefined;
  return { type, critical: flag !== undefined && flag.content[0] !== 0, value: octetsOf(parts[0]) };
}
