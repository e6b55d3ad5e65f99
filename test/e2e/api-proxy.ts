import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { Agent, type RequestOptions, request as requestHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Sandbox } from '@zakenak/sandbox';

/** In front of the sandbox's API server, speaking HTTP/2 and HTTP/1.1 as it does, where a test can see writes and step in. */
export interface ApiProxy extends AsyncDisposable {
  /** Absolute path of a kubeconfig that leads here. */
  readonly kubeconfig: string;
  /** Writes so far: dry runs, renewals of Leases and questions about one's own rights do not count. */
  readonly writes: number;
  /** All requests so far. */
  readonly requests: number;
  /** Calls `act` once the `nth` write from now has been done by the server, before its answer is handed on. */
  afterWrite(nth: number, act: () => void): void;
  /** Answers a request in place of the server where `decide` returns a status; an error where no body is given. */
  intercept(decide: (request: IncomingMessage) => PlayedAnswer | Disturbance | undefined): void;
  /** How many requests are held back. */
  readonly held: number;
  /** Sends what was held back on to the server, whether or not anybody still waits for it; the statuses that it answered with. */
  letGo(): Promise<readonly number[]>;
}

/**
 * What happens to a request on the way; where something breaks off, it is the whole connection. `drop`: it never arrives. `lose`: it is carried out and its answer lost. `cut`: the answer breaks off in the middle. `stall`:
 * it arrives, and nothing is ever heard again. `double`: each line of the answer comes twice. `hold`: it arrives when it is let go, and its answer never.
 */
export type Disturbance = 'drop' | 'lose' | 'cut' | 'stall' | 'double' | 'hold';

/** An answer that the server did not give. */
export interface PlayedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the error. */
  readonly message?: string;
  readonly reason?: string;
  /** In place of an error. */
  readonly text?: string;
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string };
  }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** Starts a proxy of its own; it ends when it is disposed of. */
export async function startApiProxy(
  sandbox: Pick<Sandbox, 'kubeconfig' | 'folder'>,
  { token }: { readonly token?: string } = {},
): Promise<ApiProxy> {
  const { server, agent, authority } = await readTarget(sandbox);
  let [writes, requests] = [0, 0];
  let trap: { left: number; readonly act: () => void } | undefined;
  const held: (() => Promise<number>)[] = [];
  const sockets = new Set<Socket>();
  // Over HTTP/2 too it is the connection that breaks: the one that all of a client's requests share.
  const breakOff = ({ socket }: IncomingMessage): void => {
    const port = socket.remotePort;
    for (const one of sockets) if (one.remotePort === port) one.destroy();
  };
  let decide: Parameters<ApiProxy['intercept']>[0] = () => undefined;
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const decision = decide(incoming);
    if (decision === 'drop') {
      breakOff(incoming);
      return;
    }
    if (decision === 'stall') {
      // Headers alone: an open stream without a word.
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.flushHeaders();
      return;
    }
    if (typeof decision === 'object') {
      refuse(outgoing, decision);
      return;
    }
    requests += 1;
    let counts = isWrite(incoming);
    const asked = {
      agent,
      host: server.hostname,
      port: server.port,
      path: incoming.url,
      method: incoming.method,
      headers: { ...forwardable(incoming.headers), host: server.host },
    };
    if (decision === 'hold') {
      const body = readAll(incoming);
      held.push(async () => send(asked, await body));
      return;
    }
    const forwarded = requestHttps(asked, (answer) => {
      if (counts) writes += 1;
      if (counts && trap && --trap.left === 0) trap.act();
      handOn(answer, outgoing, decision, () => breakOff(incoming));
      answer.on('error', () => breakOff(incoming));
    });
    forwarded.on('error', () => breakOff(incoming));
    outgoing.on('close', () => forwarded.destroy());
    const lease: Buffer[] = [];
    incoming.once('end', () => {
      counts ||= changesHands(Buffer.concat(lease).toString());
    });
    if (isLeaseUpdate(incoming)) incoming.on('data', (chunk: Buffer) => lease.push(chunk));
    incoming.pipe(forwarded);
  };
  const listener = createSecureServer(
    { ...(await readProof(sandbox)), allowHTTP1: true },
    // As Node promises: the same surface for both.
    handle as unknown as Parameters<typeof createSecureServer>[1],
  );
  listener.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((ready) => listener.listen(0, '127.0.0.1', ready));
  const { port } = listener.address() as AddressInfo;
  const kubeconfig = join(sandbox.folder, `proxy-${port}.json`);
  await writeFile(kubeconfig, JSON.stringify(renderKubeconfig(port, authority, token)), { mode: 0o600 });
  return {
    kubeconfig,
    get requests() {
      return requests;
    },
    get writes() {
      return writes;
    },
    afterWrite(nth, act) {
      trap = { left: nth, act };
    },
    intercept(by) {
      decide = by;
    },
    get held() {
      return held.length;
    },
    letGo: () => Promise.all(held.splice(0).map((go) => go())),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await new Promise((closed) => listener.close(closed));
    },
  };
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The status of the answer. */
function send(asked: RequestOptions, body: Buffer): Promise<number> {
  return new Promise((done, failed) => {
    const request = requestHttps(asked, (answer) => {
      answer.resume();
      answer.once('end', () => done(answer.statusCode ?? 0));
    });
    request.on('error', failed);
    request.end(body);
  });
}

