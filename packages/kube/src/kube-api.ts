import type { KubeApi, KubeObject, KubeRef } from '@zakenak/core';
import { waitUntil } from './abort.ts';
import { confirmWrite } from './confirmed-write.ts';
import { createDiscovery, type Discovery } from './discovery.ts';
import { explainBasics } from './errors.ts';
import type { Fence } from './fence.ts';
import { listObjects } from './list.ts';
import { pathOf, queryOf } from './paths.ts';
import type { Request, Requester } from './requester.ts';
import { createWarnings, type Warnings } from './warnings.ts';
import { type WatchPolicy, watchObjects } from './watch.ts';

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

/** Bytes of log read from the end of a container's output at most. */
const mostLogBytes = 8 * 1024 * 1024;

/** KubeApi over a requester. A namespaced object without a namespace goes to the target's. `signal`: see ConnectOptions. */
export function createKubeApi(
  target: KubeApi['target'],
  requester: Requester,
  watchPolicy?: WatchPolicy,
  signal?: AbortSignal,
): KubeApi {
  const shared = createDiscovery(requester);
  const basic = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((thrown: unknown) => {
      throw explainBasics(target, thrown);
    });
  const discovery: Discovery = {
    refresh: shared.refresh,
    resources: () => waitUntil(signal, basic(shared.resources())),
    unavailable: () => waitUntil(signal, basic(shared.unavailable())),
    find: (apiVersion, kind) => waitUntil(signal, basic(shared.find(apiVersion, kind))),
  };
  let version: ReturnType<KubeApi['version']> | undefined;
  const readOnce = () => {
    version ??= basic(readVersion(requester)).catch((error: unknown) => {
      version = undefined;
      throw error;
    });
    return waitUntil(signal, version);
  };
  const refresh = () => {
    version = undefined;
    discovery.refresh();
  };
  const warnings = createWarnings();
  const facts = {
    version: readOnce,
    resources: discovery.resources,
    unavailableApis: discovery.unavailable,
    refreshDiscovery: refresh,
    warnings: warnings.tell,
    aheadMs: requester.aheadMs,
    heldUp: requester.heldUp,
  };
  const build = (guard?: () => void, leftMs?: () => number): KubeApi => ({
    ...createCalls({
      target,
      requester,
      discovery,
      warnings,
      ...(watchPolicy ? { watchPolicy } : {}),
      ...(guard ? { fence: { guard, ...(leftMs ? { leftMs } : {}) } } : {}),
    }),
    ...facts,
    target,
    fenced: build,
  });
  return build();
}

interface CallSetting {
  readonly target: KubeApi['target'];
  readonly requester: Requester;
  readonly discovery: Discovery;
  readonly warnings: Warnings;
  readonly watchPolicy?: WatchPolicy;
  /** Asked before each try of a write, and while one is under way. */
  readonly fence?: Fence;
}

type Facts =
  | 'version'
  | 'resources'
  | 'unavailableApis'
  | 'refreshDiscovery'
  | 'warnings'
  | 'aheadMs'
  | 'heldUp';
type Calls = Omit<KubeApi, 'target' | 'fenced' | Facts>;

