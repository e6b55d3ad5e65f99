import type { Octokit } from '@octokit/rest';
import type { Clock, FullForge } from '@zakenak/core';
import { forgeError } from '../errors.ts';
import { cutComment, keepOneComment, shorten } from '../one-comment.ts';
import { waitBeforeRetry } from '../rest.ts';
import { createCommit, once, type Place, requiresSignatures } from './signing.ts';

/** GitHub cuts nothing: a longer comment is refused. */
const maxCommentLength = 65_536;
const roomForMarker = 200;
const maxDescriptionLength = 140;

/** Where GitHub's API is and who asks. */
export interface GithubForgeOptions {
  readonly owner: string;
  readonly repo: string;
  readonly token: string;
  readonly clock: Clock;
  /** Ends the waits between attempts. */
  readonly signal?: AbortSignal;
  /** https://api.github.com where nothing is said. */
  readonly apiUrl?: string;
}

/** GitHub's API behind the Forge port, through @octokit/rest (loaded at first use). */
export function createGithubForge(options: GithubForgeOptions): FullForge {
  const place = { owner: options.owner, repo: options.repo };
  let loading: Promise<Octokit> | undefined;
  const octokit = () => {
    loading ??= import('@octokit/rest').then((rest) => {
      const api = new rest.Octokit({
        auth: options.token,
        userAgent: 'zakenak',
        ...(options.apiUrl ? { baseUrl: options.apiUrl } : {}),
      });
      askAgain(api, options);
      return api;
    });
    return loading;
  };
  const attempt = async <T>(operation: string, body: (api: Octokit) => Promise<T>): Promise<T> => {
    try {
      return await body(await octokit());
    } catch (thrown) {
      throw forgeError('GitHub', operation, thrown);
    }
  };
  return {
    name: 'github',
    maxCommentLength: maxCommentLength - roomForMarker,
    upsertComment: (comment) => attempt('write the comment', (api) => upsertComment(api, place, comment)),
    setStatus: (status) =>
      attempt('set the status', async (api) => {
        const { sha, context, state, description, url } = status;
        await api.rest.repos.createCommitStatus({
          ...place,
          sha,
          context,
          state,
          description: shorten(description, maxDescriptionLength),
          ...(url ? { target_url: url } : {}),
        });
      }),
    readVerifications: (shas) => attempt('read the commits', (api) => readVerifications(api, place, shas)),
    requiresSignatures: () => attempt('read the branch’s rules', (api) => requiresSignatures(api, place)),
    createCommit: (commit) => attempt('make the commit', (api) => createCommit(api, place, commit)),
    createRelease: (release) =>
      attempt('create the release', async (api) => ({ url: await createRelease(api, place, release) })),
  };
}

/** What passes is asked again, by the rule of the other forges; what was asked once and may have been done in spite of the answer is not. */
function askAgain(api: Octokit, { clock, signal }: Pick<GithubForgeOptions, 'clock' | 'signal'>): void {
  api.hook.wrap('request', async (request, options) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await request(options);
      } catch (thrown) {
        const { status = 0, response } = thrown as RequestFailure;
        const after = response?.headers?.['retry-after'];
        const wait = waitBeforeRetry(status, after === undefined ? after : String(after), attempt, clock);
        // Without an answer octokit says 500 of its own.
        if (!response || wait === undefined) throw thrown;
        if (status >= 500 && options.request?.['zakenakOnce']) throw thrown;
        await clock.sleep(wait, signal);
      }
    }
  });
}

/** What octokit throws, as far as it is read here (@octokit/request-error). */
interface RequestFailure {
  readonly status?: number;
  readonly response?: { readonly headers?: Readonly<Record<string, string | number | undefined>> };
}

async function createRelease(
  api: Octokit,
  place: Place,
  { tag, title, notes, prerelease, draft }: Parameters<FullForge['createRelease']>[0],
): Promise<string> {
  const wanted = { ...place, tag_name: tag, name: title, body: notes, prerelease, draft };
  try {
    // Of drafts a tag may have several.
    const request = draft ? once : {};
    return (await api.rest.repos.createRelease({ ...wanted, request })).data.html_url;
  } catch (thrown) {
    // 422 also stands for other faults: only a release that is really there counts as made.
    if ((thrown as { status?: number }).status !== 422) throw thrown;
    const existing = await api.rest.repos.getReleaseByTag({ ...place, tag }).catch(() => undefined);
    if (!existing) throw thrown;
    return existing.data.html_url;
  }
}

