import type { KubeObject, Ports } from '@zakenak/core';
import { ReleaseFailure } from '../failure.ts';
import { explainPod, findBlockage } from '../health/blockage.ts';
import { findFailedPod, isWorkload } from '../health/culprit.ts';
import { createFormerFailures } from '../health/former-failure.ts';
import { judgeHealth } from '../health/health.ts';
import { lacksInput, mayLackOthers } from '../health/health-pod.ts';
import { followRefusals } from '../health/refusal.ts';
import { createUnsticking, isOrdered } from '../health/stuck-pods.ts';
import type { Health } from '../objects/condition.ts';
import { describe, keyOf, refOf } from '../objects/object.ts';
import { createHeldCrashes } from './held-crashes.ts';
import { lookNowAndThen, lookOnce } from './look-again.ts';
import type { Observer } from './observer.ts';
import { createAccept, createSteadiness } from './steadiness.ts';
import { endGrace, isCustom, judgeAnswered, type KnownKinds, waitModeOf } from './wait-mode.ts';
import { createWaitReport } from './wait-report.ts';
import { joinReasons, timedOut, warningOf } from './wait-verdict.ts';

/** What waiting needs. */
export interface WaitContext {
  readonly ports: Pick<Ports, 'kube' | 'clock' | 'progress'>;
  readonly observer: Observer;
  /** Ends the wait without a verdict. */
  readonly signal: AbortSignal;
  /** Tells which kinds have a status; without it an object without any status is ready. */
  readonly kinds?: KnownKinds;
  /** Hears of objects annotated `zakenak.dev/wait: warn` that are not ready, and of ready ones that are less than they look. */
  readonly warn?: (text: string) => void;
  /** What is waited for comes back. */
  readonly isRollback?: boolean;
}

/** The objects that are still waited for, as they were seen last. */
type Pending = Map<string, KubeObject>;

/**
 * Waits, by watch, until every object is ready, each as its annotation `zakenak.dev/wait` asks (see WaitMode). The first one that fails ends the wait: as a
 * ReleaseFailure `rollout/not-ready`, which a timeout is as well; both name the cause that pods and events tell. Objects that are ready as given cost no request.
 */
export async function waitReady(
  subject: string,
  objects: readonly KubeObject[],
  timeoutMs: number,
  context: WaitContext,
): Promise<void> {
  const { ports, observer, kinds } = context;
  const mayBeMade = objects.some(isCustom);
  const told = new Set<string>();
  const tell = (object: KubeObject): Health => {
    const health = judgeAnswered(object, kinds);
    const key = keyOf(refOf(object));
    if (health.remark && !told.has(key)) context.warn?.(`${describe(refOf(object))}: ${health.remark}.`);
    if (health.remark) told.add(key);
    return health;
  };
  const pending: Pending = new Map(
    objects
      .filter((object) => waitModeOf(object) !== 'ignore' && tell(object).state !== 'ready')
      .map((object) => [keyOf(refOf(object)), object]),
  );
  const report = createWaitReport(subject, objects.length, pending, context);
  report();
  if (pending.size === 0) return;
  let see: (key: string, seen: KubeObject | undefined) => void = () => undefined;
  await untilSettled(
    timeoutMs,
    context,
    (done, fail) => {
      const settle = (key: string): void => {
        if (pending.delete(key)) report();
        if (pending.size === 0) done();
      };
      const giveUp = createGiveUp(context, settle, fail);
      const steadiness = createSteadiness(ports.clock);
      const failures = createFormerFailures(ports.clock);
      const over = new AbortController();
      const accepted = new Set<string>();
      const settleReady = (key: string): void => {
        accepted.add(key);
        const object = pending.get(key);
        if (object) tell(object);
        settle(key);
      };
      const steady = { ...context, signal: over.signal };
      const accept = createAccept(pending, steadiness, steady, settleReady, fail);
      const isTelling = (pod: KubeObject): boolean =>
        !failures.isFormer(pod) && !(mayBeMade && lacksInput(pod));
      const unsticking = createUnsticking(context);
      const ordered = [...pending].filter(([, object]) => isOrdered(object)).map(([key]) => key);
      const pods = new Map<string, KubeObject>();
      const seePod = (pod: KubeObject): void => {
        steadiness.see(pod);
        failures.see(pod);
        pods.set(pod.metadata.uid ?? '', pod);
        unsticking
          .see(
            [pod],
            ordered.flatMap((key) => pending.get(key) ?? []),
          )
          .catch(fail);
      };
      const stopPods = followPods(pending, context, { seePod, isTelling }, giveUp, fail);
      const wanted = new Map(pending);
      see = (key, seen) => {
        const object = wanted.get(key);
        if (!object) return;
        const health = judgeSeen(seen, object, kinds);
        if (!pending.has(key) && !(accepted.has(key) && seen && isServing(seen) && health.state !== 'ready'))
          return;
        if (seen && !isBehind(seen, object)) {
          pending.set(key, seen);
          failures.see(seen);
          if (isOrdered(seen)) unsticking.see(pods.values(), [seen]).catch(fail);
          report();
        }
        if (health.state === 'failed') {
          if (!failures.isFormer(seen ?? object)) giveUp(seen ?? object, health.reason, true);
        } else if (health.state === 'ready') accept(key);
      };
      const stops = [...pending].map(([key, object]) =>
        observer.follow(refOf(object), (seen) => see(key, seen), fail),
      );
      const stopGrace = endGrace(pending, context, settle);
      return [
        ...stops,
        stopGrace,
        ...stopPods,
        () => over.abort(),
        lookNowAndThen(pending, (key, seen) => see(key, seen), context),
        followRefusals(pending, context, giveUp, fail),
      ];
    },
    async () => {
      // Before an object is said not to be ready it is asked itself.
      await lookOnce(pending, (key, seen) => see(key, seen), context);
      return pending.size > 0 ? timedOut(pending, timeoutMs, context) : undefined;
    },
  );
}

