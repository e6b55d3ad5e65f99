import { createFinding, type Finding, type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { digestOf, isRecord, textAt } from '../objects/json.ts';
import type { JournalPlace } from './journal.ts';
import { reviseObject } from './revise.ts';

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

/** What of a trail can be told. */
export interface Trail {
  /** Oldest first. */
  readonly entries: readonly AuditEntry[];
  /** `audit/unreadable-trail` for each line that is no entry, and where the account may not read it; `audit/broken-trail` for an end that is not as it was written. */
  readonly findings: readonly Finding[];
}

/** An entry that has no place in the trail yet. */
export type AuditFacts = Omit<AuditEntry, 'sequence' | 'previous'>;

const auditLabel = 'zakenak.dev/audit';
/** Annotation with the digest of the entry that was written last: what is changed or removed at the end shows too. */
const lastAnnotation = 'zakenak.dev/last-entry';
const entriesKey = 'entries';
// The API server takes 1 MiB; what is older than this many entries is dropped.
const mostBytes = 900_000;
const mostEntries = 1_000;

/** Appends an entry, linked to the one before; lines that are damaged stay as they are, for whoever looks into it. One read and one write; throws ZakenakError `rollout/forbidden`, `rollout/server-refused`. */
export async function appendEntry(
  facts: AuditFacts,
  place: JournalPlace,
  { kube }: Pick<Ports, 'kube'>,
): Promise<void> {
  // Another run of the set may write in between, as where a lock was taken by hand.
  const append = (live: KubeObject | undefined): KubeObject => {
    const lines = live ? linesOf(live) : [];
    // Of what was written, not of what somebody has made of it since.
    const previous = writtenLast(live) ?? digestOfLast(lines);
    const entry = { ...facts, sequence: nextSequence(lines), previous };
    return trailOf(keep([...lines, JSON.stringify(entry)]), place);
  };
  await requestOf('Writing the audit trail', () => reviseObject(refOf(place), append, { kube }));
}

/** All entries that are kept. What cannot be read, or may not, is told and keeps nobody from the rest. */
export async function readTrail(
  place: JournalPlace,
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Trail> {
  let live: KubeObject | undefined;
  try {
    live = await kube.get(refOf(place), signal);
  } catch (error) {
    if (error instanceof KubeStatusError && error.status === 403)
      return { entries: [], findings: [unreadable(place, `it may not be read: ${error.message}`, 'medium')] };
    return requestOf('Reading the audit trail', () => Promise.reject(error));
  }
  const lines = live ? linesOf(live) : [];
  const parsed = lines.map(parseEntry);
  const unread = parsed.flatMap((entry, index) =>
    entry ? [] : [unreadable(place, `line ${index + 1} of ${lines.length} is no entry.`, 'high')],
  );
  const entries = parsed.flatMap((entry) => entry ?? []);
  return { entries, findings: [...unread, ...findMissing(lines, live, place)] };
}

/** What was taken from either end, or changed where nothing follows. */
function findMissing(
  lines: readonly string[],
  live: KubeObject | undefined,
  place: JournalPlace,
): readonly Finding[] {
  const [first, last] = [parseEntry(lines[0] ?? ''), lines.at(-1)];
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  // One that was written down to its limits is near them still.
  const isSmall = lines.length < mostEntries && bytes < mostBytes / 2;
  const isCut = first !== undefined && first.sequence > 1 && isSmall;
  const written = writtenLast(live);
  const isTold = last !== undefined && !parseEntry(last);
  const isOther = written !== undefined && !isTold && written !== digestOfLast(lines);
  return [
    ...(isCut ? [broken(place, `begins with entry ${first.sequence}: those before it were removed`)] : []),
    ...(isOther
      ? [broken(place, 'does not end with what was written last: its end was changed or removed')]
      : []),
  ];
}

function writtenLast(live: KubeObject | undefined): string | undefined {
  return live?.metadata.annotations?.[lastAnnotation];
}

/** A finding for each break. */
export function breakFindings(set: string, entries: readonly AuditEntry[]): readonly Finding[] {
  return findBreaks(entries).map((sequence) =>
    broken({ set }, `was changed by hand: entry ${sequence} does not follow from the one before it`),
  );
}

/** The finding `audit/broken-trail`. */
export function broken({ set }: Pick<JournalPlace, 'set'>, what: string): Finding {
  return createFinding({
    ruleId: 'audit/broken-trail',
    severity: 'high',
    message: `The audit trail of ${set} ${what}.`,
    identity: `${set} ${what}`,
    remedy: lookForWriter,
    tool: 'zakenak',
  });
}

const lookForWriter = 'Look into the API server’s audit log for who wrote the ConfigMap of the trail.';

function unreadable(place: JournalPlace, why: string, severity: Finding['severity']): Finding {
  const { namespace, name } = refOf(place);
  return createFinding({
    ruleId: 'audit/unreadable-trail',
    severity,
    message: `The audit trail of ${place.set} (ConfigMap ${name} in ${namespace}): ${why}`,
    identity: `${place.set} ${why}`,
    remedy: severity === 'high' ? lookForWriter : 'Grant the account get on that ConfigMap.',
    tool: 'zakenak',
  });
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

function trailOf(lines: readonly string[], place: JournalPlace): KubeObject {
  const { apiVersion, kind, name, namespace } = refOf(place);
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { [auditLabel]: place.set },
      annotations: { [lastAnnotation]: digestOfLast(lines) },
    },
    data: { [entriesKey]: lines.join('\n') },
  };
}

function keep(lines: readonly string[]): readonly string[] {
  let bytes = 0;
  const first = lines.findLastIndex((line, index) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes > mostBytes || lines.length - index > mostEntries;
  });
  return lines.slice(first + 1);
}

function linesOf(trail: KubeObject): readonly string[] {
  return textAt(trail, 'data', entriesKey)
    .split('\n')
    .filter((line) => line !== '');
}

/** Damaged lines are counted as entries. */
function nextSequence(lines: readonly string[]): number {
  const at = lines.findLastIndex((line) => parseEntry(line) !== undefined);
  const last = parseEntry(lines[at] ?? '');
  return (last?.sequence ?? 0) + lines.length - at;
}

function digestOfLast(lines: readonly string[]): string {
  const line = lines.at(-1);
  return line === undefined ? '' : digestOf(parseEntry(line) ?? line);
}

const textFields = [
  'verb',
  'outcome',
  'rollout',
  'planId',
  'commit',
  'begunBy',
  'endedBy',
  'begunAt',
  'endedAt',
  'cause',
  'previous',
] as const satisfies readonly (keyof AuditEntry)[];

/** undefined for what is no entry. */
function parseEntry(line: string): AuditEntry | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(entry) || !Number.isInteger(entry['sequence'])) return undefined;
  const isWhole =
    textFields.every((field) => typeof entry[field] === 'string') &&
    !Number.isNaN(Date.parse(textAt(entry, 'endedAt'))) &&
    Array.isArray(entry['releases']) &&
    entry['releases'].every((release) => isRecord(release) && typeof release['name'] === 'string');
  return isWhole ? (entry as unknown as AuditEntry) : undefined;
}
