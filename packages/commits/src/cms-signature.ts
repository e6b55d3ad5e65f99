import { createHash, type KeyObject } from 'node:crypto';
import { octetsOf, oidOf, timeOf } from './ber.ts';
import type { Certificate } from './certificate.ts';
import type { SignedData, SignerInfo } from './cms.ts';
import { holds, refuseAlgorithm, strongHashes } from './signature-algorithm.ts';
import { type Fault, fault } from './verdict.ts';

/** Types of the attributes that RFC 5652 section 11 defines. */
const contentTypeAttribute = '1.2.840.113549.1.9.3';
const messageDigestAttribute = '1.2.840.113549.1.9.4';
const signingTimeAttribute = '1.2.840.113549.1.9.5';

/** The only signer; a fault where there are more, because one of them could be anybody. */
export function onlySigner({ signers }: SignedData): SignerInfo | Fault {
  const [signer] = signers;
  if (!signer || signers.length > 1)
    return fault('duplicate-signature', `it carries ${signers.length} signatures`);
  return signer;
}

/**
 * A fault unless the signer's key signed exactly `content` as `contentType` (RFC 5652 section 5.6). Signed attributes are demanded: without them a signature
 * over attributes could pass for one over content.
 */
export function refuseSignature(
  signer: SignerInfo,
  contentType: string,
  content: Uint8Array,
  key: KeyObject,
): Fault | undefined {
  const { digestAlgorithm, signatureAlgorithm, signedBytes, signature } = signer;
  for (const oid of [digestAlgorithm, signatureAlgorithm.oid]) {
    const parameters = oid === signatureAlgorithm.oid ? signatureAlgorithm.parameters : undefined;
    const refused = refuseAlgorithm({ oid, parameters }, 'the signature');
    if (refused) return refused;
  }
  const hash = strongHashes[digestAlgorithm];
  if (!hash) return fault('unsupported-signature', `the hash ${digestAlgorithm} is unknown`);
  try {
    if (oidOf(single(signer, contentTypeAttribute)) !== contentType)
      return fault('bad-signature', 'it was made for content of another type');
    if (!octetsOf(single(signer, messageDigestAttribute)).equals(createHash(hash).update(content).digest()))
      return fault('bad-signature', 'the signature does not match the commit');
  } catch (thrown) {
    return fault('bad-signature', `the signature cannot be read: ${(thrown as Error).message}`);
  }
  if (!holds(signatureAlgorithm, hash, key, signedBytes, signature))
    return fault('bad-signature', 'the signature does not match its certificate’s key');
  return undefined;
}

/** Milliseconds since 1970 at which the signer says that it signed; undefined where it does not. Throws RangeError where it cannot be read. */
export function signingTimeOf(signer: SignerInfo): number | undefined {
  return signer.signedAttributes.has(signingTimeAttribute)
    ? timeOf(single(signer, signingTimeAttribute))
    : undefined;
}

/** The certificate that the signer names; undefined where it is not among them. */
export function findCertificate(
  { certificate: named }: SignerInfo,
  certificates: readonly Certificate[],
): Certificate | undefined {
  if ('keyId' in named) {
    const keyId = named.keyId.toString('hex');
    return certificates.find((some) => some.keyId === keyId);
  }
  const [issuer, serial] = [named.issuer.toString('hex'), named.serial.toString('hex')];
  return certificates.find((some) => some.issuer === issuer && some.serial === serial);
}

function single({ signedAttributes }: SignerInfo, type: string) {
  const values = signedAttributes.get(type);
  if (values?.length !== 1)
    throw new RangeError(`the signed attribute ${type} is missing or has several values`);
  return values[0];
}