async function upsertComment(
  api: Octokit,
  place: Place,
  comment: Parameters<FullForge['upsertComment']>[0],
): Promise<string> {
  const marker = `<!-- ${comment.marker} -->`;
  const isOurs = await recogniseAuthor(api);
  const body = cutComment(`${marker}\n${comment.body}`, maxCommentLength);
  const { issues } = api.rest;
  const request = { ...place, issue_number: comment.pullRequest };
  let url = '';
  await keepOneComment({
    async list() {
      const all = await api.paginate(issues.listComments, { ...request, per_page: 100 });
      return all.filter((one) => one.body?.startsWith(marker) && isOurs(one.user)).map(({ id }) => id);
    },
    async create() {
      const { data } = await issues.createComment({ ...request, body });
      url = data.html_url;
      return data.id;
    },
    async update(id) {
      url = (await issues.updateComment({ ...place, comment_id: id, body })).data.html_url;
    },
    remove: (id) =>
      issues.deleteComment({ ...place, comment_id: id }).catch((thrown) => {
        if ((thrown as { status?: number }).status !== 404) throw thrown;
      }),
  });
  return url;
}

type Author = { readonly login: string; readonly type?: string } | null;

/**
 * Anyone may write our marker into a comment and would own the report: only what this token's user wrote counts. A workflow's token may not ask who it is; it writes as a
 * bot.
 */
async function recogniseAuthor(api: Octokit): Promise<(author: Author) => boolean> {
  try {
    const { login } = (await api.rest.users.getAuthenticated()).data;
    return (author) => author?.login === login;
  } catch (thrown) {
    const { status } = thrown as { status?: number };
    if (status !== 403 && status !== 401) throw thrown;
    return (author) => author?.type === 'Bot';
  }
}

/** Commits asked about at once: GitHub's own largest page. */
const verificationsAtOnce = 100;

/** The same verdicts as the REST API's "Get a commit", for a hundred commits a request (GraphQL API, GitSignature). A commit that GitHub does not have is left out. */
async function readVerifications(
  api: Octokit,
  { owner, repo }: Place,
  shas: readonly string[],
): ReturnType<FullForge['readVerifications']> {
  const verdicts = new Map<string, { verified: boolean; reason: string }>();
  for (let from = 0; from < shas.length; from += verificationsAtOnce) {
    const part = shas.slice(from, from + verificationsAtOnce);
    const variables = Object.fromEntries(part.map((sha, index) => [`oid${index}`, sha]));
    const declared = part.map((_, index) => `, $oid${index}: GitObjectID!`).join('');
    const fields = part.map(
      (_, index) =>
        `commit${index}: object(oid: $oid${index}) { ... on Commit { oid signature { isValid state } } }`,
    );
    const query = `query ($owner: String!, $repo: String!${declared}) { repository(owner: $owner, name: $repo) { ${fields.join(' ')} } }`;
    const { repository } = await api.graphql<VerificationAnswer>(query, { owner, repo, ...variables });
    for (const found of Object.values(repository ?? {}))
      if (found?.oid) verdicts.set(found.oid, verdictOf(found.signature));
  }
  return verdicts;
}

interface VerificationAnswer {
  readonly repository: Readonly<
    Record<
      string,
      {
        readonly oid?: string;
        readonly signature?: { readonly isValid: boolean; readonly state: string } | null;
      } | null
    >
  > | null;
}

/** GraphQL's names of reasons that the REST API calls otherwise than in lower case. */
const reasonNames: Readonly<Record<string, string>> = {
  MALFORMED_SIG: 'malformed_signature',
  UNKNOWN_SIG_TYPE: 'unknown_signature_type',
};

function verdictOf(signature: { readonly isValid: boolean; readonly state: string } | null | undefined): {
  verified: boolean;
  reason: string;
} {
  if (!signature) return { verified: false, reason: 'unsigned' };
  const { isValid, state } = signature;
  return { verified: isValid && state === 'VALID', reason: reasonNames[state] ?? state.toLowerCase() };
}
