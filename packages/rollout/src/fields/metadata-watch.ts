import type { KubeObject, KubeWatchSelector, Ports } from '@zakenak/core';
import { digestOf } from '../objects/json.ts';
import { comparable, keyOf, refOf } from '../objects/object.ts';
import { managedBy } from './ownership.ts';

/** What of an object's metadata tells whether it has to be compared again. */
interface Trace {
  readonly uid: string;
  readonly version: string;
  readonly generation: number;
  /** Of labels, annotations and all else that a generation does not count. */
  readonly metadata: string;
}

/** Which of the followed objects have changed since they were last compared. */
export interface ChangeTracker {
  /** An event of a watch: `object` is undefined where it was deleted. True where the object has to be compared. */
  see(key: string, object: KubeObject | undefined): boolean;
  /** The object was compared in this state: what a watch still tells of it, our own writes too, is no news. */
  settle(key: string, object: KubeObject | undefined): void;
}

/**
 * Judges by resourceVersion, uid, generation and metadata alone. Where the server counts generations, one that stands still under the same labels and annotations
 * means that only the status changed.
 */
export function createChangeTracker(): ChangeTracker {
  const settled = new Map<string, Trace | 'absent'>();
  return {
    see(key, object) {
      const former = settled.get(key);
      const now = object ? traceOf(object) : 'absent';
      if (former === undefined || former === 'absent' || now === 'absent') return former !== now;
      if (former.version === now.version) return false;
      const isSame =
        former.uid === now.uid &&
        now.generation > 0 &&
        former.generation === now.generation &&
        former.metadata === now.metadata;
      if (isSame) settled.set(key, now);
      return !isSame;
    },
    settle: (key, object) => void settled.set(key, object ? traceOf(object) : 'absent'),
  };
}

function traceOf(object: KubeObject): Trace {
  const { uid = '', resourceVersion = '', generation = 0 } = object.metadata;
  const { metadata } = comparable(object);
  const { deletionTimestamp = '' } = object.metadata;
  return { uid, version: resourceVersion, generation, metadata: digestOf([metadata, deletionTimestamp]) };
}

/** The watches that follow the objects: one for each kind and namespace, of what bears Helm's label where every object that lives does. */
export function watchesFor(
  objects: readonly { readonly desired: KubeObject; readonly live?: KubeObject }[],
): readonly KubeWatchSelector[] {
  const groups = new Map<string, { readonly selector: KubeWatchSelector; labelled: boolean }>();
  for (const { desired, live } of objects) {
    const { apiVersion, kind, namespace } = refOf(desired);
    const id = `${apiVersion}/${kind}/${namespace ?? ''}`;
    const group = groups.get(id) ?? {
      selector: { apiVersion, kind, ...(namespace ? { namespace } : {}), metadataOnly: true },
      labelled: true,
    };
    if (live && live.metadata.labels?.[managedBy] !== 'Helm') group.labelled = false;
    groups.set(id, group);
  }
  return [...groups.values()].map(({ selector, labelled }) =>
    labelled ? { ...selector, labelSelector: `${managedBy}=Helm` } : selector,
  );
}

/** Where what a watch tells goes. */
interface Following {
  /** Keys of what was there a moment ago: no watch tells of what went before it began. */
  readonly known: readonly string[];
  readonly see: (key: string, object: KubeObject | undefined) => void;
  /** Hears of a watch that ended for good. */
  readonly fail: (error: unknown) => void;
}

/** Follows a watch until the signal fires. */
export function followMetadata(
  selector: KubeWatchSelector,
  { kube }: Pick<Ports, 'kube'>,
  signal: AbortSignal,
  { known, see, fail }: Following,
): void {
  const missing = new Set(known);
  const follow = async (): Promise<void> => {
    for await (const { type, object } of kube.watch(selector, signal)) {
      if (type === 'BOOKMARK') {
        for (const key of missing) see(key, undefined);
        missing.clear();
        continue;
      }
      const key = keyOf(refOf(object));
      missing.delete(key);
      see(key, type === 'DELETED' ? undefined : object);
    }
  };
  follow().catch((error: unknown) => {
    if (!signal.aborted) fail(error);
  });
}
