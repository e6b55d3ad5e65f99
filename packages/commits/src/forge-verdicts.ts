import type { Forge, FullForge } from '@zakenak/core';
import type { Commit } from './commit-object.ts';
import { forgeUndecided, noForge } from './errors.ts';
import { type Fault, fault, type Signed } from './verdict.ts';

/** The forge's verdicts, by commit. */
export type ForgeVerdicts = Awaited<ReturnType<FullForge['readVerifications']>>;

/** Reasons of GitHub's API that are no verdict: its verifier was down or failed. */
const undecided = new Set(['gpgverify_error', 'gpgverify_unavailable']);

/** How each reason of GitHub's API is mended (REST API, "Signature verification object"). */
const remedies: Readonly<Record<string, string>> = {
  bad_cert: 'Sign with a certificate whose chain the forge trusts.',
  bad_email: 'Commit with an address that the key names (git config user.email).',
  expired_key: 'Extend the key, and upload it to the forge again.',
  not_signing_key: 'Sign with a key whose usage flags allow signing.',
  no_user: 'Add the committer’s address to the account on the forge that has the key.',
  unknown_key: 'Upload the public key to the committer’s account as a signing key.',
  unsigned: 'Set signing up with zakenak sign --key KEY.pub, and sign the commit.',
  unverified_email: 'Confirm the committer’s address in the account’s settings on the forge.',
};

/**
 * Asks the forge about every commit. Throws `commits/no-forge` where there is none to ask, `commits/forge-undecided` where it has no verdict on one, and
 * the port's errors: a forge that does not answer is never a good verdict.
 */
export async function readForgeVerdicts(
  ids: readonly string[],
  forge: Forge | undefined,
): Promise<ForgeVerdicts> {
  if (!forge?.readVerifications) throw noForge();
  const verdicts = await forge.readVerifications(ids);
  for (const id of ids) {
    const verdict = verdicts.get(id);
    if (!verdict || undecided.has(verdict.reason)) throw forgeUndecided(id, verdict?.reason ?? 'no verdict');
  }
  return verdicts;
}

/** The forge's verdict on one commit. */
export function judgeByForge({ id, committer }: Commit, verdicts: ForgeVerdicts): Signed | Fault {
  const { verified, reason } = verdicts.get(id) ?? { verified: false, reason: 'no verdict' };
  if (verified) return { kind: 'forge', key: 'forge', principal: committer.email };
  const remedy = remedies[reason];
  return { ...fault('forge-unverified', `the forge says ${reason}`), ...(remedy ? { remedy } : {}) };
}
