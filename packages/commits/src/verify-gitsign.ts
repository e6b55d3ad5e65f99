import { createHash } from 'node:crypto';
import { HashAlgorithm, TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, VerificationError, Verifier } from '@sigstore/verify';
import { foldCase } from './address.ts';
import { matchesPatterns } from './allowed-signers.ts';
import { decodeBer } from './ber.ts';
import type { Certificate } from './certificate.ts';
import type { SignerInfo } from './cms.ts';
import type { Signable } from './commit-object.ts';
import { badTrustedRoot } from './errors.ts';
import { readRekorEntry } from './rekor-entry.ts';
import { refuseKey } from './signature-algorithm.ts';
import { leastStrict, type Strictness } from './strictness.ts';
import { timestampAttribute } from './timestamp-token.ts';
import { type Fault, fault, type Signed } from './verdict.ts';
import type { KeyringFile } from './verify-openpgp.ts';

/** Verifies signatures whose certificate is Fulcio's; the mathematics of the CMS have been checked before. */
export interface GitsignVerifier {
  verify(commit: Signable, signer: SignerInfo, certificate: Certificate): Signed | Fault;
}

/** The identity provider, as Fulcio writes it: as UTF8String, and before bare (its docs/oid-info.md). */
const issuerExtension = '1.3.6.1.4.1.57264.1.8';
const olderIssuerExtension = '1.3.6.1.4.1.57264.1.1';
const codeSigning = '1.3.6.1.5.5.7.3.3';

/** Whether Fulcio made the certificate, by what it says. */
export function isFulcio({ extensions }: Certificate): boolean {
  return extensions.has(issuerExtension) || extensions.has(olderIssuerExtension);
}

/**
 * A verifier by a Sigstore trusted root, without a network: the log's entry has to be in the signature, with its proof, and the certificate valid at the log's time and at the
 * time stamp's, where there is one; the committer's clock does not count. A root that names no log (a Sigstore of one's own without Rekor) is content with a time stamp. `identities` say who may sign: `ISSUER SUBJECT-PATTERN [COMMITTER-PATTERN]`; without a
 * committer the subject has to be the committer's address. Throws `commits/bad-trusted-root`.
 */
export function createGitsignVerifier(
  root: KeyringFile | undefined,
  identities: readonly string[],
  strictness: Strictness = leastStrict,
): GitsignVerifier {
  const material = root && readRoot(root);
  const verifier =
    material &&
    new Verifier(material, {
      tlogThreshold: material.tlogs.length > 0 ? 1 : 0,
      ctlogThreshold: material.ctlogs.length > 0 ? 1 : 0,
    });
  const logged = material !== undefined && material.tlogs.length > 0;
  return {
    verify(commit, signer, certificate) {
      if (!verifier)
        return fault('unknown-signer', 'its certificate is Fulcio’s, and there is no trusted root');
      if (certificate.notUnderstood.length > 0 || !certificate.purposes?.includes(codeSigning))
        return fault('unusable-key', 'its certificate is not for code signing');
      const weak = refuseKey(certificate.x509.publicKey, 'its certificate', strictness);
      if (weak) return weak;
      // An entry of a log that the root does not know proves nothing.
      const entry = logged ? readRekorEntry(signer, certificate) : undefined;
      if (logged && !entry?.inclusionProof)
        return fault(
          'no-inclusion-proof',
          'it is unknown when it was signed: the log’s proof is not in the signature',
        );
      const entity = toSignedEntity(
        {
          mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          content: {
            $case: 'messageSignature',
            messageSignature: {
              messageDigest: {
                algorithm: HashAlgorithm.SHA2_256,
                digest: createHash('sha256').update(signer.signedBytes).digest(),
              },
              signature: signer.signature,
            },
          },
          verificationMaterial: {
            content: { $case: 'certificate', certificate: { rawBytes: certificate.x509.raw } },
            tlogEntries: entry ? [entry] : [],
            timestampVerificationData: { rfc3161Timestamps: readStamps(signer) },
          },
        } as unknown as Parameters<typeof toSignedEntity>[0],
        signer.signedBytes,
      );
      try {
        verifier.verify(entity);
      } catch (thrown) {
        const times = entity.timestamps.map((some) =>
          some.$case === 'timestamp-authority'
            ? some.timestamp.signingTime.getTime()
            : Number(some.tlogEntry.integratedTime) * 1000,
        );
        return explain(thrown, certificate, times);
      }
      return judgeIdentity(commit, certificate, identities);
    },
  };
}

