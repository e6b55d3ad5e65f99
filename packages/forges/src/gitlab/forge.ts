import { type Clock, createLimiter, type FullForge, type Http, type StatusState } from '@zakenak/core';
import { cutComment, keepOneComment, shorten } from '../one-comment.ts';
import { accept, createRest, messageOf, type Rest, record, records } from '../rest.ts';

/** GitLab refuses a longer note. */
const maxNoteLength = 1_000_000;
const roomForMarker = 200;
const maxDescriptionLength = 255;
const notesOfAPage = 100;
const parallelSignatures = 8;

/** Where GitLab's API is and who asks. */
export interface GitlabForgeOptions {
  /** `https://gitlab.example.com/api/v4` */
  readonly apiUrl: string;
  /** Number or path of the project. */
  readonly project: string;
  /** Address of the project's page. */
  readonly projectUrl: string;
  /** A project's, group's or person's access token with the scope `api`: a job's own token may write no notes. */
  readonly token: string;
  readonly http: Http;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

type Ask = Rest['ask'];

/** GitLab's REST API v4 behind the Forge port (docs.gitlab.com: api/notes, api/commits, api/releases). */
export function createGitlabForge(options: GitlabForgeOptions): FullForge {
  const { projectUrl, token } = options;
  const own = `/projects/${encodeURIComponent(options.project)}`;
  const headers = { 'private-token': token };
  const { ask, attempt } = createRest({ ...options, forge: 'GitLab', baseUrl: options.apiUrl, headers });
  return {
    name: 'gitlab',
    maxCommentLength: maxNoteLength - roomForMarker,
    upsertComment: ({ pullRequest, marker, body }) =>
      attempt('write the note', async () => {
        const id = await upsertNote(ask, `${own}/merge_requests/${pullRequest}/notes`, marker, body);
        return `${projectUrl}/-/merge_requests/${pullRequest}#note_${id}`;
      }),
    setStatus: (status) => attempt('set the status', () => setStatus(ask, own, status)),
    readVerifications: (shas) => attempt('read the commits', () => readVerifications(ask, own, shas)),
    requiresSignatures: () => attempt('read the push rules', () => requiresSignatures(ask, own)),
    createRelease: ({ tag, title, notes }) =>
      attempt('create the release', async () => {
        const known = await ask('GET', `${own}/releases/${encodeURIComponent(tag)}`);
        if (known.status === 404)
          accept(await ask('POST', `${own}/releases`, { tag_name: tag, name: title, description: notes }));
        else accept(known);
        return { url: `${projectUrl}/-/releases/${encodeURIComponent(tag)}` };
      }),
  };
}

async function upsertNote(ask: Ask, notes: string, marker: string, body: string): Promise<number> {
  const hidden = `<!-- ${marker} -->`;
  // Anyone may write our marker into a note: only what this token's user wrote counts.
  const { id: me } = record(accept(await ask('GET', '/user')));
  const text = { body: cutComment(`${hidden}\n${body}`, maxNoteLength) };
  return keepOneComment({
    async list() {
      const own = (await readNotes(ask, notes)).filter(
        (note) => String(note['body']).startsWith(hidden) && record(note['author'])['id'] === me,
      );
      return own.map(({ id }) => Number(id));
    },
    create: async () => Number(record(accept(await ask('POST', notes, text)))['id']),
    update: async (id) => accept(await ask('PUT', `${notes}/${id}`, text)),
    async remove(id) {
      const answer = await ask('DELETE', `${notes}/${id}`);
      if (answer.status !== 404) accept(answer);
    },
  });
}

async function readNotes(ask: Ask, notes: string): Promise<Readonly<Record<string, unknown>>[]> {
  const all: Readonly<Record<string, unknown>>[] = [];
  for (let page = 1; ; page += 1) {
    const list = records(accept(await ask('GET', `${notes}?sort=asc&per_page=${notesOfAPage}&page=${page}`)));
    all.push(...list);
    if (list.length < notesOfAPage) return all;
  }
}

/** Push rules (docs.gitlab.com: api/project_push_rules); without the licence for them there are none. */
async function requiresSignatures(ask: Ask, project: string): Promise<boolean | undefined> {
  const answer = await ask('GET', `${project}/push_rule`);
  if (answer.status === 404) return false;
  if (answer.status === 401 || answer.status === 403) return undefined;
  return record(accept(answer))['reject_unsigned_commits'] === true;
}

async function setStatus(
  ask: Ask,
  project: string,
  { sha, context, state, description, url }: Parameters<FullForge['setStatus']>[0],
): Promise<void> {
  const answer = await ask('POST', `${project}/statuses/${sha}`, {
    state: states[state],
    name: context,
    description: shorten(description, maxDescriptionLength),
    ...(url ? { target_url: url } : {}),
  });
  // It is in that state already.
  if (answer.status === 400 && /Cannot transition status/.test(messageOf(answer.data))) return;
  accept(answer);
}

async function readVerifications(
  ask: Ask,
  project: string,
  shas: readonly string[],
): ReturnType<FullForge['readVerifications']> {
  const verdicts = new Map<string, { verified: boolean; reason: string }>();
  const read = async (sha: string): Promise<void> => {
    const answer = await ask('GET', `${project}/repository/commits/${sha}/signature`);
    if (answer.status === 404 && /commit/i.test(messageOf(answer.data))) return;
    if (answer.status === 404) verdicts.set(sha, { verified: false, reason: 'unsigned' });
    else verdicts.set(sha, verdictOf(String(record(accept(answer))['verification_status'])));
  };
  const limit = createLimiter(parallelSignatures);
  let refused = false;
  const readUnlessRefused = async (sha: string) => {
    if (refused) return;
    try {
      await read(sha);
    } catch (thrown) {
      refused = true;
      throw thrown;
    }
  };
  await Promise.all(shas.map((sha) => limit(() => readUnlessRefused(sha))));
  return verdicts;
}

const states: Readonly<Record<StatusState, string>> = {
  pending: 'pending',
  success: 'success',
  failure: 'failed',
  error: 'failed',
};

function verdictOf(status: string): { readonly verified: boolean; readonly reason: string } {
  const verified = status === 'verified' || status === 'verified_system';
  return { verified, reason: verified ? 'valid' : status };
}
