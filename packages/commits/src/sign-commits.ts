import { type CommitRange, cancelled, createReport, type Ports, type Report } from '@zakenak/core';
import { type Commit, hasId, isMalformed, parseIdentity } from './commit-object.ts';
import { cannotSign, commitUnreadable, noIdentity, shallowClone, signatureOfAnother } from './errors.ts';
import { listParentsFirst, readCommits } from './read-commits.ts';
import { readSigner, type Signer } from './sign-payload.ts';

/** What is to be signed. */
export interface SignCommitsRequest {
  /** HEAD is its head. */
  readonly range: CommitRange;
}

/**
 * Signs every commit of the range that has no signature, by git's own settings, and makes those above it anew: author, message, tree and all else stay, the committer
 * becomes who signs, now: a key is judged at the committer's time, and may be younger than the commit. The branch, or a detached HEAD, moves at the end, in one step; index and files are as they were. Nothing is pushed. Throws
 * `commits/no-signing-key`, `commits/signing-failed`, `commits/no-identity`, `commits/signature-of-another`, `commits/cannot-sign`, `git/shallow-clone`.
 */
export async function signCommits(
  { range }: SignCommitsRequest,
  ports: Pick<Ports, 'git' | 'process' | 'progress'>,
  signal?: AbortSignal,
): Promise<Report> {
  const { git, progress } = ports;
  if (await git.isShallow()) throw shallowClone();
  const committer = await readCommitter(git);
  const signer = await readSigner(`${committer.name} <${committer.email}>`, ports, signal);
  const ids = await listParentsFirst(range, git);
  progress.emit({ stage: 'sign', subject: 'commits', state: 'started', message: range.reason });
  const anew = new Map<string, string>();
  for await (const commit of readCommits(ids, git)) {
    if (signal?.aborted) throw cancelled();
    if (isMalformed(commit)) throw cannotSign(commit.id, commit.malformed);
    const moved = commit.parents.some((parent) => anew.has(parent));
    if (commit.signatures.length > 0 && !moved) continue;
    if (commit.signatures.length > 0 && commit.committer.email !== committer.email)
      throw signatureOfAnother(commit.id, commit.committer.email);
    anew.set(commit.id, await writeSigned(commit, { anew, committer, signer }, ports));
  }
  const head = anew.get(range.head) ?? range.head;
  if (head !== range.head) await git.run(['update-ref', '-m', 'zakenak sign', 'HEAD', head, range.head]);
  const summary =
    anew.size === 0
      ? `Every commit is signed already (${range.reason}).`
      : `${anew.size} of ${ids.length} commits signed by ${signer.format} for ${committer.email} (${range.reason}); HEAD is ${head.slice(0, 12)}.`;
  progress.emit({ stage: 'sign', subject: 'commits', state: 'done', message: summary });
  return createReport({
    tool: 'sign',
    verdict: ids.length === 0 ? 'skipped' : 'passed',
    summary,
    outputs: { signed: Object.fromEntries(anew), head },
    caveats: await notePublished([...anew.keys()], git),
  });
}

interface Committer {
  readonly name: string;
  readonly email: string;
  /** `Name <address> seconds zone`. */
  readonly line: string;
}

async function readCommitter(git: Ports['git']): Promise<Committer> {
  const args = ['-c', 'user.useConfigOnly=true', 'var', 'GIT_COMMITTER_IDENT'];
  const { exitCode, stdout } = await git.run(args, { allowFailure: true, encoding: 'latin1' });
  const line = stdout.trim();
  const identity = exitCode === 0 ? parseIdentity(line) : undefined;
  if (!identity?.email) throw noIdentity();
  return { name: identity.name, email: identity.email, line };
}

interface SigningState {
  readonly anew: ReadonlyMap<string, string>;
  readonly committer: Committer;
  readonly signer: Signer;
}

async function writeSigned(
  commit: Commit,
  { anew, committer, signer }: SigningState,
  { git }: Pick<Ports, 'git'>,
): Promise<string> {
  const text = Buffer.from(commit.payload).toString('latin1');
  const end = text.indexOf('\n\n');
  if (end < 0) throw cannotSign(commit.id, 'it has no message');
  const head = text
    .slice(0, end + 1)
    .replace(/^parent ([0-9a-f]+)$/gm, (line, id: string) => (anew.has(id) ? `parent ${anew.get(id)}` : line))
    .replace(/^committer [^\n]*$/m, () => `committer ${committer.line}`);
  const body = text.slice(end + 1);
  const signature = await signer.sign(Buffer.from(head + body, 'latin1'));
  const header = commit.id.length === 64 ? 'gpgsig-sha256' : 'gpgsig';
  const object = `${head}${header} ${signature.replaceAll('\n', '\n ')}\n${body}`;
  const args = ['hash-object', '-t', 'commit', '-w', '--stdin'];
  const id = (await git.run(args, { input: Buffer.from(object, 'latin1') })).stdout.trim();
  if (!hasId(id, object)) throw commitUnreadable(id, 'git wrote another object');
  return id;
}

/** Who has fetched the old commits already keeps them: that is told. */
async function notePublished(ids: readonly string[], { run }: Ports['git']): Promise<readonly string[]> {
  const [first] = ids;
  if (first === undefined) return [];
  const args = ['for-each-ref', '--format=%(refname:short)', '--contains', first, 'refs/remotes'];
  const [branch] = (await run(args)).stdout.split('\n').filter(Boolean);
  return branch === undefined
    ? []
    : [`${branch} has the old commits: push with --force-with-lease once everybody knows.`];
}
