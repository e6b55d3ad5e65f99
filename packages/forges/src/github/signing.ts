import type { Octokit } from '@octokit/rest';
import type { Forge } from '@zakenak/core';

/** Of a request to octokit that is not to be sent again where an earlier one may have been carried out (RFC 9110, 9.2.2). */
export const once = { zakenakOnce: true };

/** A repository. */
export interface Place {
  readonly owner: string;
  readonly repo: string;
}

/** Rulesets are readable by everybody who reads the repository, branch protection by its administrators only. */
export async function requiresSignatures(api: Octokit, place: Place): Promise<boolean | undefined> {
  const { owner, repo } = place;
  const branch = (await api.rest.repos.get({ owner, repo })).data.default_branch;
  const rules = await api.paginate(api.rest.repos.getBranchRules, { ...place, branch, per_page: 100 });
  if (rules.some(({ type }) => type === 'required_signatures')) return true;
  try {
    return (await api.rest.repos.getCommitSignatureProtection({ ...place, branch })).data.enabled;
  } catch (thrown) {
    const { status } = thrown as { status?: number };
    if (status === 404) return false;
    if (status === 403) return undefined;
    throw thrown;
  }
}

const mutation = `mutation ($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid tree { oid } } }
}`;

interface CreatedCommit {
  readonly createCommitOnBranch: {
    readonly commit: { readonly oid: string; readonly tree: { readonly oid: string } };
  };
}

/** GraphQL API, createCommitOnBranch: the only way by which GitHub signs a commit that a program makes. */
export async function createCommit(
  api: Octokit,
  { owner, repo }: Place,
  commit: Parameters<NonNullable<Forge['createCommit']>>[0],
): ReturnType<NonNullable<Forge['createCommit']>> {
  const { branch, expectedHead, headline, body, additions, deletions } = commit;
  const input = {
    branch: { repositoryNameWithOwner: `${owner}/${repo}`, branchName: branch },
    expectedHeadOid: expectedHead,
    message: { headline, body },
    fileChanges: { additions, deletions: deletions.map((path) => ({ path })) },
  };
  const { createCommitOnBranch } = await api.graphql<CreatedCommit>(mutation, {
    input,
    request: once,
  });
  const { oid, tree } = createCommitOnBranch.commit;
  return { sha: oid, tree: tree.oid };
}
