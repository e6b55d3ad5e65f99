import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { numberAt, textAt } from '../objects/json.ts';
import { locked, lockLost, lockNotRenewed, preempted, unanswered } from './lock-errors.ts';

/** A held lock. */
export interface Lock {
  /** Grows with every holder: a write of an older epoch is not of the present holder. */
  readonly epoch: number;
  /** Fires when the lock is lost. */
  readonly lost: AbortSignal;
  /** The Lease's resourceVersion before it was taken, '' where there was none: unchanged since a look means that nobody held it in between. */
  readonly former: string;
  /**
   * Throws `rollout/lock-lost` when the Lease has not been renewed for two thirds of its duration, as after the process was stopped or the machine suspended for a while. The last
   * third is left for what was sent to arrive, before anybody else may have the lock.
   */
  assertHeld(): void;
  /** The same server, through which nothing is written that the lock does not cover; what is under way when the Lease ends is given up. */
  fence(kube: Ports['kube']): Ports['kube'];
  /** Gives it back; with `runOut` it is only renewed no more, and nobody has it before its duration is over. */
  release(how?: { readonly runOut?: boolean }): Promise<void>;
}

/** Who locks what, and for how long. */
export interface LockRequest {
  readonly set: string;
  readonly namespace: string;
  /** Who we are, in words: shown to others that wait. */
  readonly holder: string;
  readonly leaseSeconds: number;
  readonly timeoutMs: number;
  readonly isGone?: ((holder: string) => boolean) | undefined;
  /** What we deploy: others that wait compare their own commit with it. */
  readonly commit?: string | undefined;
  /** True when what we deploy comes after the given commit: its deploy is asked to stop at its next operation. */
  readonly supersedes?: ((commit: string) => Promise<boolean>) | undefined;
  /** How it stood a moment ago: one that was free is tried at once. */
  readonly seen?: SeenLock | undefined;
}

/** A lock, looked at. */
export interface SeenLock {
  /** What `Lock.former` will be if nobody takes the lock in between. */
  readonly version: string;
  /** '' for a lock that is free. */
  readonly holder: string;
  readonly lease?: KubeObject;
}

const commitAnnotation = 'zakenak.dev/commit';
const preemptAnnotation = 'zakenak.dev/preempted-by';

type LockPorts = Pick<Ports, 'kube' | 'clock' | 'progress'>;

