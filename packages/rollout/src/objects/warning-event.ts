import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { textAt } from './json.ts';

/** One event about an object. */
export interface SeenEvent {
  readonly ref: KubeRef;
  /** Of the very object that it is about. */
  readonly uid: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339; events of one second are in no order. */
  readonly time: string;
}

/** The events about one object, newest last; none where they cannot be read: what is told about a failure never hides it. */
export async function readEvents(ref: KubeRef, ports: Pick<Ports, 'kube'>): Promise<readonly SeenEvent[]> {
  const fieldSelector = `involvedObject.kind=${ref.kind},involvedObject.name=${ref.name}`;
  const items = await listEvents(ref.namespace ?? 'default', fieldSelector, ports);
  return sortEvents(items.map((event) => seenEvent(ref, event)));
}

/** Newest last. */
export function sortEvents(events: readonly SeenEvent[]): readonly SeenEvent[] {
  return [...events].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** The newest refusal to make a pod for each object of a namespace, by the object's uid. */
export async function readRefusals(
  namespace: string,
  ports: Pick<Ports, 'kube'>,
): Promise<ReadonlyMap<string, SeenEvent>> {
  const items = await listEvents(namespace, 'reason=FailedCreate', ports);
  const found = new Map<string, SeenEvent>();
  for (const event of items) {
    const [kind, name] = [textAt(event, 'involvedObject', 'kind'), textAt(event, 'involvedObject', 'name')];
    const apiVersion = textAt(event, 'involvedObject', 'apiVersion');
    const seen = seenEvent({ apiVersion, kind, name, namespace }, event);
    const known = found.get(seen.uid);
    if (!known || known.time < seen.time) found.set(seen.uid, seen);
  }
  return found;
}

async function listEvents(
  namespace: string,
  fieldSelector: string,
  { kube }: Pick<Ports, 'kube'>,
): Promise<readonly KubeObject[]> {
  try {
    return (await kube.list({ apiVersion: 'v1', kind: 'Event', namespace, fieldSelector })).items;
  } catch (error) {
    if (error instanceof KubeStatusError) return [];
    throw error;
  }
}

function seenEvent(ref: KubeRef, event: KubeObject): SeenEvent {
  return {
    ref,
    uid: textAt(event, 'involvedObject', 'uid'),
    type: textAt(event, 'type'),
    reason: textAt(event, 'reason'),
    message: textAt(event, 'message'),
    time:
      textAt(event, 'series', 'lastObservedTime') ||
      textAt(event, 'lastTimestamp') ||
      textAt(event, 'eventTime'),
  };
}
