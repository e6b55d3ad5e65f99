import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from './errors.ts';
import type { JournalPlace } from './journal.ts';
import { digestOf, textAt } from './json.ts';

/** How a rollout ended. `kept`: it failed and everything was left for a look; `taken`: the lock was taken from somebody by hand. */
export type AuditOutcome = 'completed' | 'rolled-back' | 'failed' | 'kept' | 'taken';

/** One thing that was done to a set, as an auditor asks for it: who, when, what, from which commit, with what end. */
export interface AuditEntry {
  /** Counts from 1, also over entries that are not kept any more. */
  readonly sequence: number;
  readonly verb: string;
  readonly outcome: AuditOutcome;
  readonly rollout: string;
  readonly planId: string;
  /** Empty where nobody knew. */
  readonly commit: string;
  /** The run's address, or the machine and process, of who began and of who ended it: not the same after an interruption. */
  readonly begunBy: string;
  readonly endedBy: string;
  /** RFC 3339, by the clocks of those two. */
  readonly begunAt: string;
  readonly endedAt: string;
  /** Why it failed, or from whom the lock was taken; redacted. */
  readonly cause: string;
  /** Revisions before and after; 0: none. */
  readonly releases: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly from: number;
    readonly to: number;
  }[];
  /** SHA-256 of the entry before as canonical JSON, hex; empty for the very first. */
  readonly previous: string;
}

/** An entry that has no place in the trail yet. */
export type AuditFacts = Omit<AuditEntry, 'sequence' | 'previous'>;

const auditLabel = 'zakenak.dev/audit';
const entriesKey = 'entries';
// The API server takes 1 MiB; what is older than this many entries is dropped.
const mostBytes = 900_000;
const mostEntries = 1_000;
const tries = 4;

/** Appends an entry, linked to the one before. One read and one write; throws ZakenakError `rollout/forbidden`, `rollout/server-refused`. */
export async function appendEntry(
  facts: AuditFacts,
  place: JournalPlace,
  { kube }: Pick<Ports, 'kube'>,
): Promise<void> {
  const doing = 'Writing the audit trail';
  for (let left = tries; ; left--) {
    const live = await requestOf(doing, () => kube.get(refOf(place)));
    const entries = live ? entriesOf(live) : [];
    const last = entries.at(-1);
    const entry = { ...facts, sequence: (last?.sequence ?? 0) + 1, previous: last ? digestOf(last) : '' };
    const object = trailOf(keep([...entries, entry]), place, live);
    try {
      await (live ? kube.replace(object) : kube.create(object));
      return;
    } catch (error) {
      // Another run of the set wrote in between, as where a lock was taken by hand.
      const isRace = error instanceof KubeStatusError && error.status === 409;
      if (!isRace || left <= 1) await requestOf(doing, () => Promise.reject(error));
    }
  }
}

/** All entries that are kept, oldest first. */
export async function readTrail(
  place: JournalPlace,
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly AuditEntry[]> {
  const live = await requestOf('Reading the audit trail', () => kube.get(refOf(place), signal));
  return live ? entriesOf(live) : [];
}

/** Sequence numbers of the entries that do not follow from the one before them: something was changed, removed or put in. */
export function findBreaks(entries: readonly AuditEntry[]): readonly number[] {
  return entries.flatMap((entry, index) => {
    const before = entries[index - 1];
    if (!before) return entry.sequence === 1 && entry.previous !== '' ? [entry.sequence] : [];
    const follows = entry.previous === digestOf(before) && entry.sequence === before.sequence + 1;
    return follows ? [] : [entry.sequence];
  });
}

function refOf({ set, namespace }: JournalPlace) {
  return { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: `zakenak.audit.${set}` };
}

function trailOf(
  entries: readonly AuditEntry[],
  place: JournalPlace,
  live: KubeObject | undefined,
): KubeObject {
  const { apiVersion, kind, name, namespace } = refOf(place);
  const { resourceVersion } = live?.metadata ?? {};
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { [auditLabel]: place.set },
      ...(resourceVersion ? { resourceVersion } : {}),
    },
    data: { [entriesKey]: entries.map((entry) => JSON.stringify(entry)).join('\n') },
  };
}

function keep(entries: readonly AuditEntry[]): readonly AuditEntry[] {
  let bytes = 0;
  const first = entries.findLastIndex((entry, index) => {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    return bytes > mostBytes || entries.length - index > mostEntries;
  });
  return entries.slice(first + 1);
}

function entriesOf(trail: KubeObject): readonly AuditEntry[] {
  return textAt(trail, 'data', entriesKey)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEntry);
}
