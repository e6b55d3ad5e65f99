import { createHash } from 'node:crypto';
import { childrenOf, decodeBer, integerOf, isUniversal, octetsOf, oidOf, timeOf } from './ber.ts';
import type { Certificate } from './certificate.ts';
import { type Authorities, parseCertificates, refusePath } from './certificate-path.ts';
import { parseAlgorithm, parseSignedData, type SignedData, type SignerInfo } from './cms.ts';
import { findCertificate, onlySigner, refuseSignature } from './cms-signature.ts';
import { strongHashes } from './signature-algorithm.ts';
import { type Fault, fault, isFault } from './verdict.ts';

/** Where RFC 3161 appendix A puts a signature's time stamp: among the unsigned attributes. */
export const timestampAttribute = '1.2.840.113549.1.9.16.2.14';

const infoType = '1.2.840.113549.1.9.16.1.4';
/** SigningCertificate and SigningCertificateV2 (RFC 5035): the certificate belongs to what is signed. */
const certificateAttributes: readonly (readonly [string, string])[] = [
  ['1.2.840.113549.1.9.16.2.47', 'sha256'],
  ['1.2.840.113549.1.9.16.2.12', 'sha1'],
];

/**
 * The time (milliseconds since 1970) at which a trusted authority saw the signature (RFC 3161); undefined where the signature has no time stamp, a fault where
 * it has one that does not hold.
 */
export function readTimestamp(signer: SignerInfo, authorities: Authorities): number | Fault | undefined {
  const tokens = signer.unsignedAttributes.get(timestampAttribute);
  if (!tokens) return undefined;
  const [token, ...more] = tokens;
  if (!token || more.length > 0) return refuse('it has several or none');
  try {
    return judge(parseSignedData(token), signer.signature, authorities);
  } catch (thrown) {
    return refuse((thrown as Error).message);
  }
}

function judge(token: SignedData, stamped: Buffer, authorities: Authorities): number | Fault {
  const { content, contentType } = token;
  if (contentType !== infoType || !content) return refuse('it is none');
  const signer = onlySigner(token);
  if (isFault(signer)) return refuse(signer.reason);
  const others = parseCertificates(token.certificates);
  const certificate = findCertificate(signer, [...others, ...authorities.trusted]);
  if (!certificate) return refuse('its certificate is not there');
  const info = parseInfo(content);
  const wrong =
    refuseSignature(signer, infoType, content, certificate.x509.publicKey) ??
    (namesCertificate(signer, certificate) ? undefined : refuse('it does not name its certificate')) ??
    refusePath(certificate, others, 'timestamp', info.time, authorities);
  if (wrong) return refuse(wrong.reason);
  if (!createHash(info.hash).update(stamped).digest().equals(info.imprint))
    return refuse('it is for another signature');
  return info.time;
}

/** TSTInfo of RFC 3161 section 2.4.2. */
function parseInfo(content: Buffer) {
  const [version, , imprint, , time] = childrenOf(
    decodeBer(content, { bytes: content.length, elements: 1024 }),
  );
  const [algorithm, digest] = childrenOf(imprint);
  const hash = strongHashes[parseAlgorithm(algorithm).oid];
  if (integerOf(version) !== 1 || !hash) throw new RangeError('its version or hash is not accepted');
  return { hash, imprint: octetsOf(digest), time: timeOf(time) };
}

/** Whether the signed attribute holds the certificate's hash: elsewhere another certificate with the same key could be put in its place. */
function namesCertificate({ signedAttributes }: SignerInfo, { x509 }: Certificate): boolean {
  return certificateAttributes.some(([type, defaultHash]) => {
    const [value] = signedAttributes.get(type) ?? [];
    if (!value) return false;
    const [first] = childrenOf(childrenOf(value)[0]);
    const [algorithm, digest] = isUniversal(childrenOf(first)[0], 'sequence')
      ? childrenOf(first)
      : [undefined, childrenOf(first)[0]];
    const hash = algorithm ? strongHashes[oidOf(childrenOf(algorithm)[0])] : defaultHash;
    return hash !== undefined && createHash(hash).update(x509.raw).digest().equals(octetsOf(digest));
  });
}

function refuse(why: string): Fault {
  return fault('untrusted-timestamp', `its time stamp does not hold: ${why}`);
}
