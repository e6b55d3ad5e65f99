import type { CiEvent, CiHost } from '@zakenak/core';
import { defined, type Environment, parseSha } from '../environment.ts';
import { unknownEvent } from '../errors.ts';
import { createFileOutputs, readInputVariable } from './dotenv.ts';

const sources: Readonly<Record<string, CiEvent['kind']>> = {
  push: 'push',
  merge_request_event: 'pull-request',
  external_pull_request_event: 'pull-request',
  schedule: 'schedule',
  web: 'manual',
  api: 'manual',
  trigger: 'manual',
  pipeline: 'manual',
  parent_pipeline: 'manual',
  webide: 'manual',
  security_orchestration_policy: 'manual',
};

/** GitLab CI, from its predefined variables (docs.gitlab.com, ci/variables/predefined_variables). Inputs come as ZAKENAK_INPUT_*, outputs go to a dotenv file. */
export function createGitlabHost(env: Environment): CiHost {
  const workspace = env.CI_PROJECT_DIR ?? '.';
  return {
    name: 'gitlab',
    capabilities: { annotationsPerLevel: 0, summary: false, groups: true, masks: false },
    workspace,
    ...(env.CI_PROJECT_PATH
      ? {
          repository: {
            owner: env.CI_PROJECT_NAMESPACE ?? '',
            name: env.CI_PROJECT_NAME ?? '',
            url: env.CI_PROJECT_URL ?? '',
          },
        }
      : {}),
    ...(env.CI_JOB_URL ? { runUrl: env.CI_JOB_URL } : {}),
    readEvent: async () => readGitlabEvent(env),
    readInput: readInputVariable(env),
    ...createFileOutputs(workspace, 'CI_PROJECT_DIR'),
    mask: () => {},
  };
}

function readGitlabEvent(env: Environment): CiEvent {
  const source = env.CI_PIPELINE_SOURCE ?? '';
  const kind = sources[source];
  if (!kind) throw unknownEvent('GitLab CI', source || '(none)', Object.keys(sources));
  const common = {
    headSha: parseSha(env.CI_COMMIT_SHA),
    actor: env.GITLAB_USER_LOGIN,
    defaultBranch: env.CI_DEFAULT_BRANCH,
  };
  if (source === 'external_pull_request_event') return readExternalRequest(env, common);
  if (kind === 'pull-request') return readMergeRequest(env, common);
  if (env.CI_COMMIT_TAG) return defined({ kind: 'tag' as const, ...common, tag: env.CI_COMMIT_TAG });
  const headBranch = env.CI_COMMIT_BRANCH;
  if (kind === 'push')
    return defined({ kind, ...common, headBranch, baseSha: parseSha(env.CI_COMMIT_BEFORE_SHA) });
  return defined({ kind, ...common, headBranch });
}

function readMergeRequest(env: Environment, common: { readonly headSha: string | undefined }): CiEvent {
  const fork = env.CI_MERGE_REQUEST_SOURCE_PROJECT_ID !== env.CI_MERGE_REQUEST_PROJECT_ID;
  const pullRequest = defined({
    number: Number(env.CI_MERGE_REQUEST_IID ?? 0),
    title: env.CI_MERGE_REQUEST_TITLE,
    fork,
  });
  const branches = {
    headBranch: env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME,
    baseBranch: env.CI_MERGE_REQUEST_TARGET_BRANCH_NAME,
    baseSha: parseSha(env.CI_MERGE_REQUEST_TARGET_BRANCH_SHA) ?? parseSha(env.CI_MERGE_REQUEST_DIFF_BASE_SHA),
  };
  // A train merges what it tests: the merge itself is judged, as in GitHub's merge group.
  if (env.CI_MERGE_REQUEST_EVENT_TYPE === 'merge_train')
    return defined({ kind: 'merge-group' as const, ...common, ...branches, pullRequest }) as CiEvent;
  const headSha = parseSha(env.CI_MERGE_REQUEST_SOURCE_BRANCH_SHA) ?? common.headSha;
  return defined({ kind: 'pull-request' as const, ...common, headSha, ...branches, pullRequest }) as CiEvent;
}

/** A GitHub pull request of a repository that GitLab only runs the pipelines of. */
function readExternalRequest(env: Environment, common: { readonly headSha: string | undefined }): CiEvent {
  const {
    CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY: source,
    CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY: target,
  } = env;
  return defined({
    kind: 'pull-request' as const,
    ...common,
    headSha: parseSha(env.CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA) ?? common.headSha,
    baseSha: parseSha(env.CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA),
    headBranch: env.CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME,
    baseBranch: env.CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME,
    pullRequest: {
      number: Number(env.CI_EXTERNAL_PULL_REQUEST_IID ?? 0),
      fork: source === undefined || source !== target,
    },
  }) as CiEvent;
}
