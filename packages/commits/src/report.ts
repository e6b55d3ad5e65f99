import { createFinding, createReport, type Finding, type Report } from '@zakenak/core';
import type { CommitFault, Fault, Signed } from './verdict.ts';
import { isFault } from './verdict.ts';

/** A commit and its verdict. */
export interface JudgedCommit {
  readonly id: string;
  readonly subject: string;
  readonly verdict: Signed | Fault;
}

const remedies: Readonly<Record<CommitFault, string>> = {
  'bad-signature': 'Sign the commit again: git rebase --exec "git commit --amend --no-edit -S" BASE.',
  'duplicate-signature': 'Make the commit anew with one signature; nothing git itself does leaves two.',
  'expired-key':
    'Sign again with a key that is valid, or extend the key and have the keyring or allowed signers updated first.',
  'expired-signature': 'Sign the commit again without an expiry.',
  malformed: 'Make the commit anew with git itself; see git fsck for what is wrong with it.',
  'no-sign-off': 'Add the line with git rebase --signoff BASE.',
  'not-yet-valid': 'Check the clock of the machine that signed, and the key’s valid-after.',
  'revoked-key': 'Sign the commit again with a key that is not revoked.',
  'unknown-signer':
    'Have the key added to the allowed signers or the keyring on the base branch, or sign with one that is there.',
  unsigned:
    'Set signing up with zakenak sign --key KEY.pub, then sign: git rebase --exec "git commit --amend --no-edit -S" BASE.',
  'unsupported-signature': 'Sign with an SSH key, an SSH certificate or OpenPGP: zakenak sign --key KEY.pub.',
  'unusable-key':
    'Publish the key anew with a valid self-signature and the right to sign, or the certificate for users and without critical options.',
  'weak-key': 'Sign with an Ed25519 key, or RSA of 3072 bits.',
  'weak-signature': 'Sign with SHA-256 or better: set personal-digest-preferences in gpg.conf.',
  'web-flow': 'Make the commit on a machine with a signing key instead of on the website.',
  'wrong-namespace': 'Sign with git itself, and allow the namespace git for the key.',
  'wrong-principal':
    'Commit with the address the key stands for (git config user.email), or have the address added to the key’s entry.',
};

/** The report over all judged commits of a range. */
export function reportCommits(
  commits: readonly JudgedCommit[],
  reason: string,
  failOn: 'unverified' | 'none',
  caveats: readonly string[],
): Report {
  const unverified = new Map<string, string>();
  const signers = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { id, subject, verdict } of commits) {
    if (!isFault(verdict)) {
      signers.set(id, `${verdict.principal} ${verdict.key}`);
      continue;
    }
    unverified.set(id, `commit/${verdict.fault}`);
    findings.push(describe(id, subject, verdict));
  }
  const failed = failOn === 'unverified' && unverified.size > 0;
  const verdict = commits.length === 0 ? 'skipped' : failed ? 'failed' : 'passed';
  return createReport({
    tool: 'sign-verify-commits',
    findings,
    verdict,
    summary:
      commits.length === 0
        ? `There is no commit to verify (${reason}).`
        : `${signers.size} of ${commits.length} commit${commits.length === 1 ? '' : 's'} verified (${reason}).`,
    outputs: {
      total: commits.length,
      verified: signers.size,
      unverified: Object.fromEntries(unverified),
      'signer-map': Object.fromEntries(signers),
      range: reason,
      result: verdict,
    },
    caveats,
  });
}

function describe(id: string, subject: string, { fault, reason }: Fault): Finding {
  return createFinding({
    ruleId: `commit/${fault}`,
    severity: 'high',
    message: `Commit ${id.slice(0, 12)}${subject ? ` “${subject}”` : ''} is not verified: ${reason}.`,
    remedy: remedies[fault],
    tool: 'zakenak',
    identity: id,
  });
}
