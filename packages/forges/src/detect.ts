import type { CiHost } from '@zakenak/core';
import type { Environment } from './environment.ts';
import { createGithubHost } from './hosts/github.ts';
import { createGitlabHost } from './hosts/gitlab.ts';
import { createLocalHost } from './hosts/local.ts';

/** The CI host that the environment shows; a laptop where none does. `write` reaches the host's log. */
export function detectHost(env: Environment, workspace: string, write: (text: string) => void): CiHost {
  if (env.GITHUB_ACTIONS === 'true') return createGithubHost(env, write);
  if (env.GITLAB_CI === 'true') return createGitlabHost(env);
  return createLocalHost(env, workspace);
}