function readRoot({ path, text }: KeyringFile) {
  try {
    const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)));
    const witnesses = [...material.tlogs, ...material.timestampAuthorities];
    if (material.certificateAuthorities.length === 0 || witnesses.length === 0)
      throw new RangeError('it has no certificate authority, or neither a log nor a time stamping authority');
    return material;
  } catch (thrown) {
    throw badTrustedRoot(path, (thrown as Error).message);
  }
}

/** The time stamps, each in the response that a time stamping authority would send (RFC 3161 section 2.4.2). */
function readStamps({ unsignedAttributes }: SignerInfo) {
  const granted = Buffer.from('3003020100', 'hex');
  return (unsignedAttributes.get(timestampAttribute) ?? []).map(({ bytes }) => {
    const digits = (granted.length + bytes.length).toString(16);
    const size = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
    const head = Buffer.from([0x30, 0x80 | size.length]);
    return { signedTimestamp: Buffer.concat([head, size, granted, bytes]) };
  });
}

function explain(thrown: unknown, { validFrom, validTo }: Certificate, times: readonly number[]): Fault {
  const { code, message } =
    thrown instanceof VerificationError ? thrown : { code: '', message: String(thrown) };
  if (code === 'TIMESTAMP_ERROR')
    return fault('untrusted-timestamp', `its time cannot be proved: ${message}`);
  if (code.startsWith('TLOG'))
    return fault('no-inclusion-proof', `the log’s proof does not hold: ${message}`);
  if (code !== 'CERTIFICATE_ERROR') return fault('bad-signature', `it cannot be verified: ${message}`);
  if (times.some((at) => at > validTo))
    return fault('expired-key', 'its certificate was no longer valid at the time of the log or time stamp');
  if (times.some((at) => at < validFrom))
    return fault('not-yet-valid', 'its certificate was not valid yet at the time of the log or time stamp');
  return fault('unknown-signer', `the trusted root does not stand for its certificate: ${message}`);
}

function judgeIdentity(
  { committer }: Signable,
  certificate: Certificate,
  identities: readonly string[],
): Signed | Fault {
  const { emails, uris, fingerprint } = certificate;
  const issuer = readIssuer(certificate);
  for (const line of identities) {
    const [wanted, subject = '', forCommitter] = line.split(/\s+/);
    if (wanted !== issuer) continue;
    for (const name of [...emails, ...uris]) {
      if (!matchesPatterns(name, [subject])) continue;
      const fits = forCommitter
        ? matchesPatterns(committer.email, [forCommitter])
        : foldCase(name) === foldCase(committer.email);
      if (fits) return { kind: 'gitsign', key: fingerprint, principal: committer.email };
    }
  }
  const names = [...emails, ...uris].map((name) => JSON.stringify(name.slice(0, 80))).join(', ');
  return {
    ...fault(
      'wrong-principal',
      `no identity lets ${names} of ${JSON.stringify(issuer.slice(0, 80))} sign for ${JSON.stringify(committer.email)}`,
    ),
    remedy:
      'Commit with the address of the certificate, or have the identity added to policy.commits.identities on the base branch.',
  };
}

function readIssuer({ extensions }: Certificate): string {
  const value = extensions.get(issuerExtension);
  if (!value) return extensions.get(olderIssuerExtension)?.toString('utf8') ?? '';
  return decodeBer(value, { bytes: 4096, elements: 4 }).content.toString('utf8');
}
