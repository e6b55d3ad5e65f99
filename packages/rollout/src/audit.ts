import {
  createFinding,
  createReport,
  type Finding,
  type Ports,
  type Report,
  type Section,
} from '@zakenak/core';
import type { ReleaseRequest, TransactionOptions } from './request.ts';
import { type AuditEntry, breakFindings, broken, readTrail } from './state/audit-trail.ts';
import { lookInto } from './state/damaged-record.ts';
import { type JournalLook, lookAtJournal } from './state/damaged-state.ts';
import { computeDora, type Dora, describeDora } from './state/dora.ts';
import type { HelmHistory } from './state/helm-record.ts';
import { newest, readHistories, rolloutOf } from './state/helm-storage.ts';
import type { Journal } from './state/journal-shape.ts';
import { statePlaceOf } from './state/state-place.ts';
import { tableSection } from './table-section.ts';

/** Whose deeds are told. */
export interface AuditRequest extends Pick<TransactionOptions, 'stateNamespace'> {
  readonly set: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
  /** Only what ended at this time or later. */
  readonly since?: Date;
  /** When a commit was made; undefined where that is not known. */
  readonly timeOf?: (commit: string) => Promise<Date | undefined>;
}

/**
 * Who deployed what, when, from which commit and with what end: the set's trail, checked link by link, and compared with Helm's records, so that what nobody told of shows. Reads
 * only. Findings: `audit/broken-trail`, `audit/unreadable-trail`, `audit/unexplained-revision`, `rollout/interrupted`, `rollout/damaged-state`.
 */
export async function auditRollouts(
  request: AuditRequest,
  ports: Pick<Ports, 'kube' | 'clock'>,
  signal?: AbortSignal,
): Promise<Report> {
  const place = statePlaceOf(request, ports);
  const [{ entries: trail, findings: damage }, look, histories] = await Promise.all([
    readTrail(place, ports, signal),
    lookAtJournal(place, ports, signal),
    readHistories(request.releases, ports, signal),
  ]);
  const since = request.since?.getTime() ?? Number.NEGATIVE_INFINITY;
  const entries = trail.filter(({ endedAt }) => Date.parse(endedAt) >= since);
  const dora = await computeDora(entries, request.timeOf);
  return reportAudit(request.set, entries, dora, [
    ...damage,
    ...breakFindings(request.set, trail),
    ...(trail.length + damage.length === 0 ? goneTrail(request, histories, look) : []),
    ...request.releases.flatMap(({ name }) => unexplained(name, histories.get(name) ?? [], trail, look)),
    ...(look.journal ? [unfinished(request.set, look.journal)] : []),
    ...look.journalDamage,
  ]);
}

function reportAudit(
  set: string,
  entries: readonly AuditEntry[],
  dora: Dora,
  findings: readonly Finding[],
): Report {
  const figures = describeDora(dora);
  return createReport({
    tool: 'audit',
    summary: `${entries.length} entries in the audit trail of ${set}${figures ? `: ${figures}` : ''}.`,
    findings,
    outputs: { set, entries, dora: { ...dora } },
    sections: [trailSection(`Audit trail of ${set}`, entries)],
  });
}

/** Entries as a table, newest first. */
export function trailSection(title: string, entries: readonly AuditEntry[]): Section {
  const head = ['ended', 'verb', 'outcome', 'commit', 'by', 'releases', 'cause'];
  const rows = [...entries]
    .reverse()
    .map((entry) => [
      entry.endedAt.replace('T', ' ').replace(/\.\d+Z$/, 'Z'),
      entry.verb,
      entry.outcome,
      entry.commit.slice(0, 12),
      withoutProcess(entry.endedBy),
      entry.releases.map(({ name, from, to }) => `${name} ${from || 'none'}→${to || 'none'}`).join(', '),
      entry.cause.slice(0, 120),
    ]);
  return tableSection(title, head, rows);
}

/** What only tells whether the process still lives is left to the entry itself: it makes a line of two. */
function withoutProcess(holder: string): string {
  return holder.replace(/ \S+\/\d+\/[^/]*\)$/, ')');
}

/** Where a rollout is deployed there is an entry, or there was one. */
function goneTrail(
  request: AuditRequest,
  histories: ReadonlyMap<string, HelmHistory>,
  look: JournalLook,
): readonly Finding[] {
  const isOurs = [...histories.values()].some((history) => {
    const rollout = rolloutOfDeployed(history);
    return rollout !== '' && !mayBeOf(look, rollout);
  });
  return isOurs ? [broken(request, 'is not there, though a rollout of Zakenak’s is deployed')] : [];
}

/** It may be the unfinished rollout's, whose entry is written at its end. */
function mayBeOf({ journal, journalDamage }: JournalLook, rollout: string): boolean {
  return journal?.rollout === rollout || (rollout !== '' && journalDamage.length > 0);
}

function rolloutOfDeployed(history: HelmHistory): string {
  const record = newest(history, 'deployed');
  return record ? rolloutOf(record) : '';
}

/** The deployed revision has to be one that an entry tells of. */
function unexplained(
  name: string,
  history: HelmHistory,
  trail: readonly AuditEntry[],
  look: JournalLook,
): readonly Finding[] {
  const record = newest(history, 'deployed');
  const rollout = rolloutOfDeployed(history);
  if (!record || trail.length === 0 || mayBeOf(look, rollout)) return [];
  const isTold = trail.some(({ releases }) =>
    releases.some((release) => release.name === name && release.to === record.version),
  );
  const isOurs = rollout !== '';
  // The entry of one that has been there for long is dropped, as are all that are older.
  const isDropped = (trail[0]?.sequence ?? 1) > 1;
  if (isOurs && (isTold || isDropped)) return [];
  const { value, damage } = lookInto(record, ({ info }) => info);
  if (damage) return [damage];
  const { description = '', last_deployed: at = '' } = value;
  return [
    createFinding({
      ruleId: 'audit/unexplained-revision',
      severity: 'medium',
      message: `${name}: revision ${record.version} (${description}, ${at}) ${isOurs ? `is of Zakenak’s rollout ${rollout}, of which the audit trail tells nothing` : 'was not deployed by Zakenak'}.`,
      identity: `${name} ${record.version}`,
      remedy: isOurs
        ? 'Look into the API server’s audit log for who changed the trail’s ConfigMap, or the labels of Helm’s record.'
        : 'Ask who ran Helm by hand; zakenak deploy brings back what the repository says.',
      tool: 'zakenak',
    }),
  ];
}

function unfinished(set: string, { verb, startedAt, by, commit }: Journal): Finding {
  return createFinding({
    ruleId: 'rollout/interrupted',
    severity: 'high',
    message: `A ${verb} of ${set} that began ${startedAt} did not finish (by ${by}${commit ? `, commit ${commit.slice(0, 12)}` : ''}).`,
    identity: set,
    remedy: 'Run zakenak deploy to go on with it, or zakenak rollback to put the set back.',
    tool: 'zakenak',
  });
}
