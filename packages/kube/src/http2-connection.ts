import {
  type ClientHttp2Session,
  constants,
  type OutgoingHttpHeaders,
  connect as speakHttp2,
} from 'node:http2';
import { isIP } from 'node:net';
import { type SecureContext, connect as secure, type TLSSocket } from 'node:tls';
import { reasonOf } from './abort.ts';
import { type Fence, giveUpInTime } from './fence.ts';
import type { Answer } from './transport.ts';

/** How the server proves itself, and we to it. */
export interface Security {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
  /** Where it differs from the host of the address. */
  readonly servername?: string;
}

/** Milliseconds. */
export interface ConnectionPatience {
  /** A server that says nothing for so long while the connection is made is given up: everybody waits for it. */
  readonly openMs: number;
  /** A request without a word for so long ends. */
  readonly silenceMs: number;
  /** A connection that nobody used for so long is closed. */
  readonly idleMs: number;
  /** While somebody waits, the server is asked so often whether it is there; two questions without a word to either and it is not. */
  readonly beatMs: number;
}

/** One request, ready to be sent. */
export interface Exchange {
  /** With HTTP/2's own, which begin with a colon. */
  readonly headers: OutgoingHttpHeaders;
  readonly payload: Buffer | undefined;
  readonly fence?: Fence | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The server has not worked on the request: it may be sent again, whatever it is. */
export class NotSent extends Error {}

/** Below what an API server lets pass at once (100): none may wait inside the library, where the fence does not see it. */
const mostStreams = 90;
/** For one answer, and for all of them: a long list is not to wait for its own acknowledgements. */
const windows = { stream: 2 ** 24, connection: 2 ** 26 } as const;
/** Where Node's own bounds are reached it throws answers away: 10 MB of bodies on their way to the server, 128 headers of one answer (an API server warns in up to 4 KiB of them). */
const bounds = { maxSessionMemory: 2 ** 10, maxHeaderListPairs: 2 ** 10 } as const;

/** A connection over which requests go side by side (HTTP/2, RFC 9113). Undefined where the server speaks HTTP/1.1 only; rejects with Node's error. */
export async function openHttp2(
  server: URL,
  security: Security,
  patience: ConnectionPatience,
): Promise<Http2Connection | undefined> {
  const socket = await handshake(server, security, patience);
  if (socket.alpnProtocol !== 'h2') {
    socket.destroy();
    return undefined;
  }
  socket.setNoDelay(true);
  const session = speakHttp2(server.origin, {
    createConnection: () => socket,
    ...bounds,
    settings: { enablePush: false, initialWindowSize: windows.stream },
  });
  await new Promise<void>((ready, failed) => {
    session.once('error', failed);
    session.once('connect', () => {
      session.off('error', failed);
      ready();
    });
  });
  session.setLocalWindowSize(windows.connection);
  return new Http2Connection(session, patience);
}

/** The host of an address, of IPv6 without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function handshake(server: URL, security: Security, { openMs }: ConnectionPatience): Promise<TLSSocket> {
  const host = hostOf(server);
  return new Promise((done, failed) => {
    const socket = secure({
      host,
      port: Number(server.port || 443),
      ALPNProtocols: ['h2', 'http/1.1'],
      ...(isIP(host) ? {} : { servername: host }),
      ...security,
    });
    socket.setTimeout(openMs, () => socket.destroy(unanswered(openMs)));
    socket.once('error', failed);
    socket.once('secureConnect', () => {
      socket.off('error', failed);
      socket.setTimeout(0);
      done(socket);
    });
  });
}

/** A connection that stands. It keeps the process alive while a request is under way, and ends by itself when it is not used any more. */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #patience: ConnectionPatience;
  readonly #waiting = new Set<() => void>();
  #active = 0;
  #isLeaving = false;
  #idleSince = performance.now();
  #unheard = 0;
  /** Bytes of bodies that the library may still hold. */
  #unsent = 0;
  #beat: NodeJS.Timeout;

