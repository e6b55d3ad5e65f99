import { once } from 'node:events';
import {
  createSecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import {
  type ConnectionPatience,
  type Exchange,
  type Http2Connection,
  openHttp2,
} from '../http2-connection.ts';
import { issueCertificate } from './certificate.ts';

/** Of the servers here. */
export const proof = await issueCertificate();
/** Of the connections here, where nothing is said. */
export const usual: ConnectionPatience = { openMs: 10_000, silenceMs: 10_000, idleMs: 10_000, beatMs: 1_000 };

/** An HTTP/2 server that does as it is told, and a connection to it. */
export async function connected(
  onStream: (stream: ServerHttp2Stream, path: string) => void,
  patience: Partial<ConnectionPatience> = {},
  settings: Settings = {},
) {
  const server = createSecureServer({ ...proof, settings });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, String(headers[':path']));
  });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  const url = await listen(server);
  const connection = await open(url, patience);
  if (!connection) throw new Error('HTTP/1.1 was spoken');
  return {
    url,
    connection,
    sessions,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** On loopback; its address. */
export async function listen(
  server: { listen(port: number, host: string): unknown; address(): unknown } & Pick<Http2Server, 'once'>,
): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server as Http2Server, 'listening');
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** A connection that trusts the servers here. */
export function open(
  url: URL,
  patience: Partial<ConnectionPatience> = {},
): Promise<Http2Connection | undefined> {
  const secureContext = createSecureContext({ ca: proof.cert });
  return openHttp2(url, { secureContext, rejectUnauthorized: true }, { ...usual, ...patience });
}

/** A GET. */
export function get(path: string, signal?: AbortSignal): Exchange {
  return { headers: { ':method': 'GET', ':path': path }, payload: undefined, signal };
}

/** Ends a stream well. */
export const answer = (stream: ServerHttp2Stream, text = 'ok'): void => {
  stream.respond({ ':status': 200 });
  stream.end(text);
};
