import type { Git } from '@zakenak/core';
import { badVersionInput, noIdentity, signingFailed } from './errors.ts';
import type { ReleasePlan, ReleaseRequest } from './plan.ts';
import { releaseTrailer } from './repository.ts';

/** The objects of a release, in the object store only: no ref names them yet. */
export interface ReleaseObjects {
  readonly commit: string;
  readonly tag: string;
}

/** Writes the changelog's commit (where it changes) and the annotated tag. Throws `releases/no-identity`, `releases/signing-failed`. */
export async function writeObjects(
  plan: ReleasePlan,
  request: Pick<ReleaseRequest, 'committer' | 'sign'>,
  git: Git,
): Promise<ReleaseObjects> {
  const identity = identityConfig(request.committer);
  const known = await git.run([...identity, 'var', 'GIT_COMMITTER_IDENT'], { allowFailure: true });
  if (known.exitCode !== 0) throw noIdentity();
  const commit = plan.commit ?? (await writeCommit(plan, request.sign, identity, git));
  const message = `${plan.tag}\n\n${plan.notes}\n\n${releaseTrailer}: ${plan.tag}\n`;
  const tag = request.sign
    ? await signTag(plan.tag, commit, message, identity, git)
    : await makeTag(plan.tag, commit, message, known.stdout.trim(), git);
  return { commit, tag };
}

function identityConfig(committer: string | undefined): readonly string[] {
  const [, name, address] = /^(.+) <(.+)>$/.exec(committer ?? '') ?? [];
  // Without a configured identity git would make one up from the machine's name.
  if (name === undefined || address === undefined) return ['-c', 'user.useConfigOnly=true'];
  return ['-c', `user.name=${name}`, '-c', `user.email=${address}`];
}

async function writeCommit(
  plan: ReleasePlan,
  sign: boolean,
  identity: readonly string[],
  git: Git,
): Promise<string> {
  if (plan.changelog === undefined) return plan.head;
  const blob = await git.run(['hash-object', '-w', '--stdin'], { input: plan.changelog.text });
  const tree = await writeTree(
    git,
    `${plan.head}^{tree}`,
    plan.changelog.path.split('/'),
    blob.stdout.trim(),
  );
  const message = `chore(release): ${plan.tag}\n\n${releaseTrailer}: ${plan.tag}\n`;
  const args = [...identity, 'commit-tree', tree, '-p', plan.head, ...(sign ? ['-S'] : []), '-F', '-'];
  const made = await git.run(args, { input: message, allowFailure: true });
  if (made.exitCode !== 0) throw signingFailed(made.stderr);
  return made.stdout.trim();
}

/** A tree like `tree` with the blob at the path; works without index and working tree, so that a killed run leaves both alone. */
async function writeTree(
  git: Git,
  tree: string | undefined,
  path: readonly string[],
  blob: string,
): Promise<string> {
  const [name = '', ...rest] = path;
  if (name === '' || name === '.' || name === '..')
    throw badVersionInput('changelog', path.join('/'), 'a plain file path');
  const listing = tree === undefined ? '' : (await git.run(['ls-tree', '-z', tree])).stdout;
  const entries = listing.split('\0').filter((entry) => entry !== '');
  const current = entries.find((entry) => entry.slice(entry.indexOf('\t') + 1) === name);
  const [mode, type, id] = current?.split(/[ \t]/, 3) ?? [];
  const wanted = rest.length > 0 ? 'tree' : 'blob';
  if ((type !== undefined && type !== wanted) || mode === '120000')
    throw badVersionInput('changelog', name, 'a plain file in a plain folder');
  const child = rest.length > 0 ? await writeTree(git, id, rest, blob) : blob;
  const entry = `${mode ?? (wanted === 'tree' ? '040000' : '100644')} ${wanted} ${child}\t${name}`;
  const input = [...entries.filter((other) => other !== current), entry].map((line) => `${line}\0`).join('');
  return (await git.run(['mktree', '-z'], { input })).stdout.trim();
}

async function makeTag(
  tag: string,
  commit: string,
  message: string,
  tagger: string,
  git: Git,
): Promise<string> {
  const input = `object ${commit}\ntype commit\ntag ${tag}\ntagger ${tagger}\n\n${message}`;
  return (await git.run(['mktag'], { input })).stdout.trim();
}

async function signTag(
  tag: string,
  commit: string,
  message: string,
  identity: readonly string[],
  git: Git,
): Promise<string> {
  // Only `git tag` can sign; it insists on a ref, which is taken away again until the push has succeeded.
  const args = [...identity, 'tag', '--sign', '--cleanup=verbatim', '--file=-', tag, commit];
  const made = await git.run(args, { input: message, allowFailure: true });
  if (made.exitCode !== 0) throw signingFailed(made.stderr);
  const { stdout } = await git.run(['rev-parse', '--verify', `refs/tags/${tag}`]);
  await git.run(['update-ref', '-d', `refs/tags/${tag}`]);
  return stdout.trim();
}