  constructor(session: ClientHttp2Session, patience: ConnectionPatience) {
    this.#session = session;
    this.#patience = patience;
    session.unref();
    // What goes wrong is told by the requests that it happens to.
    session.on('error', () => {});
    session.on('goaway', () => this.#leave());
    session.on('remoteSettings', () => this.#wakeAll());
    session.once('close', () => {
      clearTimeout(this.#beat);
      this.#leave();
    });
    this.#beat = this.#nextBeat();
  }

  /** False once it takes no more requests. */
  get isOpen(): boolean {
    return !this.#isLeaving && !this.#session.closed && !this.#session.destroyed;
  }

  /** Rejects with the connection's error, NotSent, what the fence throws, and the signal's reason; never resolves with an answer that is not whole. */
  async exchange(exchange: Exchange): Promise<Answer> {
    await this.#takePlace(exchange.signal);
    try {
      return await this.#send(exchange);
    } finally {
      if (--this.#active === 0) {
        this.#idleSince = performance.now();
        if (!this.#session.destroyed) this.#session.unref();
      }
      this.#wakeOne();
    }
  }

  async #takePlace(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      if (signal?.aborted) {
        this.#wakeOne();
        throw reasonOf(signal);
      }
      if (!this.isOpen) throw new NotSent('the connection has ended');
      if (this.#active < this.#most) {
        if (this.#active++ === 0) this.#session.ref();
        return;
      }
      await new Promise<void>((wake) => {
        const go = (): void => {
          this.#waiting.delete(go);
          signal?.removeEventListener('abort', go);
          wake();
        };
        this.#waiting.add(go);
        signal?.addEventListener('abort', go);
      });
    }
  }

  /** Where the server takes none at all, the first finds out for how long. */
  get #most(): number {
    const { maxConcurrentStreams = mostStreams } = this.#session.remoteSettings;
    return Math.max(1, Math.min(mostStreams, maxConcurrentStreams));
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #wakeOne(): void {
    const [first] = this.#waiting;
    first?.();
  }

  #send({ headers, payload, fence, signal }: Exchange): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw reasonOf(signal);
      fence?.guard();
      const stream = this.#session.request(headers, { endStream: payload === undefined });
      const { silenceMs } = this.#patience;
      const giveUp = (error: unknown): void => {
        reject(error);
        // close() would send the end of the request first.
        stream.destroy(new Error('given up'));
      };
      const abort = (): void => giveUp(signal && reasonOf(signal));
      // A body may have waited for the server's windows, out of the fence's sight, and the process may have been stopped meanwhile. Without its end it is not carried out.
      const endFenced = (): void => {
        try {
          fence?.guard();
          stream.end();
        } catch (late) {
          giveUp(late);
        }
      };
      const endWatch = fence ? giveUpInTime(fence, giveUp) : undefined;
      signal?.addEventListener('abort', abort, { once: true });
      stream.setTimeout(silenceMs, () => giveUp(unanswered(silenceMs)));
      const chunks: Buffer[] = [];
      let answer: Omit<Answer, 'text'> | undefined;
      stream.once('response', ({ ':status': status = 0, ...rest }) => {
        endWatch?.();
        answer = { status: Number(status), headers: joined(rest) };
      });
      stream.on('data', (chunk: Buffer) => {
        this.#unheard = 0;
        chunks.push(chunk);
      });
      // Not where the connection ends before the answer does, whatever the stream's code is then.
      stream.once('end', () => {
        if (!answer || stream.rstCode !== constants.NGHTTP2_NO_ERROR || isShort(answer, chunks)) return;
        resolve({ ...answer, text: Buffer.concat(chunks).toString('utf8') });
        // It came before the request was read: nobody wants the rest.
        if (!stream.writableFinished) stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on('error', (error) =>
        reject(stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? refused() : error),
      );
      stream.once('close', () => {
        endWatch?.();
        signal?.removeEventListener('abort', abort);
        reject(stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? refused() : hungUp());
      });
      if (!payload) return;
      this.#unsent += payload.length;
      const sent = (): void => {
        this.#unsent -= payload.length;
      };
      if (!fence || this.#fits(payload.length)) stream.end(payload, sent);
      else
        stream.write(payload, (error) => {
          sent();
          if (!error) endFenced();
        });
    });
  }

  /** True for a body that leaves at once: no window of the server's is in its way, whatever else has not left yet. */
  #fits(length: number): boolean {
    const { remoteSettings, state } = this.#session;
    return length <= (remoteSettings.initialWindowSize ?? 0) && this.#unsent <= (state.remoteWindowSize ?? 0);
  }

  /** What is under way may end; nothing new begins. */
  #leave(): void {
    this.#isLeaving = true;
    this.#wakeAll();
  }

  /** Where it was this process that was busy or stopped, what came meanwhile is read first. */
  #nextBeat(): NodeJS.Timeout {
    const { beatMs } = this.#patience;
    return setTimeout(() => setImmediate(() => this.#listen()), beatMs).unref();
  }

  #listen(): void {
    if (this.#session.destroyed) return;
    this.#beat = this.#nextBeat();
    if (this.#active === 0) {
      if (performance.now() - this.#idleSince >= this.#patience.idleMs) this.#session.close();
      this.#unheard = 0;
      return;
    }
    if (this.#unheard >= 2) {
      this.#session.destroy(hungUp('the server does not answer any more'));
      return;
    }
    this.#unheard += 1;
    this.#session.ping(() => {
      this.#unheard = 0;
    });
  }
}

/** A reset that claims to be no error ends an answer as its end does. */
function isShort({ headers }: Pick<Answer, 'headers'>, chunks: readonly Buffer[]): boolean {
  const length = headers['content-length'];
  return length !== undefined && Number(length) !== chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function refused(): NotSent {
  return new NotSent('the server took no more requests on this connection');
}

/** Of a request, or of a connection that is being made. */
export function unanswered(silenceMs: number): Error {
  return new Error(`no answer within ${silenceMs / 1000} s`);
}

function hungUp(reason = 'the connection broke off before the whole answer came'): Error {
  return Object.assign(new Error(reason), { code: 'ECONNRESET' });
}

/** Several headers of one name are one, as over HTTP/1.1. */
function joined(
  headers: Readonly<Record<string, string | string[] | number | undefined>>,
): Answer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name.startsWith(':')
        ? []
        : [[name, Array.isArray(value) ? value.join(', ') : String(value)]],
    ),
  );
}
