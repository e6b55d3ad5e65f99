import { type CommitRange, cancelled, type Ports, type Report } from '@zakenak/core';
import { isMalformed } from './commit-object.ts';
import { shallowClone } from './errors.ts';
import { applyPolicy, type CommitPolicy } from './policy.ts';
import { readCommits } from './read-commits.ts';
import { type JudgedObject, reportCommits } from './report.ts';
import type { VerifyCommitsRequest } from './request.ts';
import { type Verifiers, verifySignature } from './signature.ts';
import { readTrust, type Trust } from './trust.ts';
import { fault } from './verdict.ts';
import { createOpenPgpVerifier, type OpenPgpVerifier } from './verify-openpgp.ts';
import { createSshVerifier } from './verify-ssh.ts';
import { verifyTags } from './verify-tags.ts';

/** What sign-verify-commits reaches the world through. */
export type VerifyCommitsPorts = Pick<Ports, 'git' | 'files' | 'progress'>;

/**
 * Verifies every commit of the request, merges included, and the tags asked for, without a process per commit. What is not verified is a finding `commit/…`. No commit to verify gives
 * the verdict `skipped`. Throws `git/shallow-clone`, `commits/nobody-trusted`, `commits/bad-allowed-signers`, `commits/bad-keyring`, `commits/bad-revoked-keys`, `commits/unreadable`.
 */
export async function verifyCommits(
  request: VerifyCommitsRequest,
  ports: VerifyCommitsPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const { git, progress } = ports;
  const range = await readRange(request, ports);
  if (await git.isShallow()) throw shallowClone();
  const source = {
    allowedSigners: request['allowed-signers'],
    keyring: request.keyring,
    revokedKeys: request['revoked-keys'],
  };
  const trust = await readTrust({ ...source, revision: request.policyRevision }, ports);
  const verifiers = createVerifiers(trust);
  const policy: CommitPolicy = {
    webFlow: request['web-flow'],
    bots: new Set(request.bots.map((address) => address.toLowerCase())),
    requireDco: request['require-dco'],
  };
  const ids = await git.commits(range);
  progress.emit({ stage: 'verify', subject: 'commits', state: 'started', message: range.reason });
  const judged: JudgedObject[] = [];
  for await (const commit of readCommits(ids, git)) {
    if (signal?.aborted) throw cancelled();
    const verdict = isMalformed(commit)
      ? fault('malformed', commit.malformed)
      : applyPolicy(commit, await verifySignature(commit, verifiers), policy);
    judged.push({
      kind: 'commit',
      id: commit.id,
      subject: isMalformed(commit) ? '' : commit.subject,
      verdict,
    });
  }
  judged.push(...(await verifyTags(request.tags, new Set(ids), git, verifiers)));
  const caveats = await noteIgnoredChanges(request, range, ports);
  const report = reportCommits(judged, range.reason, request['fail-on'], caveats);
  progress.emit({ stage: 'verify', subject: 'commits', state: 'done', message: report.summary });
  return report;
}

function createVerifiers(trust: Trust): Verifiers {
  let openPgp: Promise<OpenPgpVerifier> | undefined;
  return {
    ssh: createSshVerifier(trust.signers, trust.revocations),
    openPgp() {
      openPgp ??= createOpenPgpVerifier(trust.keyring);
      return openPgp;
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
  const watched = [request['allowed-signers'], request.keyring, request['revoked-keys']];
  return watched
    .filter((path) =>
      changes.some((change) =>
        [change.path, change.from].some((at) => at === path || at?.startsWith(`${path}/`)),
      ),
    )
    .map((path) => `The change edits ${path}; the base branch’s was used.`);
}
