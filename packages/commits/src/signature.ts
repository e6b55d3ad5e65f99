import type { Commit, Signable } from './commit-object.ts';
import { type Fault, fault, type Signed } from './verdict.ts';
import type { OpenPgpVerifier } from './verify-openpgp.ts';
import type { SshVerifier } from './verify-ssh.ts';
import type { X509Verifier } from './verify-x509.ts';

/** The verifiers, by the kind of signature. OpenPGP's and X.509's are made at the first use. */
export interface Verifiers {
  readonly ssh: SshVerifier;
  openPgp(): Promise<OpenPgpVerifier>;
  x509(): Promise<X509Verifier>;
}

/**
 * Judges the signature of a commit or tag. It is unsigned only when its object has no signature header at all: `%G?` says N also for kinds that git cannot check.
 */
export async function verifySignature(
  commit: Signable & Pick<Commit, 'signatures'>,
  verifiers: Verifiers,
): Promise<Signed | Fault> {
  const [signature, ...more] = commit.signatures;
  if (signature === undefined) return fault('unsigned', 'it carries no signature');
  if (more.length > 0) return fault('duplicate-signature', `it carries ${more.length + 1} signatures`);
  if (signature.startsWith('-----BEGIN SSH SIGNATURE-----')) return verifiers.ssh.verify(commit, signature);
  if (/^-----BEGIN PGP (SIGNATURE|MESSAGE)-----/.test(signature))
    return (await verifiers.openPgp()).verify(commit, signature);
  if (signature.startsWith('-----BEGIN SIGNED MESSAGE-----'))
    return (await verifiers.x509()).verify(commit, signature);
  return fault('unsupported-signature', 'its signature is of an unknown kind');
}
