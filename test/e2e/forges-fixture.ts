import type { TestContext } from 'node:test';
import { type Reply, type StandIn, startAzure, startBitbucket, startStandIn } from '@zakenak/forges/testing';
import { githubEnvironment, makeWorkspace, type Workspace } from './cli-fixture.ts';
import { makeToken } from './secrets-fixture.ts';

/** One forge with what it keeps, and the variables of a job on it. */
export interface Played {
  readonly standIn: StandIn;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Bodies of the comments, marker and all. */
  comments(): readonly string[];
  statuses(): readonly string[];
  /** Where the log says the comment is. */
  readonly address: RegExp;
}

/** A branch with leaked tokens, and the token of the job that judges it. */
export interface Change {
  readonly workspace: Workspace;
  readonly baseSha: string;
  readonly headSha: string;
  readonly token: string;
}

type Play = (change: Change) => Promise<Played>;

/** A forge whose comments are a list at one path, as GitHub's and GitLab's are. */
async function playList(
  paths: { readonly user: string; readonly list: string; readonly one: string; readonly status: string },
  shape: (id: number, body: string) => object,
) {
  const [comments, statuses]: [string[], string[]] = [[], []];
  const standIn = await startStandIn(({ method, url, sent }): Reply => {
    const { pathname } = url;
    const { body, state, context, name } = (sent ?? {}) as Readonly<Record<string, string>>;
    if (pathname === paths.user) return { status: 200, data: { id: 1, login: 'zakenak' } };
    if (pathname === paths.list && method === 'GET')
      return { status: 200, data: comments.map((text, index) => shape(index + 1, text)) };
    if (pathname === paths.list) return { status: 201, data: shape(comments.push(body ?? ''), body ?? '') };
    if (pathname === paths.status) {
      statuses.push(`${context ?? name} ${state}`);
      return { status: 201, data: {} };
    }
    if (pathname !== `${paths.one}/1`) return { status: 404, data: { message: 'Not Found' } };
    comments[0] = body ?? '';
    return { status: 200, data: shape(1, body ?? '') };
  });
  return { standIn, comments: () => comments, statuses: () => statuses };
}