/** True for what may be ready and then no more: all of a release is ready at the same time, or it is waited for again. */
function isServing(object: KubeObject): boolean {
  return isWorkload(object) && object.kind !== 'Job';
}

type GiveUp = (object: KubeObject, reason: string, explain?: boolean) => void;

/** Ends the wait by an object that will not become ready, or only its own part where it asks for no more than a warning. */
function createGiveUp(
  context: WaitContext,
  settle: (key: string) => void,
  fail: (error: unknown) => void,
): GiveUp {
  const given = new Set<string>();
  return (object, reason, explain = false) => {
    const ref = refOf(object);
    if (given.has(keyOf(ref))) return;
    given.add(keyOf(ref));
    const end = (more: string | undefined): void => {
      const text = joinReasons(reason, more);
      if (waitModeOf(object) === 'warn') {
        context.warn?.(warningOf(`${describe(ref)}: ${text}`));
        settle(keyOf(ref));
      } else fail(new ReleaseFailure('rollout/not-ready', `${describe(ref)}: ${text}`, ref));
    };
    if (explain) findBlockage(object, context.ports).then(end, () => end(undefined));
    else end(undefined);
  };
}

function judgeSeen(seen: KubeObject | undefined, wanted: KubeObject, kinds: WaitContext['kinds']): Health {
  if (!seen) return { state: 'progressing', reason: 'it is gone' };
  return isBehind(seen, wanted)
    ? { state: 'progressing', reason: 'its change is not seen yet' }
    : judgeAnswered(seen, kinds);
}

/** A watch may still tell of the state before our own write; the pods of that state are not those that are waited for. */
function isBehind(seen: KubeObject, wanted: KubeObject): boolean {
  return (seen.metadata.generation ?? 0) < (wanted.metadata.generation ?? 0);
}

interface PodJudgement {
  readonly seePod: (pod: KubeObject) => void;
  /** False for a failed pod that may get on yet. */
  readonly isTelling: (pod: KubeObject) => boolean;
}

/** Pods tell of crashes and missing images minutes before their workload gives up. */
function followPods(
  pending: Pending,
  context: WaitContext,
  { seePod, isTelling }: PodJudgement,
  giveUp: GiveUp,
  fail: (error: unknown) => void,
): readonly (() => void)[] {
  const workloads = [...pending.values()].filter(isWorkload);
  const namespaces = [...new Set(workloads.map(({ metadata }) => metadata.namespace ?? ''))];
  const look = async (namespace: string): Promise<void> => {
    const judged = await Promise.all(
      [...pending.values()].filter(isWorkload).map(async (workload) => ({
        workload,
        culprit: await findFailedPod(workload, context.ports, isTelling),
      })),
    );
    const areOthersOnTheirWay = judged.some(({ culprit }) => !culprit);
    for (const { workload, culprit } of judged) {
      if (!culprit || workload.metadata.namespace !== namespace) continue;
      const { pod, health } = culprit;
      // An application that ends where its database does not answer yet is started again by then.
      if (mayLackOthers(pod) && (areOthersOnTheirWay || held.has(pod))) {
        held.hold(pod);
        continue;
      }
      const more = await explainPod(pod, health.reason, context.ports);
      giveUp(workload, `pod ${pod.metadata.name}: ${health.reason}${more ? `; ${more}` : ''}`);
    }
  };
  const held = createHeldCrashes(context.ports.clock, look, fail);
  const stops = namespaces.map((namespace) =>
    context.observer.followAll(
      { apiVersion: 'v1', kind: 'Pod', namespace },
      (pod) => {
        seePod(pod);
        if (judgeHealth(pod).state === 'failed') look(namespace).catch(fail);
      },
      fail,
    ),
  );
  return [...stops, held.stop];
}

/** Runs `start` until it calls done or fail, the time is over, or the signal fires; then calls the stops that it returned. */
async function untilSettled(
  timeoutMs: number,
  { ports, signal }: WaitContext,
  start: (done: () => void, fail: (error: unknown) => void) => readonly (() => void)[],
  late: () => Promise<Error | undefined>,
): Promise<void> {
  const over = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) throw signal.reason;
  signal.addEventListener('abort', onAbort, { once: true });
  const stops = start(resolve, reject);
  ports.clock.sleep(timeoutMs, over.signal).then(
    () => late().then((error) => (error ? reject(error) : resolve()), reject),
    () => undefined,
  );
  try {
    await promise;
  } finally {
    over.abort();
    signal.removeEventListener('abort', onAbort);
    for (const stop of stops) stop();
  }
}
