/** What can be wrong with a commit; the finding's rule is `commit/` and this. */
export type CommitFault =
  | 'bad-signature'
  | 'duplicate-signature'
  | 'expired-key'
  | 'expired-signature'
  | 'forge-unverified'
  | 'malformed'
  | 'no-inclusion-proof'
  | 'no-sign-off'
  | 'not-yet-valid'
  | 'revoked-key'
  | 'stale-revocations'
  | 'unknown-signer'
  | 'unsigned'
  | 'unsupported-signature'
  | 'untrusted-timestamp'
  | 'unusable-key'
  | 'weak-key'
  | 'weak-signature'
  | 'web-flow'
  | 'wrong-namespace'
  | 'wrong-principal'
  | 'wrong-tag';

/** A signature or commit that does not hold. */
export interface Fault {
  readonly fault: CommitFault;
  /** One clause without a full stop. */
  readonly reason: string;
  /** Where it is known better than the fault's name tells. */
  readonly remedy?: string;
}

/** A signature that holds, made by someone trusted for the committer's address. */
export interface Signed {
  readonly kind: 'ssh' | 'openpgp' | 'x509' | 'gitsign' | 'forge';
  /** `SHA256:…` for SSH (of a certificate: the key’s), upper-case fingerprint for OpenPGP, and of the certificate (SHA-256) for X.509. */
  readonly key: string;
  readonly principal: string;
}

/** A fault; never a signed verdict. */
export function fault(name: CommitFault, reason: string): Fault {
  return { fault: name, reason };
}

/** Whether a verdict is a fault. */
export function isFault(verdict: object): verdict is Fault {
  return 'fault' in verdict;
}