/** Plays each forge for one change. */
export const plays: Readonly<Record<'github' | 'gitlab' | 'bitbucket' | 'azure', Play>> = {
  async github({ workspace, baseSha, headSha, token }) {
    const own = '/repos/acme/platform';
    const played = await playList(
      {
        user: '/user',
        list: `${own}/issues/7/comments`,
        one: `${own}/issues/comments`,
        status: `${own}/statuses/${headSha}`,
      },
      (id, body) => ({ id, body, user: { login: 'zakenak' }, html_url: `https://github.com/c/${id}` }),
    );
    const repo = { full_name: 'acme/platform' };
    const pull_request = {
      number: 7,
      head: { sha: headSha, ref: 'f', repo },
      base: { sha: baseSha, ref: 'main', repo },
    };
    const more = { GITHUB_SHA: headSha, GITHUB_TOKEN: token, GITHUB_API_URL: played.standIn.origin };
    const env = await githubEnvironment(workspace, 'pull_request', { pull_request }, more);
    return { ...played, env, address: /github\.com\/c\/1/ };
  },
  async gitlab({ workspace, baseSha, headSha, token }) {
    const own = '/api/v4/projects/12';
    const notes = `${own}/merge_requests/7/notes`;
    const played = await playList(
      { user: '/api/v4/user', list: notes, one: notes, status: `${own}/statuses/${headSha}` },
      (id, body) => ({ id, body, author: { id: 1 } }),
    );
    const env = {
      GITLAB_CI: 'true',
      GITLAB_TOKEN: token,
      CI_PROJECT_DIR: workspace.root,
      CI_PROJECT_ID: '12',
      CI_PROJECT_PATH: 'acme/platform',
      CI_PROJECT_NAMESPACE: 'acme',
      CI_PROJECT_NAME: 'platform',
      CI_PROJECT_URL: 'https://gitlab.example.com/acme/platform',
      CI_API_V4_URL: `${played.standIn.origin}/api/v4`,
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_COMMIT_SHA: headSha,
      CI_MERGE_REQUEST_IID: '7',
      CI_MERGE_REQUEST_PROJECT_ID: '12',
      CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '12',
      CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
      CI_MERGE_REQUEST_DIFF_BASE_SHA: baseSha,
    };
    return { ...played, env, address: /merge_requests\/7#note_1/ };
  },
  async bitbucket({ workspace, baseSha, headSha, token }) {
    const standIn = await startBitbucket(token);
    const env = {
      BITBUCKET_BUILD_NUMBER: '3',
      BITBUCKET_TOKEN: token,
      BITBUCKET_CLONE_DIR: workspace.root,
      BITBUCKET_REPO_FULL_NAME: 'acme/platform',
      BITBUCKET_COMMIT: headSha,
      BITBUCKET_BRANCH: 'f',
      BITBUCKET_PR_ID: '7',
      BITBUCKET_PR_DESTINATION_BRANCH: 'main',
      BITBUCKET_PR_DESTINATION_COMMIT: baseSha,
      ZAKENAK_BITBUCKET_API_URL: `${standIn.origin}/2.0`,
      ZAKENAK_BITBUCKET_PROXY: standIn.origin,
    };
    return {
      standIn,
      env,
      comments: () => standIn.comments.filter(({ deleted }) => !deleted).map(({ content }) => content.raw),
      statuses: () => [...standIn.statuses.values()].map(({ key, state }) => `${key} ${state}`),
      address: /bitbucket\.org\/acme\/platform\/pull-requests\/7#comment-1/,
    };
  },
  async azure({ workspace, baseSha, headSha, token }) {
    const standIn = await startAzure(token);
    // Azure names the target branch, not its commit.
    workspace.git('update-ref', 'refs/remotes/origin/main', baseSha);
    const env = {
      TF_BUILD: 'True',
      SYSTEM_ACCESSTOKEN: token,
      SYSTEM_COLLECTIONURI: `${standIn.origin}/acme/`,
      SYSTEM_TEAMPROJECT: 'platform',
      BUILD_SOURCESDIRECTORY: workspace.root,
      BUILD_REPOSITORY_PROVIDER: 'TfsGit',
      BUILD_REPOSITORY_ID: 'r-1',
      BUILD_REPOSITORY_NAME: 'platform',
      BUILD_REPOSITORY_URI: 'https://acme@dev.azure.com/acme/platform/_git/platform',
      BUILD_REASON: 'PullRequest',
      BUILD_SOURCEVERSION: headSha,
      SYSTEM_PULLREQUEST_SOURCECOMMITID: headSha,
      SYSTEM_PULLREQUEST_SOURCEBRANCH: 'refs/heads/f',
      SYSTEM_PULLREQUEST_TARGETBRANCH: 'refs/heads/main',
      SYSTEM_PULLREQUEST_PULLREQUESTID: '7',
      SYSTEM_PULLREQUEST_ISFORK: 'False',
    };
    return {
      standIn,
      env,
      comments: () => standIn.threads.map(({ status, comments: [first] }) => `${status}: ${first?.content}`),
      statuses: () => standIn.statuses.map(({ on, body }) => `${on} ${body['state']}`),
      address: /_git\/platform\/pullrequest\/7\?discussionId=101/,
    };
  },
};

/** A repository on such a branch. */
export async function makeChange(
  t: TestContext,
  base: Readonly<Record<string, string>> = {},
): Promise<Change> {
  const workspace = await makeWorkspace(t, {
    'zakenak.yaml': 'project: shop\nenvironments: { test: { cluster: { context: none } } }\n',
    ...base,
  });
  const baseSha = workspace.git('rev-parse', 'HEAD');
  workspace.git('checkout', '-q', '-b', 'f');
  const headSha = await workspace.commit({
    'a|b.env': `GITHUB_TOKEN=${makeToken()}\n`,
    ...Object.fromEntries(
      Array.from({ length: 11 }, (_, at) => [`${at}.env`, `GITHUB_TOKEN=${makeToken()}\n`]),
    ),
  });
  return { workspace, baseSha, headSha, token: makeToken() };
}
