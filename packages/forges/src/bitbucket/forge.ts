import type { Clock, Forge, Http, StatusState } from '@zakenak/core';
import { cutComment, keepOneComment, shorten } from '../one-comment.ts';
import { accept, createRest, type Rest, record, records } from '../rest.ts';

/** Bitbucket answers a longer `content.raw` with 400. */
const maxCommentLength = 32_768;
const roomForMarker = 200;
const maxDescriptionLength = 255;
const commentsOfAPage = 100;

/** Where Bitbucket's API is and who asks. */
export interface BitbucketForgeOptions {
  readonly workspace: string;
  readonly repo: string;
  /** Address of the repository's page. */
  readonly repositoryUrl: string;
  /** A repository's, project's or workspace's access token with the scopes `pullrequest:write` and `repository:write`. */
  readonly token: string;
  /** https://api.bitbucket.org/2.0 where nothing is said. */
  readonly apiUrl?: string;
  readonly http: Http;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Bitbucket Cloud's REST API 2.0 behind the Forge port (developer.atlassian.com, cloud/bitbucket/rest: api-group-pullrequests, api-group-commit-statuses,
 * intro#pagination). It has neither verdicts on signatures, nor release pages, nor commits made and signed by it.
 */
export function createBitbucketForge(options: BitbucketForgeOptions): Forge {
  const { repositoryUrl, token } = options;
  const own = `/repositories/${encodeURIComponent(options.workspace)}/${encodeURIComponent(options.repo)}`;
  const { ask, attempt } = createRest({
    ...options,
    forge: 'Bitbucket',
    baseUrl: options.apiUrl ?? 'https://api.bitbucket.org/2.0',
    headers: { authorization: `Bearer ${token}` },
  });
  return {
    name: 'bitbucket',
    maxCommentLength: maxCommentLength - roomForMarker,
    upsertComment: ({ pullRequest, marker, body }) =>
      attempt('write the comment', async () => {
        const id = await upsertComment(ask, `${own}/pullrequests/${pullRequest}/comments`, { marker, body });
        return `${repositoryUrl}/pull-requests/${pullRequest}#comment-${id}`;
      }),
    setStatus: ({ sha, context, state, description, url }) =>
      attempt('set the status', async () => {
        const status = {
          key: context,
          name: context,
          state: states[state],
          description: shorten(description, maxDescriptionLength),
          // Bitbucket takes no status without one.
          url: url ?? repositoryUrl,
        };
        accept(await ask('POST', `${own}/commit/${sha}/statuses/build`, status));
      }),
    // Branch restrictions know no rule for signatures (api-group-branch-restrictions).
    requiresSignatures: async () => undefined,
  };
}

async function upsertComment(
  ask: Ask,
  comments: string,
  { marker, body }: { readonly marker: string; readonly body: string },
): Promise<number> {
  const hidden = `[//]: # (${marker})`;
  const isOurs = await recogniseAuthor(ask);
  const raw = cutComment(`${hidden}\n\n${withoutTags(body)}`, maxCommentLength);
  const content = { content: { raw } };
  return keepOneComment({
    async list() {
      const own = (await readComments(ask, comments)).filter(
        ({ content: text, deleted, user }) =>
          !deleted && String(record(text)['raw']).startsWith(hidden) && isOurs(record(user)),
      );
      return own.map(({ id }) => Number(id));
    },
    create: async () => Number(record(accept(await ask('POST', comments, content)))['id']),
    update: async (id) => accept(await ask('PUT', `${comments}/${id}`, content)),
    async remove(id) {
      const answer = await ask('DELETE', `${comments}/${id}`);
      if (answer.status !== 404) accept(answer);
    },
  });
}

type Ask = Rest['ask'];

/** Bitbucket asks to follow `next`, not to count pages. */
async function readComments(ask: Ask, comments: string): Promise<Readonly<Record<string, unknown>>[]> {
  const all: Readonly<Record<string, unknown>>[] = [];
  let next: unknown = `${comments}?pagelen=${commentsOfAPage}`;
  while (typeof next === 'string') {
    const page = record(accept(await ask('GET', next)));
    all.push(...records(page['values']));
    next = page['next'];
  }
  return all;
}

/**
 * Anyone may write our marker into a comment and would own the report: only what this token's user wrote counts. A repository's token may not ask who it
 * is; it writes as an `app_user`, and no person does.
 */
async function recogniseAuthor(ask: Ask): Promise<(user: Readonly<Record<string, unknown>>) => boolean> {
  const answer = await ask('GET', '/user');
  if (answer.status === 401 || answer.status === 403) return ({ type }) => type === 'app_user';
  const { uuid } = record(accept(answer));
  return (user) => user['uuid'] === uuid;
}

/** Bitbucket shows HTML as text: the three tags that a report's Markdown has are spelled in Markdown. */
function withoutTags(body: string): string {
  return body
    .replace(/^<details><summary>(.*)<\/summary>$/gm, '**$1**')
    .replace(/^<\/details>\n?/gm, '')
    .replace(/^\|.*\|$/gm, (row) => row.replaceAll('<br>', ' — '));
}

const states: Readonly<Record<StatusState, string>> = {
  pending: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  error: 'FAILED',
};