function handOn(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  how: Disturbance | undefined,
  breakOff: () => void,
): void {
  if (how === 'lose') {
    answer.resume();
    answer.once('end', breakOff);
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
  if (how === 'cut')
    answer.once('data', (chunk: Buffer) => {
      outgoing.write(chunk.subarray(0, chunk.length / 2), breakOff);
      answer.resume();
    });
  else if (how === 'double') answer.on('data', doubling(outgoing)).once('end', () => outgoing.end());
  else answer.pipe(outgoing);
}

/** Writes each whole line twice. */
function doubling(outgoing: ServerResponse): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) outgoing.write(`${line}\n${line}\n`);
  };
}

/** The proxy proves itself with the sandbox's certificate; what begins with a colon is HTTP/2's own. */
function forwardable({
  authorization: _token,
  ...headers
}: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));
}

/** Headers of one connection are not for the next. */
function withoutHops({
  connection: _connection,
  'transfer-encoding': _encoding,
  'keep-alive': _alive,
  ...headers
}: IncomingMessage['headers']): IncomingMessage['headers'] {
  return headers;
}

/** The certificate of the sandbox's servers on loopback. */
async function readProof({
  folder,
}: Pick<Sandbox, 'folder'>): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const [cert, key] = await Promise.all(
    ['crt', 'key'].map((end) => readFile(join(folder, 'secrets', `loopback.${end}`))),
  );
  return { cert: cert ?? Buffer.of(), key: key ?? Buffer.of() };
}

function isWrite({ method = '', url = '' }: IncomingMessage): boolean {
  if (method === 'GET' || url.includes('dryRun=')) return false;
  // Asked with POST, and nothing is stored.
  if (/^\/apis\/(?:authorization|authentication)\.k8s\.io\//.test(url)) return false;
  return !url.includes('/leases') || method === 'POST';
}

function isLeaseUpdate({ method, url = '' }: IncomingMessage): boolean {
  return method === 'PUT' && url.includes('/leases/');
}

/** True for the body of a Lease that is taken or given back, and not only renewed. */
function changesHands(body: string): boolean {
  if (body === '') return false;
  const { spec } = JSON.parse(body) as { readonly spec: Readonly<Record<string, unknown>> };
  return spec['holderIdentity'] === '' || spec['acquireTime'] === spec['renewTime'];
}

function refuse(
  outgoing: ServerResponse,
  { status, headers = {}, message = 'played by the test', reason, text }: PlayedAnswer,
): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
  outgoing.end(
    text ??
      JSON.stringify({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: status,
        reason,
        message,
      }),
  );
}

/** Address of the sandbox’s API server, and connections that prove themselves with its certificate. */
export async function readTarget(
  sandbox: Pick<Sandbox, 'kubeconfig'>,
): Promise<{ readonly server: URL; readonly agent: Agent; readonly authority: string }> {
  const { clusters, users } = JSON.parse(await readFile(sandbox.kubeconfig, 'utf8')) as Kubeconfig;
  const cluster = clusters[0]?.cluster;
  const user = users[0]?.user ?? {};
  const decode = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');
  const agent = new Agent({
    keepAlive: true,
    ca: decode(cluster?.['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  });
  const authority = cluster?.['certificate-authority-data'] ?? '';
  return { server: new URL(cluster?.server ?? ''), agent, authority };
}

function renderKubeconfig(port: number, authority: string, token: string | undefined): unknown {
  const name = 'zakenak-sandbox';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      { name, cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': authority } },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [{ name, user: token === undefined ? {} : { token } }],
  };
}
