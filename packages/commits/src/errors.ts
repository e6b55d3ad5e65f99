import { exitCodes, ZakenakError } from '@zakenak/core';

/** The history was cut when it was cloned: commits would go unjudged. */
export function shallowClone(): ZakenakError {
  return new ZakenakError({
    code: 'git/shallow-clone',
    message: 'The clone is shallow: not every commit to verify can be seen.',
    remedy:
      'Check out with fetch-depth: 0 (GitHub), GIT_DEPTH: "0" (GitLab), clone: { depth: full } (Bitbucket) or fetchDepth: 0 (Azure), or run git fetch --unshallow.',
    exitCode: exitCodes.badInput,
  });
}

/** Nobody is trusted, so that nothing can be verified. */
export function nobodyTrusted(paths: readonly string[], revision: string | undefined): ZakenakError {
  const where = revision === undefined ? 'the workspace' : `the base commit ${revision.slice(0, 12)}`;
  return new ZakenakError({
    code: 'commits/nobody-trusted',
    message: `There is neither ${paths.join(' nor ')} in ${where}: no signer is known.`,
    remedy:
      'Merge an allowed-signers file or a keyring into the base branch first (zakenak sign --key KEY.pub writes one).',
    exitCode: exitCodes.badInput,
  });
}

/** The allowed-signers file has a line that cannot be read. */
export function badAllowedSigners(path: string, line: number, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-allowed-signers',
    message: `${path}:${line}: ${why}.`,
    remedy: 'Write the line as `PRINCIPALS [OPTIONS] KEY-TYPE KEY`, as in ALLOWED SIGNERS of ssh-keygen(1).',
    exitCode: exitCodes.badInput,
  });
}

/** The file of revoked SSH keys cannot be read: a key left out might be the stolen one. */
export function badRevokedKeys(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-revoked-keys',
    message: `${path} is neither a list of public keys nor a key revocation list: ${why}.`,
    remedy: 'Write one public key a line, or make a list with ssh-keygen -k.',
    exitCode: exitCodes.badInput,
  });
}

/** A file of certificates cannot be read: who is trusted would depend on what was skipped. */
export function badCaCertificates(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-ca-certificates',
    message: `${path} is no list of certificates: ${why}.`,
    remedy: 'Write the authorities’ certificates as PEM, one BEGIN CERTIFICATE block each.',
    exitCode: exitCodes.badInput,
  });
}

/** The trusted root cannot be read: whose certificates and logs count would be unknown. */
export function badTrustedRoot(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-trusted-root',
    message: `${path} is no Sigstore trusted root: ${why}.`,
    remedy:
      'Put the trusted_root.json there that your Sigstore publishes (cosign trusted-root create writes one).',
    exitCode: exitCodes.badInput,
  });
}

/** A revocation list of the authorities cannot be read, or is by nobody trusted: a certificate left out might be the stolen one. */
export function badRevocationLists(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-revocation-lists',
    message: `${path} is no revocation list that can be gone by: ${why}.`,
    remedy: 'Put the whole list there, PEM or DER, and its issuer’s certificate among the CA certificates.',
    exitCode: exitCodes.badInput,
  });
}

/** The forge is to verify or to sign and there is none to ask. */
export function noForge(): ZakenakError {
  return new ZakenakError({
    code: 'commits/no-forge',
    message: 'The forge is to verify or to sign, and there is no forge or no token for it.',
    remedy:
      'Give token, on a host whose forge is supported (GitHub, GitLab), or do without it: mode local, sign git.',
    exitCode: exitCodes.badInput,
  });
}

/** The forge could not judge a commit just now. */
export function forgeUndecided(id: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/forge-undecided',
    message: `The forge has no verdict on the commit ${id.slice(0, 12)}: ${reason}.`,
    remedy: 'Run again in some minutes: the forge could not verify signatures just now.',
    exitCode: exitCodes.outside,
  });
}

/** A file of the keyring is no armored public key. */
export function badKeyring(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-keyring',
    message: `${path} is not a keyring: ${why}.`,
    remedy: 'Export the public keys with gpg --armor --export.',
    exitCode: exitCodes.badInput,
  });
}

/** Git did not hand out a commit of the range. */
export function commitUnreadable(id: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/unreadable',
    message: `The commit ${id.slice(0, 12)} cannot be read: ${why}.`,
    remedy: 'Run git fsck, and clone anew if it complains.',
    exitCode: exitCodes.outside,
  });
}

/** The key to sign with cannot sign. */
export function badSigningKey(key: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/bad-signing-key',
    message: `${key} is not a key that can sign commits here: ${why}.`,
    remedy:
      'Name an SSH public key’s file (ssh-keygen -t ed25519 makes one), or a secret key of gpg or gpgsm by its fingerprint.',
    exitCode: exitCodes.badInput,
  });
}

/** Git knows no e-mail address to sign as. */
export function noIdentity(): ZakenakError {
  return new ZakenakError({
    code: 'commits/no-identity',
    message: 'Git has no user.email here, so that it is unclear who the key signs for.',
    remedy: 'Set it: git config user.email ADDRESS, or name it with --principal.',
    exitCode: exitCodes.badInput,
  });
}

/** Git's settings name no key that can sign here. */
export function noSigningKey(why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/no-signing-key',
    message: `Git has no key to sign commits with: ${why}.`,
    remedy: 'Set signing up: zakenak sign setup --key KEY.pub, or gpg.format and user.signingKey by hand.',
    exitCode: exitCodes.badInput,
  });
}

/** The signing program ended without a signature. */
export function signingFailed(program: string, stderr: string): ZakenakError {
  const said = stderr.split('\n').filter((line) => line && !line.startsWith('[GNUPG:]'));
  return new ZakenakError({
    code: 'commits/signing-failed',
    message: `${program} made no signature: ${said.at(-1)?.slice(0, 200) ?? 'it does not say why'}`,
    remedy:
      'Make the key of user.signingKey usable here (the secret key, its agent, its passphrase), or choose another: zakenak sign setup --key KEY.pub.',
    exitCode: exitCodes.missing,
  });
}

/** Signing anew would put another signature in somebody's place. */
export function signatureOfAnother(id: string, email: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/signature-of-another',
    message: `The commit ${id.slice(0, 12)} is signed by ${email} and stands on one without a signature: it would lose its own.`,
    remedy: 'Let its committer sign the commits below it, or sign from that commit on with --base.',
    exitCode: exitCodes.refused,
  });
}

/** The commit is of a shape that cannot be made anew. */
export function cannotSign(id: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'commits/cannot-sign',
    message: `The commit ${id.slice(0, 12)} cannot be signed: ${why}.`,
    remedy: 'Make it anew by hand, as a plain commit of plain files.',
    exitCode: exitCodes.refused,
  });
}
