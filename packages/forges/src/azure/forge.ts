import type { Clock, Forge, Http, StatusState } from '@zakenak/core';
import { cutComment, keepOneComment, shorten } from '../one-comment.ts';
import { accept, createRest, type Rest, record, records } from '../rest.ts';

/** Azure refuses a longer comment. */
const maxCommentLength = 150_000;
const roomForMarker = 200;
/** No limit is documented; the page shows less. */
const maxDescriptionLength = 255;
const version = 'api-version=7.1';

/** Where Azure DevOps is and who asks. */
export interface AzureForgeOptions {
  /** Of the organisation: `https://dev.azure.com/acme/`. */
  readonly collectionUrl: string;
  /** The repository's id. */
  readonly repositoryId: string;
  /** Address of the repository's page. */
  readonly repositoryUrl: string;
  /** The job's own token (System.AccessToken), or a personal one with the scope Code (status, read & write). */
  readonly token: string;
  readonly http: Http;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

type Ask = Rest['ask'];

/**
 * Azure DevOps' REST API 7.1 behind the Forge port (learn.microsoft.com, rest/api/azure/devops/git: pull-request-threads, pull-request-thread-comments,
 * pull-request-statuses, statuses). It has neither verdicts on signatures, nor release pages, nor commits made and signed by it.
 */
export function createAzureForge(options: AzureForgeOptions): Forge {
  const collection = options.collectionUrl.replace(/\/$/, '');
  const own = `/_apis/git/repositories/${encodeURIComponent(options.repositoryId)}`;
  const { ask: request, attempt } = createRest({
    ...options,
    forge: 'Azure DevOps',
    baseUrl: collection,
    headers: {
      // Both kinds of token are taken as the password of nobody.
      authorization: `Basic ${Buffer.from(`:${options.token}`).toString('base64')}`,
      'x-tfs-fedauthredirect': 'Suppress',
    },
  });
  const ask: Ask = async (method, path, body) => {
    const answer = await request(method, path, body);
    // The page to sign in on instead of a refusal: 203 for a bad token, 302 for none.
    return answer.status === 203 || answer.status === 302
      ? { status: 401, data: 'the token is not taken' }
      : answer;
  };
  return {
    name: 'azure',
    maxCommentLength: maxCommentLength - roomForMarker,
    upsertComment: ({ pullRequest, ...comment }) =>
      attempt('write the comment', async () => {
        const id = await upsertThread(ask, `${own}/pullRequests/${pullRequest}/threads`, comment);
        return `${withoutUser(options.repositoryUrl)}/pullrequest/${pullRequest}?discussionId=${id}`;
      }),
    setStatus: ({ sha, pullRequest, context, state, description, url }) =>
      attempt('set the status', async () => {
        const status = {
          state: states[state],
          description: shorten(description, maxDescriptionLength),
          context: { genre: 'zakenak', name: context },
          ...(url ? { targetUrl: url } : {}),
        };
        // Branch policies look at the pull request's own.
        const place = pullRequest === undefined ? `commits/${sha}` : `pullRequests/${pullRequest}`;
        accept(await ask('POST', `${own}/${place}/statuses?${version}`, status));
      }),
    // Branch policies know no rule for signatures (rest/api/azure/devops/policy/types).
    requiresSignatures: async () => undefined,
  };
}

async function upsertThread(
  ask: Ask,
  threads: string,
  comment: { readonly marker: string; readonly body: string; readonly resolved?: boolean },
): Promise<number> {
  const hidden = `<!-- ${comment.marker} -->`;
  const content = cutComment(`${hidden}\n${comment.body}`, maxCommentLength);
  const status = comment.resolved ? 'closed' : 'active';
  // Anyone may write our marker into a comment: only what this token's user wrote counts.
  const me = record(record(accept(await ask('GET', '/_apis/connectionData')))['authenticatedUser'])['id'];
  /** The first comment of each thread of ours, by the thread's id. */
  const first = new Map<number, unknown>();
  return keepOneComment({
    async list() {
      first.clear();
      for (const { id, isDeleted, comments } of records(
        record(accept(await ask('GET', `${threads}?${version}`)))['value'],
      )) {
        const [opening = {}] = records(comments);
        const isOurs =
          String(opening['content']).startsWith(hidden) && record(opening['author'])['id'] === me;
        if (!isDeleted && !opening['isDeleted'] && isOurs) first.set(Number(id), opening['id']);
      }
      return [...first.keys()];
    },
    async create() {
      const thread = { comments: [{ parentCommentId: 0, commentType: 'text', content }], status };
      return Number(record(accept(await ask('POST', `${threads}?${version}`, thread)))['id']);
    },
    async update(id) {
      accept(await ask('PATCH', `${threads}/${id}/comments/${first.get(id)}?${version}`, { content }));
      accept(await ask('PATCH', `${threads}/${id}?${version}`, { status }));
    },
    async remove(id) {
      // A thread without comments is gone.
      const answer = await ask('DELETE', `${threads}/${id}/comments/${first.get(id)}?${version}`);
      if (answer.status !== 404) accept(answer);
    },
  });
}

/** `https://acme@dev.azure.com/…`, as Azure gives it, without `acme@`. */
function withoutUser(address: string): string {
  const url = new URL(address);
  url.username = '';
  return url.href;
}

const states: Readonly<Record<StatusState, string>> = {
  pending: 'pending',
  success: 'succeeded',
  failure: 'failed',
  error: 'error',
};
