import { type KubeObject, KubeStatusError, ZakenakError } from '@zakenak/core';

/** A write that must not simply be sent again. */
interface Write {
  readonly sent: KubeObject;
  write(): Promise<KubeObject>;
  /** The object as it is now. */
  read(): Promise<KubeObject | undefined>;
}

const mostTries = 5;
/** A server that takes a request and never answers is found out after 90 s each time. */
const longestMs = 60_000;

/**
 * Does a create or a guarded replace whose answer may get lost: whether it was carried out is read from the object itself, and only one that was not is sent
 * again. Throws what the write threw where neither can be told.
 */
export async function confirmWrite({ sent, write, read }: Write): Promise<KubeObject> {
  const began = performance.now();
  for (let tried = 1; ; tried += 1) {
    try {
      return await write();
    } catch (error) {
      if (!mayHaveBeenDone(error)) throw error;
      const live = await read();
      if (live && holds(live, sent)) return live;
      const { resourceVersion } = sent.metadata;
      const isUntouched = resourceVersion ? live?.metadata.resourceVersion === resourceVersion : !live;
      const isOver = tried === mostTries || performance.now() - began > longestMs;
      if (!isUntouched || isOver) throw error;
    }
  }
}

/** The connection broke after the request, the server failed on the way, or something in between answered in its place. */
function mayHaveBeenDone(error: unknown): boolean {
  if (error instanceof ZakenakError) return ['kube/unreachable', 'kube/no-api-server'].includes(error.code);
  return error instanceof KubeStatusError && error.status >= 500 && !/webhook/i.test(error.message);
}

/** True when everything that was sent is there; the server may have added to it. */
function holds(live: KubeObject, sent: KubeObject): boolean {
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = sent.metadata;
  return contains(live, { ...sent, metadata });
}

function contains(whole: unknown, part: unknown): boolean {
  if (part === undefined) return true;
  if (Array.isArray(part))
    return (
      Array.isArray(whole) &&
      whole.length === part.length &&
      part.every((item, index) => contains(whole[index], item))
    );
  if (typeof part !== 'object' || part === null) return whole === part;
  if (typeof whole !== 'object' || whole === null) return false;
  return Object.entries(part).every(([key, value]) =>
    contains((whole as Readonly<Record<string, unknown>>)[key], value),
  );
}
