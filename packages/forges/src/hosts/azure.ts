import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CiEvent, type CiHost, escapeAzureData, escapeAzureProperty } from '@zakenak/core';
import { branchOf, defined, type Environment, parseSha, tagOf } from '../environment.ts';
import { hostFileUnwritable, unknownEvent } from '../errors.ts';
import { readInputVariable } from './dotenv.ts';

const reasons: Readonly<Record<string, CiEvent['kind']>> = {
  IndividualCI: 'push',
  BatchedCI: 'push',
  PullRequest: 'pull-request',
  Schedule: 'schedule',
  Manual: 'manual',
  ResourceTrigger: 'manual',
  BuildCompletion: 'manual',
};

/**
 * Azure Pipelines, from its predefined variables and logging commands (learn.microsoft.com, azure/devops/pipelines). It does not tell the tip before a push: a
 * push judges the branch against the default branch.
 */
export function createAzureHost(env: Environment, write: (text: string) => void): CiHost {
  const { SYSTEM_TEAMPROJECT: owner, BUILD_REPOSITORY_NAME: name, BUILD_REPOSITORY_URI: url } = env;
  return {
    name: 'azure',
    capabilities: { annotationsPerLevel: 10, summary: true, groups: true, masks: true },
    workspace: env.BUILD_SOURCESDIRECTORY ?? '.',
    ...(owner && name && url ? { repository: { owner, name, url } } : {}),
    ...(env.SYSTEM_COLLECTIONURI && owner && env.BUILD_BUILDID
      ? {
          runUrl: `${env.SYSTEM_COLLECTIONURI}${encodeURIComponent(owner)}/_build/results?buildId=${env.BUILD_BUILDID}`,
        }
      : {}),
    readEvent: async () => readAzureEvent(env),
    readInput: readInputVariable(env),
    async setOutput(output, value) {
      write(
        `##vso[task.setvariable variable=${escapeAzureProperty(output)};isOutput=true]${escapeAzureData(value)}\n`,
      );
    },
    async appendSummary(markdown) {
      const temporary = env.AGENT_TEMPDIRECTORY;
      if (!temporary) return;
      // The agent reads the file after the command: each summary needs one that nobody writes again.
      const path = await writeSummary(temporary, markdown);
      write(`##vso[task.uploadsummary]${escapeAzureData(path)}\n`);
    },
    mask: (secret) => {
      for (const line of secret.split(/\r?\n/).filter((text) => text.trim().length > 3))
        write(`##vso[task.setsecret]${escapeAzureData(line)}\n`);
    },
  };
}

async function writeSummary(folder: string, markdown: string): Promise<string> {
  try {
    const path = join(await mkdtemp(join(folder, 'zakenak-summary-')), 'Zakenak.md');
    await writeFile(path, `${markdown}\n`);
    return path;
  } catch (cause) {
    throw hostFileUnwritable('AGENT_TEMPDIRECTORY', folder, cause);
  }
}

function readAzureEvent(env: Environment): CiEvent {
  const reason = env.BUILD_REASON ?? '';
  const kind = reasons[reason];
  if (!kind) throw unknownEvent('Azure Pipelines', reason || '(none)', Object.keys(reasons));
  const common = { headSha: parseSha(env.BUILD_SOURCEVERSION), actor: env.BUILD_REQUESTEDFOR };
  if (kind === 'pull-request')
    return defined({
      kind,
      ...common,
      // BUILD_SOURCEVERSION is the test merge; the judged commits are those of the source branch.
      headSha: parseSha(env.SYSTEM_PULLREQUEST_SOURCECOMMITID) ?? common.headSha,
      headBranch: shortBranch(env.SYSTEM_PULLREQUEST_SOURCEBRANCH),
      baseBranch: shortBranch(env.SYSTEM_PULLREQUEST_TARGETBRANCH),
      pullRequest: {
        number: Number(env.SYSTEM_PULLREQUEST_PULLREQUESTNUMBER ?? env.SYSTEM_PULLREQUEST_PULLREQUESTID ?? 0),
        // Only a clear no is one.
        fork: env.SYSTEM_PULLREQUEST_ISFORK?.toLowerCase() !== 'false',
      },
    }) as CiEvent;
  const tag = tagOf(env.BUILD_SOURCEBRANCH);
  if (tag) return defined({ kind: 'tag' as const, ...common, tag }) as CiEvent;
  return defined({ kind, ...common, headBranch: branchOf(env.BUILD_SOURCEBRANCH) }) as CiEvent;
}

/** GitHub's repositories give the bare name, Azure's own the whole ref. */
function shortBranch(ref: string | undefined): string | undefined {
  return branchOf(ref) ?? ref;
}
