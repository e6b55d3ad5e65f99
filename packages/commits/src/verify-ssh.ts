import { createHash } from 'node:crypto';
import { foldCase } from './address.ts';
import { type AllowedSigner, matchesPatterns } from './allowed-signers.ts';
import type { Identity, Signable } from './commit-object.ts';
import { isCertificate, parseSshCertificate, type SshCertificate } from './ssh-certificate.ts';
import { parseSshKey, type SshKey } from './ssh-key.ts';
import type { Revocations } from './ssh-revocation.ts';
import { parseSshSignature, type SshSignature, signedData } from './sshsig.ts';
import { leastStrict, type Strictness } from './strictness.ts';
import { type Fault, fault, type Signed } from './verdict.ts';

const namespace = 'git';

/** Verifies SSH signatures against one allowed-signers file. */
export interface SshVerifier {
  verify(signed: Signable, signature: string): Signed | Fault;
}

/** A signature's key, and the certificate that it came in. */
interface Signer {
  readonly key: SshKey;
  /** The key's own blob, base64. */
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly certificate?: SshCertificate;
}

/**
 * A verifier that parses each key once. Beyond `git verify-commit` it demands that the key's line allows the committer's address (git looks the principal up by
 * key and lets any listed key sign for anyone), and refuses certificates with critical options. Validity is judged at the committer's time, as git does;
 * a revoked key is never good.
 */
export function createSshVerifier(
  signers: readonly AllowedSigner[],
  revocations: Revocations = { revokes: () => false },
  strictness: Strictness = leastStrict,
): SshVerifier {
  const known = new Map<string, Signer | Fault>();
  const signerOf = (publicKey: string) => {
    const signer = known.get(publicKey) ?? readSigner(publicKey);
    known.set(publicKey, signer);
    return signer;
  };
  return {
    verify(signed, text) {
      const signature = readSignature(text);
      if ('fault' in signature) return signature;
      const signer = signerOf(signature.publicKey);
      if ('fault' in signer) return signer;
      if (!signer.key.verify(signedData(signature, signed.payload), signature.signature))
        return fault('bad-signature', 'the signature does not match the commit');
      if (signature.namespace !== namespace)
        return fault(
          'wrong-namespace',
          `it was signed for ${JSON.stringify(signature.namespace.slice(0, 40))}, not for git`,
        );
      if (revocations.revokes(signer.publicKey, signer.certificate))
        return fault('revoked-key', `the key ${signer.fingerprint} is revoked`);
      return judge(signed.committer, signer, signers, strictness);
    },
  };
}

function readSignature(text: string): SshSignature | Fault {
  try {
    return parseSshSignature(text);
  } catch (thrown) {
    return fault('bad-signature', `the signature cannot be read: ${(thrown as Error).message}`);
  }
}

function readSigner(publicKey: string): Signer | Fault {
  try {
    const blob = Buffer.from(publicKey, 'base64');
    if (isCertificate(blob)) {
      const certificate = parseSshCertificate(blob);
      const { key, publicKey: own } = certificate;
      return { key, publicKey: own, fingerprint: fingerprintOf(own), certificate };
    }
    const key = parseSshKey(blob);
    if (!key) return fault('unsupported-signature', 'keys of its type are not verified');
    return { key, publicKey, fingerprint: fingerprintOf(publicKey) };
  } catch (thrown) {
    return fault('bad-signature', `the signature’s key cannot be read: ${(thrown as Error).message}`);
  }
}

function judge(
  committer: Identity,
  signer: Signer,
  signers: readonly AllowedSigner[],
  { fewestRsaBits, graceMs }: Strictness,
): Signed | Fault {
  const grace = Math.floor(graceMs / 1000);
  const { fingerprint, certificate } = signer;
  const listed = certificate?.authorityKey ?? signer.publicKey;
  const lines = signers.filter(
    (line) => line.publicKey === listed && line.certAuthority === (certificate !== undefined),
  );
  if (lines.length === 0)
    return certificate
      ? fault('unknown-signer', `no allowed signer is the certificate’s authority ${fingerprintOf(listed)}`)
      : fault('unknown-signer', `no allowed signer has the key ${fingerprint}`);
  for (const { type, bits } of [signer.key, ...(certificate ? [certificate.authority] : [])])
    if (type === 'ssh-rsa' && bits < fewestRsaBits)
      return fault('weak-key', `the RSA key ${fingerprint} has ${bits} bits, fewer than ${fewestRsaBits}`);
  const refused = certificate && refuseCertificate(certificate, committer, grace);
  if (refused) return refused;
  // The line that fails last explains best.
  let best: Fault = fault(
    'wrong-principal',
    `the key ${fingerprint} may not sign for ${JSON.stringify(committer.email)}`,
  );
  for (const line of lines) {
    if (!matchesPatterns(committer.email, line.principals)) continue;
    const wrong = refuseLine(line, committer.time, fingerprint, grace);
    if (!wrong) return { kind: 'ssh', key: fingerprint, principal: committer.email };
    best = wrong;
  }
  return best;
}

/** sshkey_cert_check_authority of OpenSSH's sshkey.c, and critical options: they are all restrictions that a signature cannot show to be kept. */
function refuseCertificate(
  certificate: SshCertificate,
  { email, time }: Identity,
  grace: number,
): Fault | undefined {
  if (!certificate.forUsers) return fault('unusable-key', 'the certificate is for a host, not for a user');
  const [option] = certificate.criticalOptions;
  if (option !== undefined)
    return fault(
      'unusable-key',
      `the certificate has the critical option ${JSON.stringify(option.slice(0, 40))}`,
    );
  if (BigInt(time) < certificate.validAfter)
    return fault('not-yet-valid', 'the certificate was not valid yet when the commit was made');
  if (BigInt(time - grace) >= certificate.validBefore)
    return fault('expired-key', 'the certificate was no longer valid when the commit was made');
  if (!certificate.principals.some((name) => foldCase(name) === foldCase(email)))
    return fault('wrong-principal', `the certificate does not name ${JSON.stringify(email)}`);
  return undefined;
}

function refuseLine(
  line: AllowedSigner,
  time: number,
  fingerprint: string,
  grace: number,
): Fault | undefined {
  if (line.namespaces && !matchesPatterns(namespace, line.namespaces))
    return fault('wrong-namespace', `the key ${fingerprint} is not allowed for git`);
  if (line.validAfter !== undefined && time < line.validAfter)
    return fault('not-yet-valid', `the key ${fingerprint} was not valid yet when the commit was made`);
  if (line.validBefore !== undefined && time - grace > line.validBefore)
    return fault('expired-key', `the key ${fingerprint} was no longer valid when the commit was made`);
  return undefined;
}

/** `SHA256:…` of a base64 key blob, as ssh-keygen -l writes it. */
export function fingerprintOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
