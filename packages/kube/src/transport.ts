import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import tlsOfNode, { createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';
import { reasonOf, waitUntil } from './abort.ts';
import { type Credential, type Credentials, readPem } from './credentials.ts';
import { badKubeconfig } from './errors.ts';
import { expiryOf } from './expiry.ts';
import { type Fence, giveUpInTime } from './fence.ts';
import { type Exchange, type Http2Connection, hostOf, openHttp2, unanswered } from './http2-connection.ts';
import type { Target } from './kubeconfig.ts';

/** One request to the API server. */
export interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** Of a write. */
  readonly fence?: Fence | undefined;
}

/** An answer whose body has been read as UTF-8. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Requests over kept-alive connections, authenticated. Connection errors reject with Node's own error, an abort with the signal's reason. */
export interface Transport {
  send(outgoing: Outgoing): Promise<Answer>;
  /** The answer with its body still to be read, on a connection of its own. */
  open(outgoing: Outgoing): Promise<IncomingMessage>;
  /** Asks for another credential than the one that got this answer; false when there is none. */
  renew(refusal: Answer | IncomingMessage): boolean;
  /** That the credential sent last has run out, where it tells so itself. */
  expired(): string | undefined;
}

const mostConnections = 32;
/** Below the API server's 90 s, so that a request never meets a connection that the server is just closing. */
const idleConnectionMs = 30_000;
/** Above the API server's own limit of 60 s for one request. */
const silenceMs = 90_000;

/** The handshake's limit is client-go's. */
const connectionPatience = { openMs: 10_000, silenceMs, idleMs: idleConnectionMs, beatMs: 2_000 };

interface Agents {
  /** The connection for everything but watches; undefined where the server speaks HTTP/1.1 only. */
  readonly shared?: () => Promise<Http2Connection | undefined>;
  readonly pooled: HttpAgent;
  readonly single: HttpAgent;
}

/** A transport to the target's server. Throws `kube/bad-kubeconfig` when address or TLS settings cannot be used. */
export async function createTransport(target: Target, credentials: Credentials): Promise<Transport> {
  const server = readServer(target);
  const tls = await readTls(target);
  let held: { readonly credential: Credential; readonly agents: Agents } | undefined;
  const sentWith = new WeakMap<object, Credential>();
  const note = <T extends object>(answer: T, credential: Credential): T => {
    sentWith.set(answer, credential);
    return answer;
  };

  const prepare = async () => {
    const credential = await credentials.current();
    // Connections stay with the certificate that they were opened with.
    const same =
      held?.credential.certificate === credential.certificate && held?.credential.key === credential.key;
    if (!held || !same) held = { credential, agents: createAgents(server, target, tls, credential) };
    return { credential, agents: held.agents };
  };

  const start = async (outgoing: Outgoing) => {
    const prepared = await prepare();
    if (outgoing.signal?.aborted) throw reasonOf(outgoing.signal);
    outgoing.fence?.guard();
    return prepared;
  };

  return {
    async send(outgoing) {
      const { credential, agents } = await start(outgoing);
      const shared = agents.shared && (await waitUntil(outgoing.signal, agents.shared()));
      if (shared) return note(await shared.exchange(overHttp2(server, outgoing, credential)), credential);
      const answer = await exchange(server, outgoing, credential, agents.pooled);
      const text = await readAll(answer, outgoing);
      return note({ status: answer.statusCode ?? 0, headers: answer.headers, text }, credential);
    },
    async open(outgoing) {
      const { credential, agents } = await start(outgoing);
      return note(await exchange(server, outgoing, credential, agents.single), credential);
    },
    renew(refusal) {
      const refused = sentWith.get(refusal);
      return refused !== undefined && credentials.renew(refused);
    },
    expired: () => held && expiryOf(held.credential),
  };
}

/** The path of a request on the server, whose address may have one of its own. */
function pathOn(server: URL, path: string): string {
  return server.pathname.replace(/\/$/, '') + path;
}

function payloadOf({ body }: Outgoing): Buffer | undefined {
  return body === undefined ? undefined : Buffer.from(JSON.stringify(body));
}

function headersOf(
  { accept, contentType }: Outgoing,
  payload: Buffer | undefined,
  credential: Credential,
): Readonly<Record<string, string | string[]>> {
  return {
    'user-agent': 'zakenak',
    accept: accept ?? 'application/json',
    ...(payload
      ? { 'content-type': contentType ?? 'application/json', 'content-length': String(payload.length) }
      : {}),
    ...(credential.headers as Record<string, string | string[]>),
  };
}

function overHttp2(server: URL, outgoing: Outgoing, credential: Credential): Exchange {
  const { method, path, fence, signal } = outgoing;
  const payload = payloadOf(outgoing);
  const headers = {
    ':method': method,
    // Node's own leaves out the brackets of IPv6.
    ':authority': server.host,
    ':path': pathOn(server, path),
    ...headersOf(outgoing, payload, credential),
  };
  return { headers, payload, fence, signal };
}

