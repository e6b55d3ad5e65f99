import type { CiHost } from '@zakenak/core';
import type { Environment } from './environment.ts';
import { createAzureHost } from './hosts/azure.ts';
import { createBitbucketHost } from './hosts/bitbucket.ts';
import { createGithubHost } from './hosts/github.ts';
import { createGitlabHost } from './hosts/gitlab.ts';
import { createLocalHost } from './hosts/local.ts';

/** The CI host that the environment shows; a laptop where none does. `write` reaches the host's log. */
export function detectHost(env: Environment, workspace: string, write: (text: string) => void): CiHost {
  if (env.GITHUB_ACTIONS === 'true') return createGithubHost(env, write);
  if (env.GITLAB_CI === 'true') return createGitlabHost(env);
  if (env.BITBUCKET_BUILD_NUMBER) return createBitbucketHost(env);
  if (env.TF_BUILD === 'True') return createAzureHost(env, write);
  return createLocalHost(env, workspace);
}
