import { readFile } from 'node:fs/promises';
import { type CiEvent, type CiHost, escapeCommandData } from '@zakenak/core';
import { branchOf, defined, type Environment, parseSha, tagOf } from '../environment.ts';
import { badEventPayload, hostFileUnwritable, unknownEvent } from '../errors.ts';

const knownEvents = [
  'push',
  'pull_request',
  'pull_request_target',
  'merge_group',
  'schedule',
  'workflow_dispatch',
  'repository_dispatch',
  'workflow_call',
  'release',
];

/** GitHub Actions, from the variables and files of its runner (docs.github.com: variables reference, workflow commands). */
export function createGithubHost(env: Environment, write: (text: string) => void): CiHost {
  const [owner, name] = (env.GITHUB_REPOSITORY ?? '').split('/');
  const server = env.GITHUB_SERVER_URL ?? 'https://github.com';
  const url = `${server}/${env.GITHUB_REPOSITORY}`;
  return {
    name: 'github',
    capabilities: { annotationsPerLevel: 10, summary: true, groups: true, masks: true },
    workspace: env.GITHUB_WORKSPACE ?? '.',
    ...(owner && name ? { repository: { owner, name, url } } : {}),
    ...(env.GITHUB_RUN_ID ? { runUrl: `${url}/actions/runs/${env.GITHUB_RUN_ID}` } : {}),
    readEvent: () => readGithubEvent(env),
    readInput: (input) => env[`INPUT_${input.replaceAll(' ', '_').toUpperCase()}`],
    async setOutput(output, value) {
      // Without the file @actions/core falls back to a command on stdout, which GitHub has switched off.
      if (!env.GITHUB_OUTPUT) return;
      const { setOutput } = await import('@actions/core');
      await toHostFile('GITHUB_OUTPUT', env, () => setOutput(output, value));
    },
    async appendSummary(markdown) {
      if (!env.GITHUB_STEP_SUMMARY) return;
      const { summary } = await import('@actions/core');
      await toHostFile('GITHUB_STEP_SUMMARY', env, () => summary.addRaw(markdown, true).write());
    },
    mask: (secret) => {
      for (const line of secret.split(/\r?\n/).filter((text) => text.trim().length > 3)) {
        write(`::add-mask::${escapeCommandData(line)}\n`);
      }
    },
  };
}

async function toHostFile(variable: string, env: Environment, body: () => unknown): Promise<void> {
  try {
    await body();
  } catch (thrown) {
    throw hostFileUnwritable(variable, env[variable] ?? '', thrown);
  }
}

interface GithubRef {
  readonly ref?: string;
  readonly sha?: string;
  readonly repo?: { readonly full_name?: string } | null;
}

interface GithubPayload {
  readonly before?: string;
  readonly after?: string;
  readonly forced?: boolean;
  readonly pull_request?: {
    readonly number: number;
    readonly html_url?: string;
    readonly title?: string;
    readonly head?: GithubRef;
    readonly base?: GithubRef;
  };
  readonly merge_group?: {
    readonly head_sha?: string;
    readonly base_sha?: string;
    readonly base_ref?: string;
    readonly head_ref?: string;
  };
  readonly repository?: { readonly default_branch?: string; readonly full_name?: string };
}

async function readGithubEvent(env: Environment): Promise<CiEvent> {
  const name = env.GITHUB_EVENT_NAME ?? '';
  if (!knownEvents.includes(name)) throw unknownEvent('GitHub Actions', name || '(none)', knownEvents);
  const payload = await readPayload(env.GITHUB_EVENT_PATH);
  const common = {
    headSha: parseSha(env.GITHUB_SHA),
    actor: env.GITHUB_ACTOR,
    defaultBranch: payload.repository?.default_branch,
  };
  if (name.startsWith('pull_request')) {
    // Without it nothing says whether this is a fork's.
    if (!payload.pull_request) throw lacks(env, 'pull_request');
    return readPullRequest(payload, common);
  }
  if (name === 'merge_group') {
    if (!payload.merge_group) throw lacks(env, 'merge_group');
    const { head_sha, base_sha, base_ref, head_ref } = payload.merge_group;
    const group = {
      headSha: parseSha(head_sha),
      baseSha: parseSha(base_sha),
      baseBranch: branchOf(base_ref),
      headBranch: branchOf(head_ref),
    };
    return defined({ kind: 'merge-group' as const, ...common, ...group });
  }
  const tag = tagOf(env.GITHUB_REF);
  if (tag) return defined({ kind: 'tag' as const, ...common, tag });
  const headBranch = branchOf(env.GITHUB_REF);
  if (name === 'push') {
    return defined({
      kind: 'push' as const,
      ...common,
      headBranch,
      baseSha: parseSha(payload.before),
      forced: payload.forced ?? (parseSha(payload.before) ? false : undefined),
    });
  }
  return defined({
    kind: name === 'schedule' ? ('schedule' as const) : ('manual' as const),
    ...common,
    headBranch,
  });
}

function readPullRequest(payload: GithubPayload, common: object): CiEvent {
  const { pull_request: request, repository } = payload;
  const fork = request?.head?.repo?.full_name !== (request?.base?.repo?.full_name ?? repository?.full_name);
  return defined({
    kind: 'pull-request' as const,
    ...common,
    // GITHUB_SHA is the test merge; the judged commits are those of the head.
    headSha: parseSha(request?.head?.sha),
    baseSha: parseSha(request?.base?.sha),
    headBranch: request?.head?.ref,
    baseBranch: request?.base?.ref,
    pullRequest: defined({
      number: request?.number ?? 0,
      url: request?.html_url,
      title: request?.title,
      fork,
    }),
  }) as CiEvent;
}

async function readPayload(path: string | undefined): Promise<GithubPayload> {
  try {
    if (!path) throw new Error('GITHUB_EVENT_PATH is not set');
    const payload: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
      throw new Error('it is not a JSON object');
    return payload;
  } catch (thrown) {
    throw badEventPayload(path ?? '(none)', thrown);
  }
}

function lacks(env: Environment, key: string): Error {
  return badEventPayload(env.GITHUB_EVENT_PATH ?? '(none)', new Error(`it has no '${key}'`));
}
