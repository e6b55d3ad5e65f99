import { createHash } from 'node:crypto';
import { type AllowedSigner, matchesPatterns } from './allowed-signers.ts';
import type { Commit } from './commit-object.ts';
import { parseSshKey, type SshKey } from './ssh-key.ts';
import { parseSshSignature, type SshSignature, signedData } from './sshsig.ts';
import { type Fault, fault, type Signed } from './verdict.ts';

const namespace = 'git';
const fewestRsaBits = 2048;

/** Verifies SSH signatures against one allowed-signers file. */
export interface SshVerifier {
  verify(commit: Commit, signature: string): Signed | Fault;
}

/**
 * A verifier that parses each key once. Beyond `git verify-commit` it demands that the key's line allows the committer's address: git looks the
 * principal up by key and lets any listed key sign for anyone. Validity is judged at the committer's time, as git does.
 */
export function createSshVerifier(signers: readonly AllowedSigner[]): SshVerifier {
  const keys = new Map<string, SshKey | Fault>();
  const keyOf = (publicKey: string) => {
    const key = keys.get(publicKey) ?? readKey(publicKey);
    keys.set(publicKey, key);
    return key;
  };
  return {
    verify(commit, text) {
      const signature = readSignature(text);
      if ('fault' in signature) return signature;
      const key = keyOf(signature.publicKey);
      if ('fault' in key) return key;
      if (!key.verify(signedData(signature, commit.payload), signature.signature))
        return fault('bad-signature', 'the signature does not match the commit');
      if (signature.namespace !== namespace)
        return fault(
          'wrong-namespace',
          `it was signed for ${JSON.stringify(signature.namespace.slice(0, 40))}, not for git`,
        );
      return judge(commit, signature.publicKey, key, signers);
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

function readKey(publicKey: string): SshKey | Fault {
  try {
    const key = parseSshKey(Buffer.from(publicKey, 'base64'));
    return key ?? fault('unsupported-signature', 'SSH certificates and security keys are not verified yet');
  } catch {
    return fault('bad-signature', 'the signature’s key cannot be read');
  }
}

function judge(
  commit: Commit,
  publicKey: string,
  key: SshKey,
  signers: readonly AllowedSigner[],
): Signed | Fault {
  const fingerprint = fingerprintOf(publicKey);
  const lines = signers.filter((signer) => signer.publicKey === publicKey && !signer.certAuthority);
  if (lines.length === 0) return fault('unknown-signer', `no allowed signer has the key ${fingerprint}`);
  if (key.type === 'ssh-rsa' && key.bits < fewestRsaBits)
    return fault('weak-key', `the RSA key ${fingerprint} has ${key.bits} bits, fewer than ${fewestRsaBits}`);
  const { email, time } = commit.committer;
  // The line that fails last explains best.
  let best: Fault = fault(
    'wrong-principal',
    `the key ${fingerprint} may not sign for ${JSON.stringify(email)}`,
  );
  for (const line of lines) {
    if (!matchesPatterns(email, line.principals)) continue;
    const wrong = refuse(line, time, fingerprint);
    if (!wrong) return { kind: 'ssh', key: fingerprint, principal: email };
    best = wrong;
  }
  return best;
}

function refuse(line: AllowedSigner, time: number, fingerprint: string): Fault | undefined {
  if (line.namespaces && !matchesPatterns(namespace, line.namespaces))
    return fault('wrong-namespace', `the key ${fingerprint} is not allowed for git`);
  if (line.validAfter !== undefined && time < line.validAfter)
    return fault('not-yet-valid', `the key ${fingerprint} was not valid yet when the commit was made`);
  if (line.validBefore !== undefined && time >= line.validBefore)
    return fault('expired-key', `the key ${fingerprint} was no longer valid when the commit was made`);
  return undefined;
}

/** `SHA256:…` of a base64 key blob, as ssh-keygen -l writes it. */
export function fingerprintOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
