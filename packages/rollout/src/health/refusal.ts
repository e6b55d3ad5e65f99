import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { findCondition } from '../objects/condition.ts';
import { numberAt, textAt } from '../objects/json.ts';
import { keyOf, refOf } from '../objects/object.ts';
import { readRefusals } from '../objects/warning-event.ts';
import { writtenAt } from '../objects/written-at.ts';
import { isWorkload } from './culprit.ts';
import { freshMs } from './former-failure.ts';
import { refusalOf } from './health-workload.ts';

/** Ports and end of a wait. */
interface RefusalContext {
  readonly ports: Pick<Ports, 'kube' | 'clock'>;
  readonly signal: AbortSignal;
}

const lookEveryMs = 1_000;
// A service account or a quota's usage made in the same deploy is everywhere within this time.
const enduredMs = 5_000;

/**
 * Follows workloads whose pods the server refuses (quota, service account, admission): no pod tells of them. Gives one up, with the server's words, when the
 * refusal has lasted five seconds and no pod is ending whose room might become free. Ends when the returned function is called.
 */
export function followRefusals(
  pending: ReadonlyMap<string, KubeObject>,
  { ports, signal }: RefusalContext,
  giveUp: (object: KubeObject, reason: string) => void,
  fail: (error: unknown) => void,
): () => void {
  const stop = new AbortController();
  const over = AbortSignal.any([signal, stop.signal]);
  const since: Since = new Map();
  const run = async (): Promise<void> => {
    while ([...pending.values()].some(isWorkload)) {
      await ports.clock.sleep(lookEveryMs, over);
      const refused = await findLasting([...pending.values()].filter(isWorkload), since, ports);
      if (refused && !over.aborted) giveUp(refused.object, refused.reason);
    }
  };
  run().catch((error: unknown) => {
    if (!over.aborted) fail(error);
  });
  return () => stop.abort();
}

/** When each refusal was seen first, and what told it then where it is of before the wait: its controller has not tried again yet. */
type Since = Map<string, { readonly ms: number; readonly former: string | undefined }>;

async function findLasting(
  workloads: readonly KubeObject[],
  since: Since,
  ports: Pick<Ports, 'kube' | 'clock'>,
): Promise<{ readonly object: KubeObject; readonly reason: string } | undefined> {
  const refused = await findRefused(workloads, ports);
  for (const key of [...since.keys()]) if (!refused.has(key)) since.delete(key);
  const now = ports.clock.monotonicMs();
  for (const [key, found] of refused) {
    const isOld = ports.clock.now().getTime() - Date.parse(found.told) > freshMs;
    const first = since.get(key) ?? { ms: now, former: isOld ? found.told : undefined };
    since.set(key, first);
    if (now - first.ms < enduredMs || first.former === found.told) continue;
    if (!(await isPodEnding(found.object.metadata.namespace ?? '', ports))) return found;
  }
  return undefined;
}

interface Refusal {
  readonly object: KubeObject;
  readonly reason: string;
  /** When, by the cluster's clock. */
  readonly told: string;
}

type Refused = ReadonlyMap<string, Refusal>;

async function findRefused(workloads: readonly KubeObject[], ports: Pick<Ports, 'kube'>): Promise<Refused> {
  const found = new Map<string, Refusal>();
  for (const object of workloads) {
    const reason = refusalOf(object);
    if (reason) found.set(keyOf(refOf(object)), { object, reason, told: toldAt(object) });
  }
  const silent = workloads.filter(lacksPods);
  for (const namespace of new Set(silent.map(({ metadata }) => metadata.namespace ?? ''))) {
    const refusals = await readRefusals(namespace, ports);
    for (const object of silent.filter(({ metadata }) => metadata.namespace === namespace)) {
      const event = refusals.get(object.metadata.uid ?? '');
      // An event outlives what it tells of; one from before the last change is about another template.
      if (event && Date.parse(event.time) >= writtenAt(object) - 1_000)
        found.set(keyOf(refOf(object)), { object, reason: event.message, told: event.time });
    }
  }
  return found;
}

function toldAt(object: KubeObject): string {
  const failure = findCondition(object, 'ReplicaFailure');
  return textAt(failure, 'lastUpdateTime') || textAt(failure, 'lastTransitionTime');
}

/** Kinds that tell of refused pods by events only, while pods are missing. */
function lacksPods(object: KubeObject): boolean {
  const count = (field: string): number => numberAt(object, 0, 'status', field);
  switch (object.kind) {
    case 'StatefulSet':
      return count('replicas') < numberAt(object, 1, 'spec', 'replicas');
    case 'DaemonSet':
      return count('currentNumberScheduled') < count('desiredNumberScheduled');
    case 'Job':
      return count('active') + count('succeeded') + count('failed') === 0;
    default:
      return false;
  }
}

async function isPodEnding(namespace: string, { kube }: Pick<Ports, 'kube'>): Promise<boolean> {
  try {
    const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace });
    return items.some(({ metadata }) => textAt(metadata, 'deletionTimestamp') !== '');
  } catch (error) {
    if (error instanceof KubeStatusError) return false;
    throw error;
  }
}
