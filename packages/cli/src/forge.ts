import type { CiHost, Clock, Forge, Http, Insights } from '@zakenak/core';
import {
  createAzureForge,
  createBitbucketForge,
  createBitbucketInsights,
  createGithubForge,
  createGitlabForge,
} from '@zakenak/forges';

/** How a forge is reached. */
interface Reach {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly http: Http;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The API of the host's forge, by the token given or the host's variable for it; undefined where there is no forge or no token. */
export function createForge(host: CiHost, given: string | undefined, reach: Reach): Forge | undefined {
  if (!host.repository) return undefined;
  const { owner, name: repo, url: repositoryUrl } = host.repository;
  const { env } = reach;
  const token = given ?? tokenOf(host, env);
  if (!token) return undefined;
  if (host.name === 'github') {
    const apiUrl = env.GITHUB_API_URL;
    return createGithubForge({ ...reach, owner, repo, token, ...(apiUrl ? { apiUrl } : {}) });
  }
  if (host.name === 'gitlab') {
    const { CI_API_V4_URL: apiUrl, CI_PROJECT_ID: project } = env;
    if (!apiUrl || !project) return undefined;
    return createGitlabForge({ ...reach, apiUrl, project, projectUrl: repositoryUrl, token });
  }
  if (host.name === 'bitbucket') {
    const apiUrl = env.ZAKENAK_BITBUCKET_API_URL;
    const options = { ...reach, workspace: owner, repo, repositoryUrl, token };
    return createBitbucketForge({ ...options, ...(apiUrl ? { apiUrl } : {}) });
  }
  const { SYSTEM_COLLECTIONURI: collectionUrl, BUILD_REPOSITORY_ID: repositoryId } = env;
  const ownRepository = env.BUILD_REPOSITORY_PROVIDER === 'TfsGit';
  if (host.name !== 'azure' || !collectionUrl || !repositoryId || !ownRepository) return undefined;
  return createAzureForge({ ...reach, collectionUrl, repositoryId, repositoryUrl, token });
}

/** Where the host shows findings other than in its log: Bitbucket only. */
export function createInsights({ name, repository }: CiHost, reach: Reach): Insights | undefined {
  if (name !== 'bitbucket' || !repository) return undefined;
  const proxy = reach.env.ZAKENAK_BITBUCKET_PROXY;
  const place = { workspace: repository.owner, repo: repository.name };
  return createBitbucketInsights({ ...reach, ...place, ...(proxy ? { proxy } : {}) });
}

function tokenOf({ name }: CiHost, env: Reach['env']): string | undefined {
  const variables = {
    github: 'GITHUB_TOKEN',
    gitlab: 'GITLAB_TOKEN',
    bitbucket: 'BITBUCKET_TOKEN',
    azure: 'SYSTEM_ACCESSTOKEN',
    local: undefined,
  } as const;
  const variable = variables[name];
  return variable && env[variable];
}
