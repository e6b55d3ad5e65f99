import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CiEvent, CiHost } from '@zakenak/core';
import { defined, type Environment, parseSha } from '../environment.ts';
import { hostFileUnwritable, unknownEvent } from '../errors.ts';

const sources: Readonly<Record<string, CiEvent['kind']>> = {
  push: 'push',
  merge_request_event: 'pull-request',
  schedule: 'schedule',
  web: 'manual',
  api: 'manual',
  trigger: 'manual',
  pipeline: 'manual',
  parent_pipeline: 'manual',
};

/** GitLab CI, from its predefined variables (docs.gitlab.com, ci/variables/predefined_variables). Inputs come as ZAKENAK_INPUT_*, outputs go to a dotenv file. */
export function createGitlabHost(env: Environment): CiHost {
  const workspace = env.CI_PROJECT_DIR ?? '.';
  const append = async (file: string, text: string) => {
    const path = join(workspace, file);
    await appendFile(path, text).catch((cause) => {
      throw hostFileUnwritable('CI_PROJECT_DIR', path, cause);
    });
  };
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
    readInput: (input) => env[`ZAKENAK_INPUT_${input.replaceAll('-', '_').toUpperCase()}`],
    setOutput: (output, value) =>
      append(
        'zakenak.env',
        `ZAKENAK_${output.replaceAll('-', '_').toUpperCase()}=${value.replace(/[\r\n]+/g, ' ')}\n`,
      ),
    appendSummary: (markdown) => append('zakenak-summary.md', `${markdown}\n`),
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
  if (kind === 'pull-request') {
    const fork = env.CI_MERGE_REQUEST_SOURCE_PROJECT_ID !== env.CI_MERGE_REQUEST_PROJECT_ID;
    return defined({
      kind,
      ...common,
      headSha: parseSha(env.CI_MERGE_REQUEST_SOURCE_BRANCH_SHA) ?? common.headSha,
      baseSha:
        parseSha(env.CI_MERGE_REQUEST_TARGET_BRANCH_SHA) ?? parseSha(env.CI_MERGE_REQUEST_DIFF_BASE_SHA),
      headBranch: env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME,
      baseBranch: env.CI_MERGE_REQUEST_TARGET_BRANCH_NAME,
      pullRequest: defined({
        number: Number(env.CI_MERGE_REQUEST_IID ?? 0),
        title: env.CI_MERGE_REQUEST_TITLE,
        fork,
      }),
    }) as CiEvent;
  }
  if (env.CI_COMMIT_TAG) return defined({ kind: 'tag' as const, ...common, tag: env.CI_COMMIT_TAG });
  const headBranch = env.CI_COMMIT_BRANCH;
  if (kind === 'push')
    return defined({ kind, ...common, headBranch, baseSha: parseSha(env.CI_COMMIT_BEFORE_SHA) });
  return defined({ kind, ...common, headBranch });
}
