import { type KubeResource, nearest } from '@zakenak/core';
import { unavailableApi, unknownKind } from './errors.ts';
import type { Requester } from './requester.ts';

const aggregated = ['v2', 'v2beta1'].map(
  (version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
);
/** Kinds that every Kubernetes serves, and that a rollout asks for first: no need to wait for the list. */
const everywhere: ReadonlyMap<string, KubeResource> = new Map(
  (
    [
      ['v1', 'ConfigMap', 'configmaps', true],
      ['v1', 'Namespace', 'namespaces', false],
      ['v1', 'Secret', 'secrets', true],
      ['coordination.k8s.io/v1', 'Lease', 'leases', true],
    ] as const
  ).map(([apiVersion, kind, resource, namespaced]) => [
    `${apiVersion} ${kind}`,
    { apiVersion, kind, resource, namespaced, verbs: [], subresources: [] },
  ]),
);
/** How old the list may be when a kind is not in it: a CustomResourceDefinition may have come meanwhile. */
const freshMs = 1_000;

/** The kinds that the server serves. */
export interface Discovery {
  resources(): Promise<readonly KubeResource[]>;
  /** The apiVersions whose own server did not answer. */
  unavailable(): Promise<readonly string[]>;
  /** Throws `kube/unknown-kind` and `kube/unavailable-api`, after having looked again when the list is older than a second. */
  find(apiVersion: string, kind: string): Promise<KubeResource>;
  refresh(): void;
}

/** Discovery in two requests (KEP-3352), or one per group version on servers before Kubernetes 1.27. */
export function createDiscovery(requester: Requester): Discovery {
  let held:
    | {
        readonly found: Promise<Found>;
        readonly at: number;
        readonly index: Promise<ReadonlyMap<string, KubeResource>>;
      }
    | undefined;
  const fill = () => {
    const found = discover(requester);
    const index = found.then(
      ({ resources }) => new Map(resources.map((item) => [`${item.apiVersion} ${item.kind}`, item])),
    );
    const filled = { found, index, at: performance.now() };
    held = filled;
    index.catch(() => {
      if (held === filled) held = undefined;
    });
    return filled;
  };
  return {
    resources: async () => (await (held ?? fill()).found).resources,
    unavailable: async () => (await (held ?? fill()).found).unavailable,
    refresh() {
      held = undefined;
    },
    async find(apiVersion, kind) {
      const current = held ?? fill();
      const known = everywhere.get(`${apiVersion} ${kind}`);
      if (known) return known;
      const found = (await current.index).get(`${apiVersion} ${kind}`);
      if (found) return found;
      // Others may have refreshed while we waited.
      const fresh =
        held && held !== current ? held : performance.now() - current.at > freshMs ? fill() : current;
      const index = await fresh.index;
      const again = index.get(`${apiVersion} ${kind}`);
      if (again) return again;
      const { resources, unavailable } = await fresh.found;
      if (unavailable.includes(apiVersion)) throw unavailableApi(apiVersion, kind);
      throw unknownKind(apiVersion, kind, suggest(resources, apiVersion, kind));
    },
  };
}

function suggest(list: readonly KubeResource[], apiVersion: string, kind: string): string | undefined {
  const sameKind = list.find((item) => item.kind === kind);
  if (sameKind) return `${sameKind.kind} of ${sameKind.apiVersion}`;
  const near = nearest(
    kind,
    list.filter((item) => item.apiVersion === apiVersion).map((item) => item.kind),
  );
  return near && `${near} of ${apiVersion}`;
}

/** What discovery told. */
interface Found {
  readonly resources: readonly KubeResource[];
  /** apiVersions whose own server did not answer. */
  readonly unavailable: readonly string[];
}

function joinFound(parts: readonly Found[]): Found {
  return {
    resources: parts.flatMap(({ resources }) => resources),
    unavailable: parts.flatMap(({ unavailable }) => unavailable),
  };
}

async function discover(requester: Requester): Promise<Found> {
  return joinFound(await Promise.all(['/api', '/apis'].map((path) => discoverRoot(requester, path))));
}

async function discoverRoot(requester: Requester, path: string): Promise<Found> {
  const accept = [...aggregated, 'application/json'].join(',');
  const answer = await requester.send({ method: 'GET', path, accept, idempotent: true });
  const { body } = answer;
  if (String(answer.headers['content-type']).includes('g=apidiscovery.k8s.io')) return readAggregated(body);
  const versions =
    path === '/api'
      ? ((body as { versions?: string[] }).versions ?? []).map((version) => ({
          apiVersion: version,
          path: `/api/${version}`,
        }))
      : ((body as ClassicGroups).groups ?? []).flatMap(({ versions }) =>
          versions.map(({ groupVersion }) => ({ apiVersion: groupVersion, path: `/apis/${groupVersion}` })),
        );
  return joinFound(await Promise.all(versions.map((version) => readClassic(requester, version))));
}

interface ClassicGroups {
  readonly groups?: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[];
}

interface AggregatedList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      /** `Stale`: the server that it comes from did not answer; what is told of it is old, or nothing. */
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly kind?: string };
        readonly scope?: string;
        readonly verbs?: readonly string[];
        readonly subresources?: readonly { readonly subresource: string }[];
      }[];
    }[];
  }[];
}

/** Reads an APIGroupDiscoveryList. */
function readAggregated(body: unknown): Found {
  const all = ((body as AggregatedList).items ?? []).flatMap(({ metadata, versions = [] }) =>
    versions.map((one) => ({
      ...one,
      apiVersion: metadata?.name ? `${metadata.name}/${one.version}` : one.version,
    })),
  );
  return {
    resources: all.flatMap(({ apiVersion, resources = [] }) =>
      resources.map((item) => ({
        apiVersion,
        kind: item.responseKind?.kind ?? '',
        resource: item.resource,
        namespaced: item.scope === 'Namespaced',
        verbs: item.verbs ?? [],
        subresources: (item.subresources ?? []).map(({ subresource }) => subresource),
      })),
    ),
    unavailable: all.filter(({ freshness }) => freshness === 'Stale').map(({ apiVersion }) => apiVersion),
  };
}

async function readClassic(
  requester: Requester,
  { apiVersion, path }: { readonly apiVersion: string; readonly path: string },
): Promise<Found> {
  let body: unknown;
  try {
    body = (await requester.send({ method: 'GET', path, idempotent: true })).body;
  } catch (error) {
    // One broken aggregated API must not hide all the others; its kinds are then unknown.
    if ((error as { status?: number }).status !== undefined)
      return { resources: [], unavailable: [apiVersion] };
    throw error;
  }
  return { resources: readResourceList(body, apiVersion), unavailable: [] };
}

/** Reads an APIResourceList. */
function readResourceList(body: unknown, apiVersion: string): readonly KubeResource[] {
  const all =
    (body as { resources?: readonly { name: string; kind: string; namespaced: boolean; verbs: string[] }[] })
      .resources ?? [];
  return all
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs }) => ({
      apiVersion,
      kind,
      resource: name,
      namespaced,
      verbs,
      subresources: all
        .filter((other) => other.name.startsWith(`${name}/`))
        .map((other) => other.name.slice(name.length + 1)),
    }));
}