/** Looks at it once. */
export async function peekLock(
  request: Pick<LockRequest, 'set' | 'namespace'>,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<SeenLock> {
  const lease = await requestOf('Reading the lock', () => ports.kube.get(refOf(request), signal));
  if (!lease) return { version: '', holder: '' };
  return { version: lease.metadata.resourceVersion ?? '', holder: holderOf(lease), lease };
}

/** How a lock stands. */
export interface HolderState {
  /** `dead`: certainly gone, or its Lease has not changed for its whole duration while we looked. */
  readonly state: 'free' | 'dead' | 'alive';
  readonly holder: string;
  /** What the holder deploys; empty where it did not say. */
  readonly commit: string;
  readonly epoch: number;
  /** How long its Lease lives without renewal. */
  readonly leaseSeconds: number;
}

/** Looks at the lock until it is known whether its holder lives: at once, or after the Lease's duration at the latest. Writes nothing. */
export async function observeHolder(
  request: Pick<LockRequest, 'set' | 'namespace' | 'isGone'>,
  ports: LockPorts,
  signal?: AbortSignal,
): Promise<HolderState> {
  const begun = ports.clock.monotonicMs();
  let first: string | undefined;
  for (;;) {
    const live = await requestOf('Reading the lock', () => ports.kube.get(refOf(request), signal));
    const holder = live ? holderOf(live) : '';
    const facts = {
      holder,
      commit: live?.metadata.annotations?.[commitAnnotation] ?? '',
      epoch: numberAt(live, 0, 'spec', 'leaseTransitions'),
      leaseSeconds: leaseSecondsOf(live),
    };
    if (!live || holder === '') return { ...facts, state: 'free' };
    if (request.isGone?.(holder) || isFree(live, ports.clock.monotonicMs() - begun))
      return { ...facts, state: 'dead' };
    first ??= live.metadata.resourceVersion;
    if (live.metadata.resourceVersion !== first) return { ...facts, state: 'alive' };
    ports.progress.emit({
      stage: 'lock',
      subject: request.set,
      state: 'waiting',
      message: `looking whether ${holder} still renews it`,
    });
    await ports.clock.sleep(500, signal);
  }
}

/**
 * Waits, holding the lock, until the holder that it was taken from can write no more: it is certainly gone, or its Lease's duration has passed since the taking, and its own clock
 * keeps it from writing, however long it was stopped. A write that it has sent by then may still arrive. Throws `rollout/lock-lost`.
 */
export async function outlastHolder(
  ours: Pick<Lock, 'assertHeld'>,
  former: Pick<HolderState, 'holder' | 'leaseSeconds'>,
  request: Pick<LockRequest, 'set' | 'isGone'>,
  ports: LockPorts,
  signal?: AbortSignal,
): Promise<void> {
  const begun = ports.clock.monotonicMs();
  while (ports.clock.monotonicMs() - begun < former.leaseSeconds * 1_000) {
    ours.assertHeld();
    if (request.isGone?.(former.holder)) return;
    const message = `until ${former.holder} can write no more`;
    ports.progress.emit({ stage: 'lock', subject: request.set, state: 'waiting', message });
    await ports.clock.sleep(500, signal);
  }
}

/**
 * Takes the set's Lease (coordination.k8s.io), waiting for its holder at most `timeoutMs`, and renews it until it is released. A holder counts as dead when
 * its Lease has not changed for its whole duration by our own clock (client-go: tools/leaderelection). Throws ZakenakError `rollout/locked`.
 */
export async function acquireLock(
  request: LockRequest,
  ports: LockPorts,
  signal?: AbortSignal,
): Promise<Lock> {
  const { seen } = request;
  // 404: there is no namespace for it yet, or its Lease is gone.
  const atOnce = seen?.holder === '' ? await tryTake(request, seen.lease, ports, [404, 409]) : undefined;
  if (seen && atOnce) return keep(atOnce, seen.version, request, ports);
  await ensureNamespace(request.namespace, ports);
  const deadline = ports.clock.monotonicMs() + request.timeoutMs;
  let observed = { version: '', at: 0 };
  const tell = tellLock(request.set, ports.progress);
  for (;;) {
    const live = await requestOf('Reading the lock', () => ports.kube.get(refOf(request), signal));
    const now = ports.clock.monotonicMs();
    const version = live?.metadata.resourceVersion ?? '';
    if (version !== observed.version) observed = { version, at: now };
    if (!live || isFree(live, now - observed.at) || request.isGone?.(holderOf(live))) {
      const taken = await tryTake(request, live, ports);
      if (taken) {
        tell('done');
        return keep(taken, version, request, ports);
      }
    } else {
      if (now >= deadline) {
        tell('failed', holderOf(live));
        throw locked(request.set, holderOf(live));
      }
      await askToStop(live, request, ports);
      tell('waiting', holderOf(live));
    }
    await ports.clock.sleep(500, signal);
  }
}

/** Nothing is told of a lock that was free. */
function tellLock(
  subject: string,
  progress: Ports['progress'],
): (state: 'waiting' | 'done' | 'failed', holder?: string) => void {
  let hasWaited = false;
  return (state, holder) => {
    if (state === 'waiting' && !hasWaited) progress.emit({ stage: 'lock', subject, state: 'started' });
    hasWaited ||= state === 'waiting';
    if (!hasWaited) return;
    const waitingFor = [{ kind: 'lock' as const, name: subject, reason: `held by ${holder}` }];
    progress.emit({ stage: 'lock', subject, state, ...(holder ? { waitingFor } : {}) });
  };
}

/** A deploy of an older commit would only be overwritten: its holder sees the annotation when it renews. Asked of that holder alone: what arrives late stops no other. */
async function askToStop(live: KubeObject, request: LockRequest, ports: LockPorts): Promise<void> {
  const { annotations = {}, resourceVersion } = live.metadata;
  const commit = annotations[commitAnnotation];
  if (commit === undefined || annotations[preemptAnnotation] !== undefined) return;
  if (!(await request.supersedes?.(commit))) return;
  const asked = { [preemptAnnotation]: request.commit ?? request.holder };
  const body = { metadata: { annotations: asked, ...(resourceVersion ? { resourceVersion } : {}) } };
  await requestOf('Asking for the lock', () =>
    ports.kube.patch(refOf(request), 'merge', body).catch((error: unknown) => {
      // Renewed in between: it is asked again at the next look.
      if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
    }),
  );
}

function refOf({ set, namespace }: Pick<LockRequest, 'set' | 'namespace'>): KubeRef {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: `zakenak.${set}` };
}

function holderOf(lease: KubeObject): string {
  return textAt(lease, 'spec', 'holderIdentity');
}

function isFree(lease: KubeObject, unchangedMs: number): boolean {
  return holderOf(lease) === '' || unchangedMs >= leaseSecondsOf(lease) * 1_000;
}

function leaseSecondsOf(lease: KubeObject | undefined): number {
  return numberAt(lease, 15, 'spec', 'leaseDurationSeconds');
}

