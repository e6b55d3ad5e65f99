import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a stand-in sees it. */
export interface Call {
  readonly method: string;
  /** As it was sent: a whole address where a proxy is asked. */
  readonly target: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly sent: unknown;
}

/** What a stand-in answers; `data` that is text is sent as it is. */
export interface Reply {
  readonly status: number;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A forge on loopback. */
export interface StandIn {
  readonly origin: string;
  /** `METHOD /path` of everything that was asked. */
  readonly calls: string[];
  /** Answered once each, first to last, before the stand-in itself is asked: what a forge says in trouble. */
  readonly faults: { readonly on: RegExp; readonly reply: Reply }[];
  /** Runs before every answer. */
  before?: (call: Call) => Promise<void>;
  close(): void;
}

/** Starts a forge that answers by `answer`. */
export async function startStandIn(answer: (call: Call, origin: string) => Reply): Promise<StandIn> {
  const server = createServer(async (request, response) => {
    const target = request.url ?? '/';
    const text = Buffer.concat(await request.toArray()).toString('utf8');
    const call: Call = {
      method: request.method ?? 'GET',
      target,
      url: new URL(target, standIn.origin),
      headers: request.headers,
      sent: text === '' ? undefined : JSON.parse(text),
    };
    const line = `${call.method} ${call.url.pathname}`;
    standIn.calls.push(line);
    await standIn.before?.(call);
    const at = standIn.faults.findIndex(({ on }) => on.test(line));
    const [fault] = at < 0 ? [] : standIn.faults.splice(at, 1);
    const { status, data, headers } = fault?.reply ?? answer(call, standIn.origin);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof data === 'string' || data === undefined ? data : JSON.stringify(data));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const standIn: StandIn = {
    origin,
    calls: [],
    faults: [],
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return standIn;
}

/** What is wrong with a request's body: the first of the claims that does not hold. */
export function firstFault(claims: Readonly<Record<string, boolean>>): string | undefined {
  return Object.entries(claims).find(([, holds]) => !holds)?.[0];
}

/** The body as an object of no other keys than these; undefined where it is none. */
export function only(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.keys(value).every((key) => keys.includes(key)) ? (value as never) : undefined;
}

/** Whether the value is text of so many characters. */
export function isText(value: unknown, most: number, least = 1): value is string {
  return typeof value === 'string' && value.length >= least && value.length <= most;
}

/** Lets the first two requests for the list wait for each other: two jobs that find nothing at once. */
export function holdFirstLists(standIn: StandIn, list: RegExp): void {
  let arrived = 0;
  let release = () => {};
  const both = new Promise<void>((resolve) => {
    release = resolve;
  });
  standIn.before = async ({ method, url }) => {
    if (method !== 'GET' || !list.test(url.pathname)) return;
    arrived += 1;
    if (arrived === 2) release();
    await both;
  };
}
