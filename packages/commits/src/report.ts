import { createFinding, createReport, type Finding, type Report } from '@zakenak/core';
import type { ForgeVerdicts } from './forge-verdicts.ts';
import type { CommitFault, Fault, Signed } from './verdict.ts';
import { isFault } from './verdict.ts';

/** A commit or tag and its verdict. */
export interface JudgedObject {
  readonly kind: 'commit' | 'tag';
  /** A commit's object id, a tag's whole ref. */
  readonly id: string;
  /** A commit's first line, a tag's name. */
  readonly subject: string;
  readonly verdict: Signed | Fault;
}

const remedies: Readonly<Record<CommitFault, string>> = {
  'bad-signature': 'Sign the commit again: git rebase --exec "git commit --amend --no-edit -S" BASE.',
  'duplicate-signature': 'Make the commit anew with one signature; nothing git itself does leaves two.',
  'expired-key':
    'Sign again with a key that is valid, or extend the key and have the keyring or allowed signers updated first.',
  'expired-signature': 'Sign the commit again without an expiry.',
  'forge-unverified': 'Look at the commit’s page on the forge: it says what its verifier misses.',
  malformed: 'Make the commit anew with git itself; see git fsck for what is wrong with it.',
  'no-inclusion-proof':
    'Sign with the entry in the signature: git config gitsign.rekorMode offline, then sign the commit again.',
  'no-sign-off': 'Add the line with git rebase --signoff BASE.',
  'not-yet-valid': 'Check the clock of the machine that signed, and the key’s valid-after.',
  'revoked-key': 'Sign the commit again with a key that is not revoked.',
  'stale-revocations': 'Have the authority’s current list put among the revocation lists on the base branch.',
  'unknown-signer':
    'Have the key added to the allowed signers, the keyring or the CA certificates on the base branch, or sign with one that is there.',
  unsigned: 'Set signing up with zakenak sign setup --key KEY.pub, then sign: zakenak sign --base BASE.',
  'unsupported-signature':
    'Sign with an SSH key, an SSH certificate, OpenPGP or X.509: zakenak sign --key KEY.pub.',
  'untrusted-timestamp':
    'Have the time stamping authority’s certificate added to the CA certificates on the base branch, or sign again without a time stamp.',
  'unusable-key':
    'Publish the key anew with a valid self-signature and the right to sign, or have the certificate issued for users who sign, without restrictions.',
  'weak-key': 'Sign with an Ed25519 key, or RSA of 3072 bits.',
  'weak-signature': 'Sign with SHA-256 or better: set personal-digest-preferences in gpg.conf.',
  'web-flow': 'Make the commit on a machine with a signing key instead of on the website.',
  'wrong-namespace': 'Sign with git itself, and allow the namespace git for the key.',
  'wrong-principal':
    'Commit with the address the key stands for (git config user.email), or have the address added to the key’s entry.',
  'wrong-tag': 'Make the tag anew under its own name.',
};

const signTagAgain = 'Make the tag anew, signed: git tag --force --sign NAME COMMIT.';
/** Where a tag is mended otherwise than a commit. */
const tagRemedies: Readonly<Partial<Record<CommitFault, string>>> = {
  'bad-signature': signTagAgain,
  'expired-signature': signTagAgain,
  malformed: signTagAgain,
  'revoked-key': 'Make the tag anew with a key that is not revoked.',
  unsigned: signTagAgain,
  'wrong-tag': signTagAgain,
};

/** The report over all judged commits of a range. */
export function reportCommits(
  commits: readonly JudgedObject[],
  reason: string,
  failOn: 'unverified' | 'none',
  caveats: readonly string[],
  forge: ForgeVerdicts = new Map(),
): Report {
  const unverified = new Map<string, string>();
  const signers = new Map<string, string>();
  const findings: Finding[] = [];
  for (const judged of commits) {
    const { id, verdict } = judged;
    if (!isFault(verdict)) {
      signers.set(id, `${verdict.principal} ${verdict.key}`);
      continue;
    }
    unverified.set(id, `${judged.kind}/${verdict.fault}`);
    findings.push(describe(judged, verdict));
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
        : `${signers.size} of ${commits.length} ${nameAll(commits)} verified (${reason}).`,
    outputs: {
      total: commits.length,
      verified: signers.size,
      unverified: Object.fromEntries(unverified),
      'signer-map': Object.fromEntries(signers),
      'forge-verdicts': Object.fromEntries([...forge].map(([id, said]) => [id, said.reason])),
      range: reason,
      result: verdict,
    },
    caveats,
  });
}

function nameAll(judged: readonly JudgedObject[]): string {
  const what = judged.some(({ kind }) => kind === 'tag') ? 'commits and tags' : 'commits';
  return judged.length === 1 ? 'commit' : what;
}

function describe({ kind, id, subject }: JudgedObject, { fault, reason, remedy: own }: Fault): Finding {
  const what = kind === 'tag' ? `Tag ${JSON.stringify(subject)}` : `Commit ${id.slice(0, 12)}`;
  const remedy = own ?? (kind === 'tag' ? tagRemedies[fault] : undefined);
  return createFinding({
    ruleId: `${kind}/${fault}`,
    severity: 'high',
    message: `${what}${subject && kind === 'commit' ? ` “${subject}”` : ''} is not verified: ${reason}.`,
    remedy: remedy ?? remedies[fault],
    tool: 'zakenak',
    identity: id,
  });
}
