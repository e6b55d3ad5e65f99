import type { KubeObject, Ports } from '@zakenak/core';
import { judgeHealth } from '../health/health.ts';
import type { Kinds } from '../kinds/kinds.ts';
import type { Health } from '../objects/condition.ts';
import { listAt, valueAt } from '../objects/json.ts';
import { groupOf } from '../objects/object.ts';
import { writtenAt } from '../objects/written-at.ts';

/**
 * What the annotation `zakenak.dev/wait` of an object asks for. `ignore`: it is applied and never waited for. `warn`: it is waited for, and where it fails
 * or is not ready in time the deploy goes on with a caveat. `require`: it has to become ready; a custom resource has to be answered by its
 * controller within the timeout. Without it an object has to become ready, and a custom resource that nobody answers counts as ready after five seconds.
 */
export type WaitMode = 'ignore' | 'warn' | 'require';

const annotation = 'zakenak.dev/wait';
const modes: readonly string[] = ['ignore', 'warn', 'require'] satisfies readonly WaitMode[];

/** How long a custom resource without any status is waited for, from its last change on. */
const graceMs = 5_000;

/** What is asked for; undefined where nothing is said. A value that is none counts as `require`: a misspelling never lets a failure pass. */
export function waitModeOf({ metadata }: KubeObject): WaitMode | undefined {
  const value = metadata.annotations?.[annotation];
  if (value === undefined) return undefined;
  return modes.includes(value) ? (value as WaitMode) : 'require';
}

/** What waiting needs to know of kinds. */
export type KnownKinds = Pick<Kinds, 'find' | 'judge'>;

/** How an object that is waited for is doing: as `judgeHealth` says, but a custom resource that nobody has answered yet is on its way. */
export function judgeAnswered(object: KubeObject, kinds: KnownKinds | undefined): Health {
  const ruled = kinds?.judge?.(object);
  if (ruled) return ruled;
  const health = judgeHealth(object);
  return health.state === 'ready' && isUnanswered(object, kinds)
    ? { state: 'progressing', reason: 'no controller has written a status for it yet' }
    : health;
}

/** True for a custom resource whose definition has a status, while nothing in it tells that a controller saw the object. */
export function isUnanswered(object: KubeObject, kinds: KnownKinds | undefined): boolean {
  // A rule tells by itself what it waits for.
  if (kinds?.judge?.(object)) return false;
  if (!isCustom(object)) return false;
  if (!kinds?.find(object)?.subresources.includes('status')) return false;
  return (
    valueAt(object, 'status', 'observedGeneration') === undefined &&
    listAt(object, 'status', 'conditions').length === 0
  );
}

/** What `endGrace` needs of a wait. */
interface GraceContext {
  readonly ports: Pick<Ports, 'clock'>;
  readonly kinds?: KnownKinds;
  readonly signal: AbortSignal;
}

/** Custom resources that nobody answers are let go after a while, but for those that ask for an answer. Ends when the returned function is called. */
export function endGrace(
  pending: ReadonlyMap<string, KubeObject>,
  { ports: { clock }, kinds, signal }: GraceContext,
  settle: (key: string) => void,
): () => void {
  const stop = new AbortController();
  const over = AbortSignal.any([signal, stop.signal]);
  const waits = [...pending].filter(
    ([, object]) => isUnanswered(object, kinds) && waitModeOf(object) !== 'require',
  );
  for (const [key, object] of waits) {
    const age = clock.now().getTime() - writtenAt(object);
    const end = (): void => {
      const now = pending.get(key);
      if (!over.aborted && now && isUnanswered(now, kinds)) settle(key);
    };
    // The two clocks may differ: never longer than one grace from now on.
    clock.sleep(Math.min(graceMs, Math.max(0, graceMs - age)), over).then(end, () => undefined);
  }
  return () => stop.abort();
}

/** True for a custom resource: Kubernetes has its own groups; others below k8s.io (gateway.networking.k8s.io) are of custom resources. */
export function isCustom({ apiVersion }: KubeObject): boolean {
  const group = groupOf(apiVersion);
  return group.includes('.') && !ownGroups.has(group.replace(/\.k8s\.io$/, ''));
}

const ownGroups: ReadonlySet<string> = new Set([
  'admissionregistration',
  'apiextensions',
  'apiregistration',
  'authentication',
  'authorization',
  'certificates',
  'coordination',
  'discovery',
  'events',
  'flowcontrol.apiserver',
  'internal.apiserver',
  'networking',
  'node',
  'rbac.authorization',
  'resource',
  'scheduling',
  'storage',
  'storagemigration',
]);
