import type { Clock, Http } from '@zakenak/core';
import { forgeError } from './errors.ts';

const attempts = 4;
const longestWaitMs = 30_000;

/** An answer of a forge's API; `data` is text where it is no JSON. */
export interface Answer {
  readonly status: number;
  readonly data: unknown;
}

/** What a JSON API of a forge is asked through. */
export interface RestOptions {
  /** The forge's name in messages. */
  readonly forge: string;
  /** Address that paths are put behind. */
  readonly baseUrl: string;
  /** Sent with every request, so the credential too: only ever to the origin of `baseUrl`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly http: Http;
  readonly clock: Clock;
  /** See Http. */
  readonly proxy?: string;
  /** Ends the waits between attempts. */
  readonly signal?: AbortSignal;
}

/** A JSON API: `ask` gives any answer, `attempt` names what was being done in the error. */
export interface Rest {
  ask(method: string, path: string, body?: object): Promise<Answer>;
  attempt<T>(operation: string, body: () => Promise<T>): Promise<T>;
}

/**
 * A client of a forge's JSON API. 429 and 5xx are asked again, three times, after what Retry-After says (RFC 9110, 10.2.3), else after 1, 2 and 4 seconds; a
 * longer wait than 30 seconds is a refusal. Redirects are not followed, and an address of another origin is never asked: the token would go along.
 */
export function createRest(options: RestOptions): Rest {
  const { forge, headers, http, clock, proxy, signal } = options;
  const base = options.baseUrl.replace(/\/$/, '');
  const ask: Rest['ask'] = async (method, path, body) => {
    const url = path.startsWith('/') ? `${base}${path}` : path;
    if (new URL(url).origin !== new URL(base).origin)
      throw new Error(`it names an address of another origin, ${new URL(url).origin}, which is not asked`);
    for (let attempt = 1; ; attempt += 1) {
      const answer = await http.request({
        url,
        method,
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(proxy ? { proxy } : {}),
      });
      const wait = waitBeforeRetry(answer.status, answer.headers['retry-after'], attempt, clock);
      if (wait === undefined)
        return { status: answer.status, data: parse(Buffer.from(answer.body).toString('utf8')) };
      await clock.sleep(wait, signal);
    }
  };
  return {
    ask,
    async attempt(operation, body) {
      try {
        return await body();
      } catch (thrown) {
        throw forgeError(forge, operation, thrown);
      }
    },
  };
}

/** What was answered, where that is no refusal. */
export function accept({ status, data }: Answer): unknown {
  if (status < 300) return data;
  const text = status < 400 ? 'a redirect, which is not followed' : messageOf(data);
  throw Object.assign(new Error(`${status} ${text}`), { status });
}

/** The text of a refusal, in the shapes of GitLab, Bitbucket and Azure. */
export function messageOf(data: unknown): string {
  const { message, error } = record(data);
  const text = message ?? record(error)['message'] ?? error ?? data;
  return (typeof text === 'string' ? text : JSON.stringify(text)).slice(0, 300);
}

/** The value as an object; an empty one where it is none. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** The value as objects; none where it is no list. */
export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

/** Milliseconds until a forge is asked again after its `attempt`th answer, counted from 1; undefined where it is not. */
export function waitBeforeRetry(
  status: number,
  retryAfter: string | undefined,
  attempt: number,
  clock: Clock,
): number | undefined {
  const asked = retryAfterMs(retryAfter, clock);
  // GitHub says so of its secondary limits; no other refusal names a time.
  const passes = status === 429 || status >= 500 || (status === 403 && asked !== undefined);
  const wait = asked ?? 1_000 * 2 ** (attempt - 1);
  return passes && attempt < attempts && wait <= longestWaitMs ? wait : undefined;
}

function retryAfterMs(header: string | undefined, clock: Clock): number | undefined {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - clock.now().getTime();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
