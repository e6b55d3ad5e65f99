import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeApi } from '@zakenak/core';
import { createKubeApi } from '../kube-api.ts';
import { createRequester } from '../requester.ts';
import { createTransport } from '../transport.ts';
import type { WatchPolicy } from '../watch.ts';

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

/** Starts a server that answers discovery by itself (Pods, ConfigMaps, Nodes, SelfSubjectAccessReviews) and everything else through `play`. */
export async function playServer(play: Play, watch?: WatchPolicy): Promise<PlayedServer> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (incoming, response) => {
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
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    kube: await connectTo(url, watch),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A KubeApi without credentials and with short patience. */
export async function connectTo(server: string, watch?: WatchPolicy): Promise<KubeApi> {
  const target = {
    path: 'kubeconfig',
    context: 'played',
    namespace: 'default',
    cluster: { server },
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

function sendAggregated(response: ServerResponse, body: unknown): void {
  const type = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  sendJson(response, 200, body, { 'content-type': type });
}
