import { foldCase } from './address.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { type Authorities, parseCertificates, refusePath } from './certificate-path.ts';
import { parseSignedMessage, type SignedData } from './cms.ts';
import { findCertificate, onlySigner, refuseSignature, signingTimeOf } from './cms-signature.ts';
import type { Signable } from './commit-object.ts';
import { badCaCertificates } from './errors.ts';
import { parseRevocationLists, type RevocationFile } from './revocation-list.ts';
import { leastStrict, type Strictness } from './strictness.ts';
import { readTimestamp } from './timestamp-token.ts';
import { type Fault, fault, isFault, type Signed } from './verdict.ts';
import { type GitsignVerifier, isFulcio } from './verify-gitsign.ts';
import type { KeyringFile } from './verify-openpgp.ts';

/** Verifies X.509 signatures (git's gpg.format x509). */
export interface X509Verifier {
  verify(commit: Signable, signature: string): Signed | Fault;
}

/** PKCS #7's type of what has none of its own (RFC 5652 section 4). */
const dataType = '1.2.840.113549.1.7.1';

/**
 * A verifier that trusts every certificate of the files. Beyond gpgsm it demands that the certificate names the committer's address, a use for signatures, SHA-2 and
 * keys of today's strength. Validity and revocation are judged when a trusted authority's time stamp says that it was signed; without one at the committer's time and at the
 * time in the signature, both of which the signer says. Throws `commits/bad-ca-certificates`, `commits/bad-revocation-lists`.
 */
export function createX509Verifier(
  files: readonly KeyringFile[],
  revocationFiles: readonly RevocationFile[] = [],
  gitsign?: GitsignVerifier,
  strictness: Strictness = leastStrict,
): X509Verifier {
  const trusted = files.flatMap(readCertificates);
  const authorities: Authorities = {
    trusted,
    revocations: parseRevocationLists(revocationFiles, trusted),
    strictness,
  };
  return {
    verify(commit, text) {
      try {
        return judge(commit, parseSignedMessage(text), authorities, gitsign);
      } catch (thrown) {
        return fault('bad-signature', `the signature cannot be read: ${(thrown as Error).message}`);
      }
    },
  };
}

/** The certificates of a PEM file. Throws `commits/bad-ca-certificates`. */
function readCertificates({ path, text }: KeyringFile): readonly Certificate[] {
  const blocks = [...text.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)];
  if (blocks.length === 0) throw badCaCertificates(path, 'it has no BEGIN CERTIFICATE');
  return blocks.map(([, base64 = ''], index) => {
    try {
      return parseCertificate(Buffer.from(base64, 'base64'));
    } catch (thrown) {
      throw badCaCertificates(path, `certificate ${index + 1} cannot be read (${(thrown as Error).message})`);
    }
  });
}

function judge(
  commit: Signable,
  message: SignedData,
  authorities: Authorities,
  gitsign: GitsignVerifier | undefined,
): Signed | Fault {
  const signer = onlySigner(message);
  if (isFault(signer)) return signer;
  if (message.content || message.contentType !== dataType)
    return fault('bad-signature', 'the signature brings content of its own instead of the commit’s');
  const others = parseCertificates(message.certificates);
  const certificate = findCertificate(signer, [...others, ...authorities.trusted]);
  if (!certificate) return fault('unknown-signer', 'the certificate of its signer is not there');
  const wrong = refuseSignature(signer, dataType, commit.payload, certificate.x509.publicKey);
  if (wrong) return wrong;
  if (isFulcio(certificate))
    return (
      gitsign?.verify(commit, signer, certificate) ?? fault('unknown-signer', 'there is no trusted root')
    );
  const stamped = readTimestamp(signer, authorities);
  if (typeof stamped === 'object') return stamped;
  const claimed = [commit.committer.time * 1000, signingTimeOf(signer) ?? commit.committer.time * 1000];
  for (const at of stamped === undefined ? claimed : [stamped]) {
    const refused = refusePath(certificate, others, 'sign', at, authorities);
    if (refused) return refused;
  }
  return judgePrincipal(commit, certificate);
}

function judgePrincipal({ committer }: Signable, { emails, fingerprint }: Certificate): Signed | Fault {
  const { email } = committer;
  if (emails.some((own) => foldCase(own) === foldCase(email)))
    return { kind: 'x509', key: fingerprint, principal: email };
  return fault(
    'wrong-principal',
    `the certificate ${fingerprint.slice(0, 16)} does not name ${JSON.stringify(email)}`,
  );
}
