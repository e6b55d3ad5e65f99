import { type Certificate, parseCertificate } from './certificate.ts';
import { violatesConstraints } from './name-constraints.ts';
import type { RevocationLists } from './revocation-list.ts';
import { refuseAlgorithm, refuseKey } from './signature-algorithm.ts';
import type { Strictness } from './strictness.ts';
import { type Fault, fault } from './verdict.ts';

/** What a certificate's key is to be used for. */
export type Purpose = 'sign' | 'timestamp';

/** Certificates that are trusted, and what is needed to judge what they issued. */
export interface Authorities {
  readonly trusted: readonly Certificate[];
  readonly revocations: RevocationLists;
  readonly strictness: Strictness;
}

/** Purposes of RFC 5280 section 4.2.1.12: any, and those that a signature of a commit goes by. */
const anyPurpose = '2.5.29.37.0';
const purposes: Readonly<Record<Purpose, readonly string[]>> = {
  sign: [anyPurpose, '1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.3'],
  timestamp: ['1.3.6.1.5.5.7.3.8'],
};
const longest = 8;
/** Signatures checked while a path is looked for: certificates that issued each other in circles make more paths than can be walked. */
const mostSteps = 64;

/**
 * A fault unless a path leads from the certificate to a trusted one, on which everything holds at that time (milliseconds since 1970): RFC 5280 section 6.1 without
 * policies, which no commit names. `others` came with the signature and are trusted for nothing by themselves.
 */
export function refusePath(
  leaf: Certificate,
  others: readonly Certificate[],
  purpose: Purpose,
  at: number,
  authorities: Authorities,
): Fault | undefined {
  const { trusted } = authorities;
  const anchors = new Set(trusted.map(({ fingerprint }) => fingerprint));
  const pool = [...trusted, ...others];
  let steps = 0;
  let best: Fault | undefined;
  const search = (path: readonly Certificate[]): boolean => {
    const last = path.at(-1) as Certificate;
    if (anchors.has(last.fingerprint)) {
      const wrong = refuseCertificates(path, purpose, at, authorities);
      if (!wrong) return true;
      best ??= wrong;
    }
    if (path.length >= longest) return false;
    for (const issuer of pool) {
      if (issuer.subject !== last.issuer || path.some((some) => some.fingerprint === issuer.fingerprint))
        continue;
      if (steps++ >= mostSteps) return false;
      if (issued(issuer, last) && search([...path, issuer])) return true;
    }
    return false;
  };
  if (search([leaf])) return undefined;
  return best ?? fault('unknown-signer', `no trusted authority issued the certificate of ${nameOf(leaf)}`);
}

/** Whether the issuer's key signed the certificate. */
function issued(issuer: Certificate, certificate: Certificate): boolean {
  try {
    return issuer.subject === certificate.issuer && certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

/** A certificate in a message: its common name, else the start of its fingerprint. */
function nameOf({ x509, fingerprint }: Certificate): string {
  const name = /^CN=(.*)$/m.exec(x509.subject)?.[1];
  return name ? JSON.stringify(name.slice(0, 60)) : fingerprint.slice(0, 16);
}

/** The same signers come again and again; made anew where somebody's commits bring very many. */
const read = new Map<string, Certificate | undefined>();
const mostRead = 1024;

/** Reads every certificate that can be read; one that cannot has signed nothing here. */
export function parseCertificates(list: readonly Buffer[]): readonly Certificate[] {
  return list.flatMap((der) => {
    const key = der.toString('latin1');
    if (!read.has(key)) {
      if (read.size >= mostRead) read.clear();
      read.set(key, parseOrSkip(der));
    }
    return read.get(key) ?? [];
  });
}

function parseOrSkip(der: Buffer): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch {
    return undefined;
  }
}

function refuseCertificates(
  path: readonly Certificate[],
  purpose: Purpose,
  at: number,
  { revocations, strictness }: Authorities,
): Fault | undefined {
  for (const [index, certificate] of path.entries()) {
    const isLast = index === path.length - 1;
    const wrong =
      refuseStrength(certificate, isLast, strictness) ??
      refuseUse(certificate, purpose, index === 0) ??
      (index === 0 ? undefined : refuseAuthority(certificate, path.slice(0, index))) ??
      refuseTime(certificate, at, purpose === 'sign' ? strictness.graceMs : 0) ??
      revocations.refuse(certificate, at);
    if (wrong) return wrong;
  }
  return undefined;
}

/** A trusted certificate's own signature proves nothing and may be of any kind. */
function refuseStrength(
  certificate: Certificate,
  isTrusted: boolean,
  strictness: Strictness,
): Fault | undefined {
  const name = `the certificate of ${nameOf(certificate)}`;
  return (
    refuseKey(certificate.x509.publicKey, nameOf(certificate), strictness) ??
    (isTrusted ? undefined : refuseAlgorithm(certificate.algorithm, name))
  );
}

function refuseUse(certificate: Certificate, purpose: Purpose, isLeaf: boolean): Fault | undefined {
  const name = `the certificate of ${nameOf(certificate)}`;
  const [unknown] = certificate.notUnderstood;
  if (unknown !== undefined)
    return fault('unusable-key', `${name} has the critical extension ${unknown}, which is not understood`);
  const stated = certificate.purposes;
  if (
    stated &&
    !purposes[purpose].some((some) => stated.includes(some)) &&
    !(purpose === 'timestamp' && !isLeaf && stated.includes(anyPurpose))
  )
    return fault(
      'unusable-key',
      `${name} is not for ${purpose === 'sign' ? 'e-mail or code signing' : 'time stamps'}`,
    );
  if (!isLeaf) return undefined;
  // RFC 3161 section 2.3: of a time stamp's certificate it is the only purpose, and critical.
  if (purpose === 'timestamp' && (stated?.length !== 1 || !certificate.purposesCritical))
    return fault('unusable-key', `${name} is not for time stamps alone`);
  if (!certificate.mayBeUsedFor('digitalSignature') && !certificate.mayBeUsedFor('contentCommitment'))
    return fault('unusable-key', `${name} is not for signatures`);
  return undefined;
}

/** `below` are the certificates from the leaf up to this one. */
function refuseAuthority(certificate: Certificate, below: readonly Certificate[]): Fault | undefined {
  const name = `the certificate of ${nameOf(certificate)}`;
  if (!certificate.isAuthority || !certificate.mayBeUsedFor('keyCertSign'))
    return fault('unusable-key', `${name} is no authority’s and yet issued one`);
  const between = below.slice(1).filter(({ subject, issuer }) => subject !== issuer).length;
  if (certificate.pathLength !== undefined && between > certificate.pathLength)
    return fault('unusable-key', `${name} allows fewer authorities below it`);
  if (!certificate.constraints) return undefined;
  for (const some of below) {
    let violated: string | undefined;
    try {
      violated = violatesConstraints(certificate.constraints, some);
    } catch (thrown) {
      violated = `has name constraints that cannot be read: ${(thrown as Error).message}`;
    }
    if (violated) return fault('unusable-key', `${name} ${violated}`);
  }
  return undefined;
}

function refuseTime(certificate: Certificate, at: number, graceMs: number): Fault | undefined {
  const name = `the certificate of ${nameOf(certificate)}`;
  const when = new Date(at).toISOString();
  if (at < certificate.validFrom)
    return fault('not-yet-valid', `${name} was not valid yet at ${when}, when the signature was made`);
  if (at - graceMs > certificate.validTo)
    return fault('expired-key', `${name} was no longer valid at ${when}, when the signature was made`);
  return undefined;
}