async function tryTake(
  request: LockRequest,
  live: KubeObject | undefined,
  ports: LockPorts,
  harmless = [409],
): Promise<Taken | undefined> {
  const at = lookAt(ports);
  const now = microTime(ports);
  const spec = {
    holderIdentity: request.holder,
    leaseDurationSeconds: request.leaseSeconds,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: numberAt(live, 0, 'spec', 'leaseTransitions') + 1,
  };
  const annotations = request.commit === undefined ? {} : { [commitAnnotation]: request.commit };
  try {
    if (live) {
      const metadata = { ...live.metadata, annotations };
      return { at, lease: await ports.kube.replace({ ...live, metadata, spec }) };
    }
    const { apiVersion, kind, name, namespace } = refOf(request);
    const metadata = { name, ...(namespace ? { namespace } : {}), annotations };
    return { at, lease: await ports.kube.create({ apiVersion, kind, metadata, spec }) };
  } catch (error) {
    if (error instanceof KubeStatusError && harmless.includes(error.status)) return undefined;
    return requestOf('Taking the lock', () => Promise.reject(error));
  }
}

/** A Lease that was taken, and when that was asked for: by the time of the answer another may have it. */
interface Taken {
  readonly lease: KubeObject;
  readonly at: ReturnType<typeof lookAt>;
}

/** A suspended machine's monotonic clock stands still; the other one may be set while it runs. */
function lookAt({ clock }: Pick<Ports, 'clock'>) {
  return { monotonic: clock.monotonicMs(), wall: clock.now().getTime() };
}

function keep({ lease: taken, at }: Taken, former: string, request: LockRequest, ports: LockPorts): Lock {
  const stop = new AbortController();
  const lost = new AbortController();
  let isOurs = true;
  let lease = taken;
  const spec = (): Record<string, unknown> => lease['spec'] as Record<string, unknown>;
  const leaseMs = request.leaseSeconds * 1_000;
  // As client-go does: its RenewDeadline is 10 s where the LeaseDuration is 15.
  const deadlineMs = (leaseMs * 2) / 3;
  const look = () => lookAt(ports);
  let lastRenewed = at;
  let failure: string | undefined;
  const unrenewedMs = (): number => {
    const now = look();
    return Math.max(now.monotonic - lastRenewed.monotonic, now.wall - lastRenewed.wall);
  };
  const renew = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await ports.clock.sleep(Math.min(leaseMs / 3, 2_000), stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      try {
        const begun = look();
        failure ??= unanswered;
        lease = await ports.kube.replace({ ...lease, spec: { ...spec(), renewTime: microTime(ports) } });
        lastRenewed = begun;
        if (unrenewedMs() < deadlineMs) failure = undefined;
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
        const isChanged = error instanceof KubeStatusError && [404, 409].includes(error.status);
        const seen = isChanged ? await readAgain() : undefined;
        const isLate = unrenewedMs() > deadlineMs;
        if (seen === 'gone' || isLate) {
          isOurs = false;
          lost.abort(seen === 'gone' ? lockLost(request.set) : lockNotRenewed(request.set, failure));
          return;
        }
      }
    }
  };
  /** The Lease was changed by somebody: either it is another's now, or another waits for it. */
  const readAgain = async (): Promise<'gone' | 'ours' | undefined> => {
    const live = await ports.kube.get(refOf(request)).catch(() => 'unknown' as const);
    if (live === 'unknown') return undefined;
    const epoch = numberAt(taken, 1, 'spec', 'leaseTransitions');
    const isSame =
      live && holderOf(live) === request.holder && numberAt(live, 0, 'spec', 'leaseTransitions') === epoch;
    if (!isSame) return 'gone';
    lease = live;
    const by = live.metadata.annotations?.[preemptAnnotation];
    if (by !== undefined) lost.abort(preempted(request.set, by));
    return 'ours';
  };
  const renewing = renew();
  const assertHeld = (): void => {
    if (unrenewedMs() >= deadlineMs) {
      isOurs = false;
      lost.abort(lockNotRenewed(request.set, failure, ports.kube.heldUp()));
    }
    if (lost.signal.aborted) throw lost.signal.reason;
  };
  return {
    epoch: numberAt(taken, 1, 'spec', 'leaseTransitions'),
    lost: lost.signal,
    former,
    assertHeld,
    fence: (kube) => kube.fenced(assertHeld, () => leaseMs - unrenewedMs()),
    async release({ runOut = false } = {}) {
      stop.abort();
      await renewing;
      if (!isOurs || runOut) return;
      // A lock that cannot be given back runs out by itself.
      await ports.kube.replace({ ...lease, spec: { ...spec(), holderIdentity: '' } }).catch(() => undefined);
    },
  };
}

/** Creates a namespace that is not there. */
export async function ensureNamespace(name: string, ports: Pick<Ports, 'kube'>): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await requestOf(`Reading namespace ${name}`, async () => {
    if (await ports.kube.get({ apiVersion: 'v1', kind: 'Namespace', name })) return;
    await ports.kube.create(namespace).catch((error: unknown) => {
      if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
    });
  });
}

/** metav1.MicroTime wants six digits. */
function microTime(ports: Pick<Ports, 'clock'>): string {
  return ports.clock.now().toISOString().replace('Z', '000Z');
}