function exchange(
  server: URL,
  outgoing: Outgoing,
  credential: Credential,
  agent: HttpAgent,
): Promise<IncomingMessage> {
  const { method, path, signal, fence } = outgoing;
  const payload = payloadOf(outgoing);
  const send = server.protocol === 'http:' ? requestHttp : requestHttps;
  return new Promise((resolve, reject) => {
    const request = send({
      agent,
      method,
      headers: headersOf(outgoing, payload, credential),
      host: hostOf(server),
      port: server.port || (server.protocol === 'http:' ? 80 : 443),
      path: pathOn(server, path),
      ...(signal ? { signal } : {}),
    });
    request.setTimeout(silenceMs, () => request.destroy(unanswered(silenceMs)));
    request.once('response', resolve);
    // Stays: a connection may fail again after its answer came.
    request.on('error', (error) => reject(signal?.aborted ? reasonOf(signal) : error));
    // It may have waited for a connection, or the process may have been stopped meanwhile: what must not be sent any more has not been by now.
    whenConnected(request, () => {
      try {
        fence?.guard();
        if (fence) {
          const stop = giveUpInTime(fence, (late) => request.destroy(late));
          request.once('close', stop).once('response', stop);
        }
        request.end(payload);
      } catch (refused) {
        request.destroy(refused as Error);
      }
    });
  });
}

/** Calls `then` as soon as the request has a connection on which nothing but itself is missing. */
function whenConnected(request: ClientRequest, then: () => void): void {
  request.once('socket', (socket) => {
    const isSecuring = 'secureConnecting' in socket && socket.secureConnecting === true;
    if (!socket.connecting && !isSecuring) then();
    else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', then);
  });
}

function readAll(answer: IncomingMessage, { signal }: Outgoing): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    answer.on('error', (error) => reject(signal?.aborted ? reasonOf(signal) : error));
  });
}

function readServer(target: Target): URL {
  const { server } = target.cluster;
  const url = URL.parse(server.includes('://') ? server : `https://${server}`);
  if (!url || !/^https?:$/.test(url.protocol))
    throw badKubeconfig(
      target.path,
      `the server of context '${target.context}' is no address`,
      'Set it to https://HOST:PORT.',
    );
  if (url.username || url.password)
    throw badKubeconfig(
      target.path,
      `the server of context '${target.context}' holds a user or password in its address`,
      'Write them as username and password of the user.',
    );
  if (target.cluster['proxy-url'])
    throw badKubeconfig(
      target.path,
      `context '${target.context}' asks for a proxy (proxy-url), which is not supported`,
      'Remove proxy-url and run where the API server can be reached directly.',
    );
  return url;
}

async function readTls(target: Target): Promise<{ readonly authority?: string; readonly insecure: boolean }> {
  const { cluster } = target;
  const insecure = cluster['insecure-skip-tls-verify'] === true;
  const authority = await readPem(
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
    target,
  );
  if (authority !== undefined && !authority.includes('-----BEGIN '))
    throw badKubeconfig(
      target.path,
      `the certificate authority of context '${target.context}' is no PEM`,
      'Fetch the kubeconfig anew from the cluster.',
    );
  if (insecure && authority)
    throw badKubeconfig(
      target.path,
      `context '${target.context}' has both a certificate authority and insecure-skip-tls-verify`,
      'Remove insecure-skip-tls-verify.',
    );
  return { insecure, ...(authority ? { authority } : {}) };
}

function createAgents(
  server: URL,
  target: Target,
  tls: { readonly authority?: string; readonly insecure: boolean },
  credential: Credential,
): Agents {
  const pooled = {
    keepAlive: true,
    maxSockets: mostConnections,
    timeout: idleConnectionMs,
    scheduling: 'lifo' as const,
  };
  const single = { keepAlive: false };
  if (server.protocol === 'http:') return { pooled: new HttpAgent(pooled), single: new HttpAgent(single) };
  const secure = {
    secureContext: secureContextOf(target, {
      minVersion: 'TLSv1.2',
      ...authoritiesOf(tls),
      ...(credential.certificate ? { cert: credential.certificate } : {}),
      ...(credential.key ? { key: credential.key } : {}),
    }),
    rejectUnauthorized: !tls.insecure,
    ...(target.cluster['tls-server-name'] ? { servername: target.cluster['tls-server-name'] } : {}),
  };
  return {
    shared: keepOpen(() => openHttp2(server, secure, connectionPatience)),
    pooled: new HttpsAgent({ ...pooled, ...secure }),
    single: new HttpsAgent({ ...single, ...secure }),
  };
}

/** As with client-go, those that the machine trusts count where the kubeconfig names none; beside them those that Node brings. Node before 22.15 does not tell them. */
function authoritiesOf({
  authority,
  insecure,
}: Awaited<ReturnType<typeof readTls>>): Pick<SecureContextOptions, 'ca'> {
  if (authority || insecure) return authority ? { ca: authority } : {};
  const { getCACertificates } = tlsOfNode as Partial<typeof tlsOfNode>;
  return getCACertificates ? { ca: [...getCACertificates('default'), ...getCACertificates('system')] } : {};
}

/** One connection at a time; another where it has ended. */
function keepOpen(
  open: () => Promise<Http2Connection | undefined>,
): () => Promise<Http2Connection | undefined> {
  let last: Promise<Http2Connection | undefined> | undefined;
  let standing: Http2Connection | undefined;
  return () => {
    if (last && standing?.isOpen !== false) return last;
    standing = undefined;
    const opening = open();
    last = opening;
    opening.then(
      (connection) => {
        standing = connection;
      },
      () => {
        last = undefined;
      },
    );
    return opening;
  };
}

function secureContextOf(
  target: Target,
  options: SecureContextOptions,
): ReturnType<typeof createSecureContext> {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const reason = `the certificates of context '${target.context}' cannot be used`;
    throw badKubeconfig(target.path, reason, 'Fetch the kubeconfig anew from the cluster.', cause);
  }
}
