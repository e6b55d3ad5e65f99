import type { Ports } from '@zakenak/core';
import { textAt } from '../objects/json.ts';
import { defaultLockTimeoutMs, type TransactionOptions } from '../request.ts';
import { lookInto } from '../state/damaged-record.ts';
import type { HelmHistory, HelmRecord } from '../state/helm-record.ts';
import { isPending } from '../state/helm-release.ts';
import { newest, readAgain, rolloutOf } from '../state/helm-storage.ts';
import { helmAtWork } from '../state/lock-errors.ts';
import type { PreparedRollout } from './prepared.ts';

/** Helm holds no lock: after so long none with its own timeouts is at a revision any more (five minutes each for hooks before, readiness and hooks after). */
const defaultHelmTimeoutMs = 15 * 60_000;

/** For how long a Helm may be at a revision; where nothing is said for as long as its own timeouts allow. */
export interface HelmPatience {
  readonly helmTimeoutMs?: number | undefined;
}

/** The same in whole minutes, as a person is told. */
export function helmMinutes({ helmTimeoutMs = defaultHelmTimeoutMs }: HelmPatience): number {
  return Math.ceil(helmTimeoutMs / 60_000);
}

/** How often a record that a Helm may be at is looked at. */
const pauseMs = 1_000;

/** What the record of a release that Zakenak removes says meanwhile; Helm says more ("or silently failed"), in a record of ours too. */
export const deletionInProgress = 'Deletion in progress';

function isOwnDeletion(record: HelmRecord): boolean {
  return lookInto(record, ({ info }) => info.description).value === deletionInProgress;
}

/** True for a pending record that Helm may still be at. What Zakenak began is settled by its lock. */
export function mayBeHelms(
  record: HelmRecord,
  now: Date,
  { helmTimeoutMs = defaultHelmTimeoutMs }: HelmPatience,
): boolean {
  const isOurs = record.status === 'uninstalling' ? isOwnDeletion(record) : rolloutOf(record) !== '';
  return isPending(record.status) && !isOurs && pendingMs(record, now) < helmTimeoutMs;
}

/** Milliseconds since a record was last written; Helm's labels are in seconds. */
function pendingMs({ secret }: HelmRecord, now: Date): number {
  const { createdAt, modifiedAt } = secret.metadata.labels ?? {};
  const seconds = [createdAt, modifiedAt].map((text) => Number(text) || 0);
  const created = Date.parse(textAt(secret, 'metadata', 'creationTimestamp')) || 0;
  return now.getTime() - Math.max(created, ...seconds.map((at) => at * 1_000));
}

/** The newest revisions that a Helm may be at. */
export function helmsAt(
  histories: Iterable<HelmHistory>,
  now: Date,
  patience: HelmPatience,
): readonly HelmRecord[] {
  return [...histories].flatMap((history) => {
    const last = newest(history);
    return last && mayBeHelms(last, now, patience) ? [last] : [];
  });
}

/** Waits until no Helm can be at these revisions any more. Throws `rollout/helm-at-work` after `timeoutMs`; without it a Helm that was killed is waited for until its time is over. */
export async function outlastHelm(
  revisions: readonly HelmRecord[],
  request: HelmPatience & { readonly set: string; readonly timeoutMs?: number },
  ports: Pick<Ports, 'kube' | 'clock' | 'progress'>,
  signal?: AbortSignal,
): Promise<void> {
  const { set, timeoutMs = Number.POSITIVE_INFINITY } = request;
  const begun = ports.clock.monotonicMs();
  for (let left = revisions; left.length > 0; ) {
    const about = left.map((record) => factsOf(record, ports.clock.now()));
    const waitingFor = about.map((facts) => ({ kind: 'lock' as const, ...reasonOf(facts) }));
    ports.progress.emit({ stage: 'lock', subject: set, state: 'waiting', waitingFor });
    const [first] = about;
    if (first && ports.clock.monotonicMs() - begun >= timeoutMs)
      throw helmAtWork({ ...first, minutes: helmMinutes(request) });
    await ports.clock.sleep(pauseMs, signal);
    const seen = await Promise.all(left.map((record) => readAgain(record, ports, signal)));
    left = seen.filter(
      (record) => record !== undefined && mayBeHelms(record, ports.clock.now(), request),
    ) as HelmRecord[];
  }
}

/** A plan made when no Helm is at the releases that it changes. Throws `rollout/helm-at-work` where one stays for as long as a lock is waited for. A dry run does not wait. `begun`: the first look, where it is under way. */
export async function prepareAtRest(
  transaction: Pick<TransactionOptions, 'dryRun' | 'lockTimeoutMs' | 'helmTimeoutMs'> & {
    readonly set: string;
    look(): Promise<() => Promise<PreparedRollout>>;
  },
  ports: Pick<Ports, 'kube' | 'clock' | 'progress'>,
  signal?: AbortSignal,
  begun: Promise<() => Promise<PreparedRollout>> = transaction.look(),
): Promise<PreparedRollout> {
  const { set, dryRun, helmTimeoutMs, lockTimeoutMs: timeoutMs = defaultLockTimeoutMs } = transaction;
  for (let looking = begun; ; looking = transaction.look()) {
    const prepared = await (await looking)();
    const atWork = helmsAt(historiesOf(prepared), ports.clock.now(), transaction);
    if (dryRun || atWork.length === 0) return prepared;
    await outlastHelm(atWork, { set, timeoutMs, helmTimeoutMs }, ports, signal);
  }
}

function historiesOf({ releases }: PreparedRollout): readonly HelmHistory[] {
  return releases.map(({ history }) => history);
}

/** What a plan that is only shown says of them. */
export function helmRemarks(prepared: PreparedRollout, now: Date, patience: HelmPatience): readonly string[] {
  return helmsAt(historiesOf(prepared), now, patience).map((record) => {
    const { name, reason } = reasonOf(factsOf(record, now));
    return `${name}: ${reason}: a deploy waits until it ends.`;
  });
}

/** What is told where a revision that a Helm left is taken over; undefined for one of ours. */
export function takenOver(record: HelmRecord, now: Date, patience: HelmPatience): string | undefined {
  if (rolloutOf(record) !== '' && record.status !== 'uninstalling') return undefined;
  if (isOwnDeletion(record)) return undefined;
  const { release, revision, pending } = factsOf(record, now);
  const minutes = Math.round(pending.seconds / 60);
  return `${release}: revision ${revision} is ${pending.status} for ${minutes} minutes: its Helm is taken for gone after ${helmMinutes(patience)} (deploy.helmTimeout).`;
}

/** What is told of a revision that a Helm may be at. */
export function factsOf(record: HelmRecord, now: Date) {
  const { namespace = '', labels = {} } = record.secret.metadata;
  const seconds = Math.max(0, Math.round(pendingMs(record, now) / 1_000));
  const { version: revision, status } = record;
  return { release: labels['name'] ?? '', namespace, revision, pending: { status, seconds } };
}

function reasonOf({ release, revision, pending }: ReturnType<typeof factsOf>) {
  const reason = `a Helm may be at revision ${revision} (${pending.status} for ${pending.seconds} s)`;
  return { name: release, reason };
}
