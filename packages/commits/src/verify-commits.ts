import { type CommitRange, cancelled, type Ports, type Report, tellPolicyEdits } from '@zakenak/core';
import { foldCase } from './address.ts';
import { type Commit, isMalformed, type Malformed } from './commit-object.ts';
import { shallowClone } from './errors.ts';
import { type ForgeVerdicts, judgeByForge, readForgeVerdicts } from './forge-verdicts.ts';
import { applyPolicy, type CommitPolicy } from './policy.ts';
import { readCommits } from './read-commits.ts';
import { type JudgedObject, reportCommits } from './report.ts';
import type { VerifyCommitsRequest } from './request.ts';
import { type Verifiers, verifySignature } from './signature.ts';
import { leastStrict, type Strictness } from './strictness.ts';
import { readTrust } from './trust.ts';
import { type Fault, fault, isFault, type Signed } from './verdict.ts';
import { createOpenPgpVerifier, type OpenPgpVerifier } from './verify-openpgp.ts';
import { createSshVerifier } from './verify-ssh.ts';
import { verifyTags } from './verify-tags.ts';
import type { X509Verifier } from './verify-x509.ts';

/** What sign-verify-commits reaches the world through. */
export type VerifyCommitsPorts = Pick<Ports, 'git' | 'files' | 'progress'>;

/**
 * Verifies every commit of the request, merges included, and the tags asked for, without a process per commit. What is not verified is a finding `commit/…`. No commit to verify gives
 * the verdict `skipped`. Throws `git/shallow-clone`, `commits/nobody-trusted`, `commits/bad-allowed-signers`, `commits/bad-keyring`, `commits/bad-revoked-keys`, `commits/bad-ca-certificates`,
 * `commits/bad-revocation-lists`, `commits/bad-trusted-root`, `commits/unreadable`,
 * `commits/no-forge`, `commits/forge-undecided`, and the forge's errors where it is asked.
 */
export async function verifyCommits(
  request: VerifyCommitsRequest,
  ports: VerifyCommitsPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const { git, progress } = ports;
  const range = await readRange(request, ports);
  if (await git.isShallow()) throw shallowClone();
  const verifiers = await createVerifiers(request, ports);
  const ids = await git.commits(range);
  progress.emit({ stage: 'verify', subject: 'commits', state: 'started', message: range.reason });
  const verdicts =
    request.mode === 'local' ? undefined : await readForgeVerdicts(ids, await request.forge?.());
  const judge = createJudge(request, verifiers, verdicts);
  const judged: JudgedObject[] = [];
  for await (const commit of readCommits(ids, git)) {
    if (signal?.aborted) throw cancelled();
    const subject = isMalformed(commit) ? '' : commit.subject;
    judged.push({ kind: 'commit', id: commit.id, subject, verdict: await judge(commit) });
  }
  judged.push(...(await verifyTags(request.tags, new Set(ids), git, verifiers)));
  const caveats = await noteIgnoredChanges(request, range, ports);
  const report = reportCommits(judged, range.reason, request['fail-on'], caveats, verdicts);
  progress.emit({ stage: 'verify', subject: 'commits', state: 'done', message: report.summary });
  return report;
}

/** The verdict on one commit: the signature's, by this engine, the forge or both, then the policy's. */
function createJudge(
  request: VerifyCommitsRequest,
  verifiers: Verifiers,
  verdicts: ForgeVerdicts | undefined,
): (commit: Commit | Malformed) => Promise<Signed | Fault> {
  const policy: CommitPolicy = {
    webFlow: request['web-flow'],
    bots: new Set(request.bots.map(foldCase)),
    requireDco: request['require-dco'],
  };
  return async (commit) => {
    if (isMalformed(commit)) return fault('malformed', commit.malformed);
    const theirs = verdicts && judgeByForge(commit, verdicts);
    const ours = theirs && request.mode === 'api' ? theirs : await verifySignature(commit, verifiers);
    const both = !isFault(ours) && theirs && isFault(theirs) ? theirs : ours;
    return applyPolicy(commit, both, policy);
  };
}

/** Where the forge alone judges nobody has to be trusted here. */
async function createVerifiers(request: VerifyCommitsRequest, ports: VerifyCommitsPorts): Promise<Verifiers> {
  const local = request.mode !== 'api' || request.tags.length > 0;
  const trust = local
    ? await readTrust(
        {
          allowedSigners: request['allowed-signers'],
          keyring: request.keyring,
          revokedKeys: request['revoked-keys'],
          caCertificates: request['ca-certificates'],
          revocationLists: request['revocation-lists'],
          trustedRoot: request['trusted-root'],
          revision: request.policyRevision,
        },
        ports,
      )
    : undefined;
  const strictness: Strictness = {
    fewestRsaBits: Math.max(leastStrict.fewestRsaBits, request['min-strength']),
    graceMs: request['grace-expired'],
  };
  let openPgp: Promise<OpenPgpVerifier> | undefined;
  let x509: Promise<X509Verifier> | undefined;
  return {
    ssh: createSshVerifier(trust?.signers ?? [], trust?.revocations, strictness),
    openPgp() {
      openPgp ??= createOpenPgpVerifier(trust?.keyring ?? [], strictness);
      return openPgp;
    },
    x509() {
      // Loaded only where a commit has such a signature.
      x509 ??= Promise.all([import('./verify-x509.ts'), import('./verify-gitsign.ts')]).then(
        ([{ createX509Verifier }, { createGitsignVerifier }]) =>
          createX509Verifier(
            trust?.caCertificates ?? [],
            trust?.revocationLists,
            createGitsignVerifier(trust?.trustedRoot, request.identities, strictness),
            strictness,
          ),
      );
      return x509;
    },
  };
}

async function readRange(request: VerifyCommitsRequest, { git }: VerifyCommitsPorts): Promise<CommitRange> {
  if (!request.base && !request.head) return request.range();
  const head = await git.resolve(request.head ?? 'HEAD');
  if (!request.base) return { ...(await request.range()), head };
  const reason = `${request.head ?? 'HEAD'} since ${request.base}`;
  return { bases: [await git.resolve(request.base)], head, reason };
}

/** A change may edit whom it is judged by; that counts only once it is merged, and the reader is told. */
async function noteIgnoredChanges(
  request: VerifyCommitsRequest,
  range: CommitRange,
  { git }: VerifyCommitsPorts,
): Promise<readonly string[]> {
  if (request.policyRevision === undefined) return [];
  const changes = await git.changedFiles({ ...range, bases: [request.policyRevision] });
  const watched = [
    request['allowed-signers'],
    request.keyring,
    request['revoked-keys'],
    request['ca-certificates'],
    request['revocation-lists'],
    request['trusted-root'],
  ];
  return tellPolicyEdits(watched, changes);
}
