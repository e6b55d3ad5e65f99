import { createHash, X509Certificate } from 'node:crypto';
import {
  type BerElement,
  childrenOf,
  decodeBer,
  integerOf,
  isContext,
  isUniversal,
  octetsOf,
  oidOf,
} from './ber.ts';
import { type Algorithm, parseAlgorithm } from './cms.ts';

/** Bits of a key usage (RFC 5280 section 4.2.1.3). */
const keyUsage = { digitalSignature: 0, contentCommitment: 1, keyCertSign: 5, crlSign: 6 } as const;

/** A certificate, and what its extensions say (RFC 5280). */
export interface Certificate {
  readonly x509: X509Certificate;
  /** SHA-256 of the whole, upper-case hexadecimal digits. */
  readonly fingerprint: string;
  /** Names as hexadecimal DER. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal digits. */
  readonly serial: string;
  readonly keyId: string | undefined;
  /** Milliseconds since 1970; both ends belong to it. */
  readonly validFrom: number;
  readonly validTo: number;
  readonly algorithm: Algorithm;
  /** Addresses of the alternative names, else of the subject; lower-case domain. */
  readonly emails: readonly string[];
  readonly uris: readonly string[];
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  /** Whether the key may be used so; true where the certificate does not say. */
  mayBeUsedFor(usage: keyof typeof keyUsage): boolean;
  /** Undefined where the certificate does not say. */
  readonly purposes: readonly string[] | undefined;
  /** Whether its purposes have to be obeyed by who does not know them. */
  readonly purposesCritical: boolean;
  /** The name constraints' SEQUENCE. */
  readonly constraints: BerElement | undefined;
  /** Extensions by their type. */
  readonly extensions: ReadonlyMap<string, Buffer>;
  /** Extensions that demand to be understood and are not. */
  readonly notUnderstood: readonly string[];
}

const extension = {
  keyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  policies: '2.5.29.32',
  purposes: '2.5.29.37',
} as const;
const understood: ReadonlySet<string> = new Set(Object.values(extension));
const emailAttribute = '1.2.840.113549.1.9.1';
const bounds = { bytes: 64 * 1024, elements: 8192 };
const nothing = Buffer.alloc(0);

/** Reads one certificate. Throws RangeError, or node:crypto's error, where it is broken. */
export function parseCertificate(der: Buffer): Certificate {
  const x509 = new X509Certificate(der);
  const [body] = childrenOf(decodeBer(der, bounds));
  const fields = [...childrenOf(body)];
  if (isContext(fields[0], 0)) fields.shift();
  const [serial, algorithm, issuer, , subject] = fields;
  const { byType, critical } = parseExtensions(fields.find((field) => isContext(field, 3)));
  const read = (type: string) => {
    const value = byType.get(type);
    return value && decodeBer(value, bounds);
  };
  const constraint = childrenOfOptional(read(extension.basicConstraints));
  const names = childrenOfOptional(read(extension.alternativeName));
  const usage = read(extension.keyUsage)?.content;
  const keyId = read(extension.keyId);
  const emails = textsOf(names, 1);
  const [validFrom, validTo] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
  // A time that is none would be neither too early nor too late.
  if (!Number.isFinite(validFrom) || !Number.isFinite(validTo))
    throw new RangeError('its validity has no times');
  return {
    x509,
    fingerprint: createHash('sha256').update(der).digest('hex').toUpperCase(),
    subject: hexOf(subject),
    issuer: hexOf(issuer),
    serial: (isUniversal(serial, 'integer') ? serial.content : nothing).toString('hex'),
    keyId: keyId && octetsOf(keyId).toString('hex'),
    validFrom,
    validTo,
    algorithm: parseAlgorithm(algorithm),
    emails: emails.length > 0 ? emails : emailsOfName(subject),
    uris: textsOf(names, 6),
    isAuthority: isUniversal(constraint[0], 'boolean') && constraint[0].content[0] !== 0,
    pathLength: constraint[1] && integerOf(constraint[1]),
    mayBeUsedFor: (use) => usage === undefined || hasBit(usage, keyUsage[use]),
    purposes: byType.has(extension.purposes)
      ? childrenOfOptional(read(extension.purposes)).map(oidOf)
      : undefined,
    purposesCritical: critical.has(extension.purposes),
    constraints: read(extension.nameConstraints),
    extensions: byType,
    notUnderstood: [...critical].filter((type) => !understood.has(type)),
  };
}

function parseExtensions(explicit: BerElement | undefined) {
  const byType = new Map<string, Buffer>();
  const critical = new Set<string>();
  for (const element of childrenOfOptional(explicit?.children[0])) {
    const parts = [...childrenOf(element)];
    const type = oidOf(parts.shift());
    const flag = isUniversal(parts[0], 'boolean') ? parts.shift() : undefined;
    if (byType.has(type)) throw new RangeError(`its extension ${type} is there twice`);
    if (flag && flag.content[0] !== 0) critical.add(type);
    byType.set(type, octetsOf(parts[0]));
  }
  return { byType, critical };
}

function childrenOfOptional(element: BerElement | undefined): readonly BerElement[] {
  return element ? childrenOf(element) : [];
}

function hexOf(element: BerElement | undefined): string {
  childrenOf(element);
  return (element?.bytes ?? nothing).toString('hex');
}

/** The general names of one kind: 1 are addresses, 6 are URIs (section 4.2.1.6). */
function textsOf(names: readonly BerElement[], tag: number): readonly string[] {
  return names.filter((name) => isContext(name, tag)).map(({ content }) => content.toString('latin1'));
}

/** Addresses in a subject, where older authorities put them (section 4.1.2.6). */
function emailsOfName(name: BerElement | undefined): readonly string[] {
  return childrenOf(name).flatMap((relative) =>
    childrenOf(relative, 'set').flatMap((attribute) => {
      const [type, value] = childrenOf(attribute);
      return oidOf(type) === emailAttribute && value ? [value.content.toString('latin1')] : [];
    }),
  );
}

/** A BIT STRING's bits from the most significant of its second byte on; the first says how many are unused. */
function hasBit(bits: Buffer, at: number): boolean {
  return (((bits[1 + (at >> 3)] ?? 0) << (at & 7)) & 0x80) !== 0;
}
