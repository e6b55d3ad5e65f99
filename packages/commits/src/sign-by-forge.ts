import {
  type CommitRange,
  cancelled,
  createReport,
  type Forge,
  type Ports,
  type Report,
} from '@zakenak/core';
import { type Commit, isMalformed } from './commit-object.ts';
import { cannotSign, forgeUndecided, noForge } from './errors.ts';
import { listParentsFirst, readCommits } from './read-commits.ts';

/** What the forge is to make anew, and where. */
export interface SignByForgeRequest {
  /** One base, at which the branch stands on the forge. */
  readonly range: CommitRange;
  readonly branch: string;
}

const plainFile = '100644';
const largestFile = 32 * 1024 * 1024;

/**
 * Makes every commit of the range on the forge's branch through its API, which signs it as the token's user; whose commit it was is a Co-authored-by line. Each is compared with the
 * local one by its tree, and the forge has to call it verified. The local branch stays as it is. Throws `commits/no-forge`, `commits/cannot-sign` for a merge or
 * for anything but plain files, `commits/forge-undecided`, and the forge's errors, also where the branch moved in between.
 */
export async function signByForge(
  { range, branch }: SignByForgeRequest,
  { git, forge }: Pick<Ports, 'git'> & { readonly forge: Forge | undefined },
  signal?: AbortSignal,
): Promise<Report> {
  if (!forge?.createCommit || !forge.readVerifications) throw noForge();
  const ids = await listParentsFirst(range, git);
  const commits: Commit[] = [];
  for await (const commit of readCommits(ids, git)) {
    if (isMalformed(commit)) throw cannotSign(commit.id, commit.malformed);
    if (commit.parents.length !== 1)
      throw cannotSign(commit.id, 'the forge makes no merges and no first commits');
    commits.push(commit);
  }
  // All is read before the first is made: what cannot be made leaves the branch alone.
  const changes = await Promise.all(commits.map((commit) => readChanges(commit, git)));
  const signed = new Map<string, string>();
  let [head] = range.bases;
  for (const [index, commit] of commits.entries()) {
    if (signal?.aborted) throw cancelled();
    const change = changes[index];
    if (!change || head === undefined) throw cannotSign(commit.id, 'it is unknown what it stands on');
    const made = await forge.createCommit({
      branch,
      expectedHead: head,
      ...describe(commit),
      ...change.files,
    });
    if (made.tree !== change.tree)
      throw cannotSign(commit.id, `the forge made other files of it (${made.sha.slice(0, 12)} on ${branch})`);
    signed.set(commit.id, made.sha);
    head = made.sha;
  }
  const verdicts = await forge.readVerifications([...signed.values()]);
  for (const id of signed.values()) {
    const verdict = verdicts.get(id);
    if (!verdict?.verified) throw forgeUndecided(id, verdict?.reason ?? 'no verdict');
  }
  return createReport({
    tool: 'sign',
    verdict: commits.length === 0 ? 'skipped' : 'passed',
    summary: `${signed.size} of ${ids.length} commits made and signed by the forge on ${branch} (${range.reason}).`,
    outputs: { signed: Object.fromEntries(signed), head: head ?? range.head },
    caveats:
      signed.size > 0
        ? [`The local branch has the old commits still: git fetch, then git reset --hard to ${branch}.`]
        : [],
  });
}

function describe({ message, author }: Commit): { readonly headline: string; readonly body: string } {
  const [headline = '', ...rest] = message.trimEnd().split('\n');
  const body = rest.join('\n').trim();
  const credit = `Co-authored-by: ${author.name} <${author.email}>`;
  const separator = body === '' ? '' : /^[A-Za-z-]+: .*$/.test(body.split('\n').at(-1) ?? '') ? '\n' : '\n\n';
  return { headline, body: body.includes(credit) ? body : `${body}${separator}${credit}` };
}

interface Changes {
  readonly tree: string;
  readonly files: Pick<Parameters<NonNullable<Forge['createCommit']>>[0], 'additions' | 'deletions'>;
}

/** git-diff-tree(1), raw output format. */
async function readChanges({ id, parents }: Commit, git: Ports['git']): Promise<Changes> {
  const tree = (await git.run(['rev-parse', '--verify', `${id}^{tree}`])).stdout.trim();
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', parents[0] ?? '', id];
  const fields = (await git.run(args)).stdout.split('\0');
  const additions: { readonly path: string; readonly contents: string }[] = [];
  const deletions: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = '', , blob = '', status = ''] = (fields[at] ?? '').split(' ');
    const path = fields[at + 1] ?? '';
    if (status === 'D') {
      deletions.push(path);
      continue;
    }
    if (mode !== plainFile)
      throw cannotSign(
        id,
        `${JSON.stringify(path)} has the mode ${mode}, and the forge’s API makes plain files only`,
      );
    const options = { encoding: 'latin1', maxOutputBytes: largestFile } as const;
    const { stdout } = await git.run(['cat-file', 'blob', blob], options);
    additions.push({ path, contents: Buffer.from(stdout, 'latin1').toString('base64') });
  }
  return { tree, files: { additions, deletions } };
}
