import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type KubeObject,
  type KubeResource,
  KubeStatusError,
  type KubeWatchEvent,
  type KubeWatchSelector,
  ZakenakError,
} from '@zakenak/core';
import { unauthorized } from './errors.ts';
import { listObjects, metadataAccept, typed } from './list.ts';
import { pathOf } from './paths.ts';
import type { Requester } from './requester.ts';
import { eventToStatusError, retryAfterMs, toStatusError } from './status.ts';

/** How a watch judges silence. Milliseconds. */
export interface WatchPolicy {
  /** A stream without any byte for so long is taken for dead and opened again. The API server sends a bookmark about every minute. */
  readonly idleMs: number;
  /** Failing to open a stream for so long ends the watch with the last error. */
  readonly patienceMs: number;
}

/** Used where nothing is said. */
const defaultWatch: WatchPolicy = { idleMs: 150_000, patienceMs: 300_000 };

/** A stream that ends sooner says that something is wrong; opening it again at once would only load the server. */
const hastyMs = 1_000;

/** What a watch needs to know. */
export interface WatchRequest {
  readonly requester: Requester;
  readonly resource: KubeResource;
  readonly selector: KubeWatchSelector;
  readonly target: { readonly server: string; readonly context: string };
  readonly signal: AbortSignal;
  readonly policy?: WatchPolicy;
}

/**
 * Events as https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes describes them, over as many streams as it takes.
 * After a 410 the collection is listed again, and what changed meanwhile is delivered as ADDED, MODIFIED and DELETED (with the last state seen).
 * Ends when the signal fires. Throws KubeStatusError where the watch is refused (403, 404) and `kube/unreachable`, `kube/unauthorized`.
 */
export async function* watchObjects(request: WatchRequest): AsyncGenerator<KubeWatchEvent, void, undefined> {
  const { requester, resource, selector, signal } = request;
  const known = new Map<string, KubeObject>();
  const patience = createPatience(request);
  let version = selector.resourceVersion;
  while (!signal.aborted) {
    try {
      if (version === undefined) {
        const listing = await listObjects(requester, resource, selector, signal);
        yield* reconcile(known, listing.items);
        version = listing.resourceVersion;
        yield listed(resource, version);
      }
      const opened = performance.now();
      for await (const event of openStream(request, version)) {
        patience.reset();
        version = event.object.metadata.resourceVersion ?? version;
        remember(known, event);
        yield event;
      }
      if (performance.now() - opened < hastyMs) await patience.pause();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof KubeStatusError && error.status === 410) {
        version = undefined;
        await patience.pause();
      } else await patience.wait(error);
    }
  }
}

/** As the server's own bookmarks: an object of the kind with nothing but its version. */
function listed({ apiVersion, kind }: KubeResource, resourceVersion: string): KubeWatchEvent {
  return { type: 'BOOKMARK', object: { apiVersion, kind, metadata: { name: '', resourceVersion } } };
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function remember(known: Map<string, KubeObject>, { type, object }: KubeWatchEvent): void {
  if (type === 'DELETED') known.delete(keyOf(object));
  else if (type !== 'BOOKMARK') known.set(keyOf(object), object);
}

/** The difference between what the watcher has been told and what is there. */
function* reconcile(known: Map<string, KubeObject>, items: readonly KubeObject[]): Generator<KubeWatchEvent> {
  const now = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, object] of [...known]) {
    if (now.get(key)?.metadata.uid === object.metadata.uid) continue;
    known.delete(key);
    yield { type: 'DELETED', object };
  }
  for (const [key, object] of now) {
    const before = known.get(key);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion && before) continue;
    known.set(key, object);
    yield { type: before ? 'MODIFIED' : 'ADDED', object };
  }
}

/** One stream from opening to its end. Throws its errors: KubeStatusError, connection errors. */
async function* openStream(request: WatchRequest, version: string): AsyncGenerator<KubeWatchEvent> {
  const { requester, resource, selector, signal, policy = defaultWatch } = request;
  const path = pathOf(
    resource,
    { namespace: selector.namespace },
    {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: version,
      labelSelector: selector.labelSelector,
      fieldSelector: selector.fieldSelector,
      // The server's own end of the stream, spread so that many watches do not reconnect at once.
      timeoutSeconds: 300 + Math.floor(Math.random() * 300),
    },
  );
  const accept = selector.metadataOnly ? { accept: metadataAccept('PartialObjectMetadata') } : {};
  const answer = await requester.transport.open({ method: 'GET', path, signal, ...accept });
  try {
    if (answer.statusCode !== 200) throw await refusalOf(answer);
    for await (const line of readLines(answer, policy.idleMs)) {
      const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
      if (type === 'ERROR') throw eventToStatusError(object);
      yield { type: type as KubeWatchEvent['type'], object: typed(object, resource) };
    }
  } finally {
    answer.destroy();
  }
}

class StreamRefused extends KubeStatusError {
  readonly answer: IncomingMessage;
  readonly retryMs: number | undefined;

  constructor(answer: IncomingMessage, text: string) {
    const refusal = { status: answer.statusCode ?? 0, headers: answer.headers, text };
    super(toStatusError(refusal));
    this.answer = answer;
    this.retryMs = retryAfterMs(refusal);
  }
}

async function refusalOf(answer: IncomingMessage): Promise<KubeStatusError> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return new StreamRefused(answer, Buffer.concat(chunks).toString('utf8'));
}

/** Whole lines. The idle clock runs only while we wait for the server, not while the consumer works. */
async function* readLines(answer: IncomingMessage, idleMs: number): AsyncGenerator<string> {
  answer.setEncoding('utf8');
  answer.socket?.setTimeout(0);
  const chunks = answer[Symbol.asyncIterator]() as AsyncIterator<string>;
  let rest = '';
  for (;;) {
    const timer = setTimeout(() => answer.destroy(new Error(`nothing came for ${idleMs} ms`)), idleMs);
    const next = await chunks.next().finally(() => clearTimeout(timer));
    if (next.done) return;
    const lines = (rest + next.value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
}

/** Pauses between failures, longer each time, until patience ends or an error says that trying again is no use. */
function createPatience({ requester, target, signal, policy = defaultWatch }: WatchRequest) {
  const { firstPauseMs, longestPauseMs } = requester.retries;
  let failingSince: number | undefined;
  let next = firstPauseMs;
  let renewed = false;
  const pause = async (asked?: number) => {
    // A timer that is too long for Node ends at once.
    const waitMs = Math.min(asked ?? next * (0.5 + Math.random() / 2), policy.patienceMs);
    next = Math.min(next * 2, longestPauseMs);
    await delay(waitMs, undefined, { signal }).catch(() => {});
  };
  return {
    pause: () => pause(),
    reset() {
      failingSince = undefined;
      next = firstPauseMs;
      renewed = false;
    },
    async wait(error: unknown): Promise<void> {
      const failure = requester.explain(error);
      if (failure instanceof ZakenakError && failure.code !== 'kube/unreachable') throw failure;
      if (failure instanceof StreamRefused && failure.status === 401) {
        const final = renewed || !requester.transport.renew(failure.answer);
        if (final) throw unauthorized(target.server, target.context, failure.message);
        renewed = true;
        return;
      }
      if (failure instanceof KubeStatusError && failure.status < 500 && failure.status !== 429) throw failure;
      failingSince ??= performance.now();
      if (performance.now() - failingSince > policy.patienceMs) throw failure;
      await pause(failure instanceof StreamRefused ? failure.retryMs : undefined);
    },
  };
}
