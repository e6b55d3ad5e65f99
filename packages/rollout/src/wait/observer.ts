import type { KubeObject, KubeRef, Ports } from '@zakenak/core';
import { keyOf, refOf } from '../objects/object.ts';

/** A live view of the cluster's objects: one watch per kind and namespace, whoever asks. Disposing of it ends every watch. */
export interface Observer extends AsyncDisposable {
  /**
   * Calls `see` with the object as it is now and after every change (undefined when it is deleted), until the returned function is called. `fail` hears of a
   * watch that ended for good.
   */
  follow(
    ref: KubeRef,
    see: (object: KubeObject | undefined) => void,
    fail: (error: unknown) => void,
  ): () => void;
  /** As `follow`, for every object of a kind in a namespace. */
  followAll(
    selector: { readonly apiVersion: string; readonly kind: string; readonly namespace: string },
    see: (object: KubeObject) => void,
    fail: (error: unknown) => void,
  ): () => void;
}

interface Listener {
  readonly key?: string;
  readonly see: (object: KubeObject | undefined) => void;
  readonly fail: (error: unknown) => void;
}

interface Stream {
  readonly objects: Map<string, KubeObject>;
  readonly listeners: Set<Listener>;
  readonly ended: Promise<void>;
  failure?: { readonly error: unknown };
}

/** An observer without any watch yet. */
export function createObserver(ports: Pick<Ports, 'kube'>): Observer {
  const stop = new AbortController();
  const streams = new Map<string, Stream>();
  const streamOf = (apiVersion: string, kind: string, namespace: string | undefined): Stream => {
    const id = `${apiVersion}/${kind}/${namespace ?? ''}`;
    const known = streams.get(id);
    if (known) return known;
    const selector = { apiVersion, kind, ...(namespace ? { namespace } : {}) };
    const stream: Stream = openStream((signal) => ports.kube.watch(selector, signal), stop.signal);
    streams.set(id, stream);
    return stream;
  };
  const listen = (stream: Stream, listener: Listener): (() => void) => {
    stream.listeners.add(listener);
    if (stream.failure) listener.fail(stream.failure.error);
    for (const [key, object] of stream.objects)
      if (listener.key === undefined || listener.key === key) listener.see(object);
    return () => void stream.listeners.delete(listener);
  };
  return {
    follow: (ref, see, fail) =>
      listen(streamOf(ref.apiVersion, ref.kind, ref.namespace), { key: keyOf(ref), see, fail }),
    followAll: (selector, see, fail) =>
      listen(streamOf(selector.apiVersion, selector.kind, selector.namespace), {
        see: (object) => object && see(object),
        fail,
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([...streams.values()].map(({ ended }) => ended));
    },
  };
}

function openStream(
  open: (signal: AbortSignal) => ReturnType<Ports['kube']['watch']>,
  signal: AbortSignal,
): Stream {
  const objects = new Map<string, KubeObject>();
  const listeners = new Set<Listener>();
  const stream: Stream = { objects, listeners, ended: Promise.resolve() };
  const run = async (): Promise<void> => {
    try {
      for await (const { type, object } of open(signal)) {
        if (type === 'BOOKMARK') continue;
        const key = keyOf(refOf(object));
        if (type === 'DELETED') objects.delete(key);
        else objects.set(key, object);
        const seen = type === 'DELETED' ? undefined : object;
        for (const listener of [...listeners])
          if (listener.key === undefined || listener.key === key) listener.see(seen);
      }
    } catch (error) {
      if (signal.aborted) return;
      stream.failure = { error };
      for (const listener of [...listeners]) listener.fail(error);
    }
  };
  return Object.assign(stream, { ended: run() });
}
