import type { Forge, Http, StatusState } from '@zakenak/core';
import { forgeError } from '../errors.ts';

/** GitLab refuses a longer note. */
const maxNoteLength = 1_000_000;
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
}

interface Answer {
  readonly status: number;
  readonly data: unknown;
}

type Ask = (method: string, path: string, body?: object) => Promise<Answer>;

/** GitLab's REST API v4 behind the Forge port (docs.gitlab.com: api/notes, api/commits, api/releases). */
export function createGitlabForge({ apiUrl, project, projectUrl, token, http }: GitlabForgeOptions): Forge {
  const base = `${apiUrl.replace(/\/$/, '')}`;
  const own = `/projects/${encodeURIComponent(project)}`;
  const ask: Ask = async (method, path, body) => {
    const { status, body: bytes } = await http.request({
      url: `${base}${path}`,
      method,
      headers: { 'private-token': token, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status, data: parse(Buffer.from(bytes).toString('utf8')) };
  };
  const attempt = async <T>(operation: string, body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (thrown) {
      throw forgeError('GitLab', operation, thrown);
    }
  };
  return {
    name: 'gitlab',
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

/** What was answered, where that is no refusal. */
function accept({ status, data }: Answer): unknown {
  if (status >= 400) throw Object.assign(new Error(`${status} ${messageOf(data)}`), { status });
  return data;
}

async function upsertNote(ask: Ask, notes: string, marker: string, body: string): Promise<unknown> {
  const hidden = `<!-- ${marker} -->`;
  // Anyone may write our marker into a note: only what this token's user wrote counts.
  const { id: me } = record(accept(await ask('GET', '/user')));
  const isOurs = (note: Readonly<Record<string, unknown>>) =>
    String(note['body']).startsWith(hidden) && record(note['author'])['id'] === me;
  const found = await findNote(ask, notes, isOurs);
  const text = { body: cutNote(`${hidden}\n${body}`) };
  const written = found ? await ask('PUT', `${notes}/${found}`, text) : await ask('POST', notes, text);
  return record(accept(written))['id'];
}

async function findNote(
  ask: Ask,
  notes: string,
  isOurs: (note: Readonly<Record<string, unknown>>) => boolean,
): Promise<unknown> {
  for (let page = 1; ; page += 1) {
    const found = accept(await ask('GET', `${notes}?sort=asc&per_page=${notesOfAPage}&page=${page}`));
    const list = Array.isArray(found) ? found.map(record) : [];
    const mine = list.find(isOurs);
    if (mine || list.length < notesOfAPage) return mine?.['id'];
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
  { sha, context, state, description, url }: Parameters<Forge['setStatus']>[0],
): Promise<void> {
  const answer = await ask('POST', `${project}/statuses/${sha}`, {
    state: states[state],
    name: context,
    description: description.slice(0, maxDescriptionLength),
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
): ReturnType<Forge['readVerifications']> {
  const verdicts = new Map<string, { verified: boolean; reason: string }>();
  const read = async (sha: string): Promise<void> => {
    const answer = await ask('GET', `${project}/repository/commits/${sha}/signature`);
    if (answer.status === 404 && /commit/i.test(messageOf(answer.data))) return;
    if (answer.status === 404) verdicts.set(sha, { verified: false, reason: 'unsigned' });
    else verdicts.set(sha, verdictOf(String(record(accept(answer))['verification_status'])));
  };
  for (let from = 0; from < shas.length; from += parallelSignatures)
    await Promise.all(shas.slice(from, from + parallelSignatures).map(read));
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

function cutNote(body: string): string {
  const note = '\n\n_Cut at the forge’s limit: the whole report is in the run’s artefacts._';
  return body.length <= maxNoteLength ? body : body.slice(0, maxNoteLength - note.length) + note;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function messageOf(data: unknown): string {
  const { message, error } = record(data);
  const text = message ?? error ?? data;
  return (typeof text === 'string' ? text : JSON.stringify(text)).slice(0, 300);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