function createCalls({ target, requester, discovery, warnings, watchPolicy, fence }: CallSetting): Calls {
  const call = async (
    request: Omit<Request, 'idempotent'> & { readonly idempotent?: boolean },
    about?: KubeRef,
  ) => {
    const { headers, body } = await requester.send({ idempotent: false, ...request });
    if (about) warnings.hear(headers['warning'], about);
    return body as KubeObject;
  };
  const locate = async (ref: KubeRef, query: Parameters<typeof queryOf>[0] = {}, subresource?: string) => {
    const resource = await discovery.find(ref.apiVersion, ref.kind);
    return pathOf(
      resource,
      { namespace: ref.namespace ?? target.namespace, name: ref.name, subresource },
      query,
    );
  };
  const read: KubeApi['get'] = async (ref, signal) => {
    const request = { method: 'GET', path: await locate(ref), signal } as const;
    const { status, body } = await requester.send({ ...request, idempotent: true, mayBeAbsent: true });
    return status === 404 ? undefined : (body as KubeObject);
  };
  return {
    get: read,
    async list(selector, signal) {
      return listObjects(
        requester,
        await discovery.find(selector.apiVersion, selector.kind),
        selector,
        signal,
      );
    },
    async create(object, { fieldManager, dryRun, fieldValidation } = {}, signal) {
      const resource = await discovery.find(object.apiVersion, object.kind);
      const namespace = object.metadata.namespace ?? target.namespace;
      const query = { fieldManager, fieldValidation, dryRun: dryRun && 'All' };
      const path = pathOf(resource, { namespace }, query);
      const storesNothing = dryRun || isReview(object);
      const more = { signal, fence: storesNothing ? undefined : fence, idempotent: storesNothing };
      const write = () => call({ method: 'POST', path, body: object, ...more }, refOf(object));
      // Without a name or a trace there is nothing to look for.
      if (storesNothing || !object.metadata.name) return write();
      return confirmWrite({ sent: object, write, read: () => read(refOf(object), signal) });
    },
    async replace(object, signal) {
      const path = await locate(refOf(object));
      const write = () => call({ method: 'PUT', path, body: object, signal, fence });
      return confirmWrite({ sent: object, write, read: () => read(refOf(object), signal) });
    },
    async apply(object, { fieldManager, force, dryRun }, signal) {
      // A field that the kind does not have is refused by server-side apply itself: validation would only have the server read every body twice.
      const query = { fieldManager, force, fieldValidation: 'Ignore', dryRun: dryRun && 'All' };
      const path = await locate(refOf(object), query);
      const contentType = 'application/apply-patch+yaml';
      const more = { signal, idempotent: true, fence: dryRun ? undefined : fence };
      return call({ method: 'PATCH', path, body: object, contentType, ...more }, refOf(object));
    },
    async patch(ref, type, body, { subresource, dryRun } = {}, signal) {
      const path = await locate(ref, dryRun ? { dryRun: 'All' } : {}, subresource);
      // A JSON patch may append, and then counts only once it is bound; the merging ones end the same however often they arrive.
      return call({
        method: 'PATCH',
        path,
        body,
        contentType: patchTypes[type],
        signal,
        fence: dryRun ? undefined : fence,
        idempotent: dryRun || type !== 'json' || isBound(body),
      });
    },
    async delete(ref, { propagation, uid, resourceVersion, dryRun } = {}, signal) {
      const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(propagation ? { propagationPolicy: propagation } : {}),
        ...(uid || resourceVersion ? { preconditions } : {}),
        ...(dryRun ? { dryRun: ['All'] } : {}),
      };
      const more = { signal, idempotent: true, fence: dryRun ? undefined : fence };
      return remove(requester, { method: 'DELETE', path: await locate(ref), body, ...more });
    },
    async *watch(selector, signal) {
      const resource = await discovery.find(selector.apiVersion, selector.kind);
      yield* watchObjects({
        requester,
        resource,
        selector,
        target,
        signal,
        ...(watchPolicy ? { policy: watchPolicy } : {}),
      });
    },
    async logs({ namespace, pod, container, previous, tailLines }, signal) {
      const at = ['namespaces', namespace, 'pods', pod, 'log'].map(encodeURIComponent).join('/');
      const query = queryOf({ container, previous, tailLines, limitBytes: mostLogBytes });
      return (
        await requester.send({
          method: 'GET',
          path: `/api/v1/${at}${query}`,
          accept: '*/*',
          signal,
          idempotent: true,
        })
      ).text;
    },
  };
}

/** True for a JSON patch that names the version that it is for: once it was carried out, the server refuses it. */
function isBound(operations: unknown): boolean {
  return Array.isArray(operations) && operations.some(({ path }) => path === '/metadata/resourceVersion');
}

/** A question about an account: it is answered and not kept. */
function isReview({ apiVersion, kind }: KubeObject): boolean {
  return /^auth(?:entication|orization)\.k8s\.io\//.test(apiVersion) && kind.endsWith('Review');
}

function refOf({ apiVersion, kind, metadata }: KubeObject): KubeRef {
  const { name, namespace } = metadata;
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

async function remove(requester: Requester, request: Request): Promise<boolean> {
  const { status, afterLoss } = await requester.send({ ...request, mayBeAbsent: true });
  // Gone, after a try whose answer was lost: it was ours.
  return status !== 404 || afterLoss;
}

async function readVersion(requester: Requester): ReturnType<KubeApi['version']> {
  const { body } = await requester.send({ method: 'GET', path: '/version', idempotent: true });
  const { major = '', minor = '', gitVersion = '' } = body as Record<string, string>;
  // Distributions append to the minor: `27+`.
  return { major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10), gitVersion };
}
