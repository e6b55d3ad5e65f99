import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer as createHttp2, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { KubeApi } from '@zakenak/core';
import { createKubeApi } from '../kube-api.ts';
import { createRequester } from '../requester.ts';
import { createTransport } from '../transport.ts';
import type { WatchPolicy } from '../watch.ts';
import { issueCertificate } from './certificate.ts';

/** A request as the server saw it. */
interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Answers one request, on the raw response: it may also cut the connection. */
export type Play = (request: SeenRequest, response: ServerResponse) => void;

/** An HTTP server on loopback that plays the API server, and a KubeApi connected to it. */
export interface PlayedServer extends AsyncDisposable {
  readonly url: string;
  readonly kube: KubeApi;
  readonly requests: readonly SeenRequest[];
}

/** What the played servers speak, and how many requests a client has on the way at most. */
const protocols = { 'http/1.1': { most: 32 }, h2: { most: 90 } } as const;
let spoken: keyof typeof protocols = 'http/1.1';

/** From now on played servers speak this; watches stay with HTTP/1.1. */
export function playOver(protocol: keyof typeof protocols): void {
  spoken = protocol;
}

/** How many requests a client has on the way at most. */
export function mostRequests(): number {
  return protocols[spoken].most;
}

/** Starts a server that answers discovery by itself (Pods, ConfigMaps, Nodes, SelfSubjectAccessReviews) and everything else through `play`. */
export async function playServer(play: Play, watch?: WatchPolicy): Promise<PlayedServer> {
  const requests: SeenRequest[] = [];
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const url = new URL(incoming.url ?? '/', 'http://loopback');
    const text = Buffer.concat(chunks).toString('utf8');
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: incoming.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    requests.push(request);
    if (url.pathname === '/api') sendAggregated(response, core);
    else if (url.pathname === '/apis') sendAggregated(response, reviews);
    else play(request, response);
  };
  const proof = spoken === 'h2' ? await issueCertificate() : undefined;
  const server: Server = proof
    ? createHttp2({ ...proof, allowHTTP1: true }, (incoming, response) =>
        handle(incoming as unknown as IncomingMessage, cuttable(response)),
      )
    : createHttp1(handle);
  const sockets = new Set<Socket>();
  for (const event of ['connection', 'secureConnection'])
    server.on(event, (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `${proof ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    kube: await connectTo(url, watch, proof?.cert),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Over HTTP/2 `destroy` ends the whole connection too: the one that all requests share. */
function cuttable(response: Http2ServerResponse | ServerResponse): ServerResponse {
  if (!('stream' in response)) return response as ServerResponse;
  const { stream } = response;
  return Object.defineProperties(response, {
    destroy: { value: () => stream.session?.destroy() },
    writableFinished: { get: () => stream.writableFinished && stream.rstCode === 0 },
  }) as unknown as ServerResponse;
}

/** A KubeApi without credentials and with short patience. */
export async function connectTo(server: string, watch?: WatchPolicy, authority?: string): Promise<KubeApi> {
  const target = {
    path: 'kubeconfig',
    context: 'played',
    namespace: 'default',
    cluster: {
      server,
      ...(authority ? { 'certificate-authority-data': Buffer.from(authority).toString('base64') } : {}),
    },
    user: {},
  };
  const transport = await createTransport(target, {
    current: async () => ({ headers: {} }),
    renew: () => false,
  });
  const retries = { patienceMs: 2_000, firstPatienceMs: 200, firstPauseMs: 5, longestPauseMs: 20 };
  const api = { context: 'played', server, namespace: 'default' };
  return createKubeApi(api, createRequester(transport, api, retries), watch);
}

/** Sends JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A Status object. */
export function status(code: number, reason: string, details: unknown = {}): unknown {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: `${reason} it is`,
    reason,
    code,
    details,
  };
}

/** A pod at a resourceVersion. */
export function pod(name: string, resourceVersion: string, uid: string = name): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', resourceVersion, uid },
  };
}

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const core = {
  items: [
    {
      metadata: {},
      versions: [
        {
          version: 'v1',
          resources: [
            resource('pods', 'Pod', 'Namespaced', ['log', 'status']),
            resource('configmaps', 'ConfigMap', 'Namespaced'),
            resource('nodes', 'Node', 'Cluster'),
          ],
        },
      ],
    },
  ],
};

const reviews = {
  items: [
    {
      metadata: { name: 'authorization.k8s.io' },
      versions: [
        {
          version: 'v1',
          resources: [resource('selfsubjectaccessreviews', 'SelfSubjectAccessReview', 'Cluster')],
        },
      ],
    },
    // Its own server does not answer.
    { metadata: { name: 'silent.example.com' }, versions: [{ version: 'v1', freshness: 'Stale' }] },
  ],
};

function resource(name: string, kind: string, scope: string, subresources: readonly string[] = []): unknown {
  return {
    resource: name,
    responseKind: { group: '', version: 'v1', kind },
    scope,
    verbs,
    subresources: subresources.map((subresource) => ({ subresource })),
  };
}

function sendAggregated(response: ServerResponse, body: object): void {
  const type = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  sendJson(response, 200, { kind: 'APIGroupDiscoveryList', ...body }, { 'content-type': type });
}
