import type { CiEvent, CiHost } from '@zakenak/core';
import { defined, type Environment, parseSha } from '../environment.ts';
import { createFileOutputs, readInputVariable } from './dotenv.ts';

/**
 * Bitbucket Pipelines, from its default variables (support.atlassian.com, variables and secrets). It shows neither summaries nor annotations and masks only
 * its own secured variables, so outputs and summary are files for a later step. It tells neither the tip before a push nor a schedule: such runs judge the
 * branch against the default branch.
 */
export function createBitbucketHost(env: Environment): CiHost {
  const workspace = env.BITBUCKET_CLONE_DIR ?? '.';
  const [owner, name] = (env.BITBUCKET_REPO_FULL_NAME ?? '').split('/');
  const url = env.BITBUCKET_GIT_HTTP_ORIGIN ?? `https://bitbucket.org/${env.BITBUCKET_REPO_FULL_NAME}`;
  return {
    name: 'bitbucket',
    capabilities: { annotationsPerLevel: 0, summary: false, groups: false, masks: false },
    workspace,
    ...(owner && name ? { repository: { owner, name, url } } : {}),
    ...(owner && name && env.BITBUCKET_BUILD_NUMBER
      ? { runUrl: `${url}/pipelines/results/${env.BITBUCKET_BUILD_NUMBER}` }
      : {}),
    readEvent: async () => readBitbucketEvent(env),
    readInput: readInputVariable(env),
    ...createFileOutputs(workspace, 'BITBUCKET_CLONE_DIR'),
    mask: () => {},
  };
}

function readBitbucketEvent(env: Environment): CiEvent {
  const headSha = parseSha(env.BITBUCKET_COMMIT);
  if (env.BITBUCKET_PR_ID)
    return defined({
      kind: 'pull-request' as const,
      headSha,
      // Often abbreviated; the destination branch's tip then serves.
      baseSha: parseSha(env.BITBUCKET_PR_DESTINATION_COMMIT),
      headBranch: env.BITBUCKET_BRANCH,
      baseBranch: env.BITBUCKET_PR_DESTINATION_BRANCH,
      // A fork's pull request starts no pipeline in the destination's repository.
      pullRequest: { number: Number(env.BITBUCKET_PR_ID), fork: false },
    }) as CiEvent;
  if (env.BITBUCKET_TAG) return defined({ kind: 'tag' as const, headSha, tag: env.BITBUCKET_TAG }) as CiEvent;
  return defined({ kind: 'push' as const, headSha, headBranch: env.BITBUCKET_BRANCH }) as CiEvent;
}
