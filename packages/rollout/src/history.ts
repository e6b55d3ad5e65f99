import { createReport, type Ports, type Report } from '@zakenak/core';
import { unknownRelease } from './errors.ts';
import { learnFromRecord } from './render/learn-releases.ts';
import type { ReleaseRequest } from './request.ts';
import { lookInto } from './state/damaged-record.ts';
import type { HelmRecord } from './state/helm-record.ts';
import { readHistories, rolloutOf, setLabel } from './state/helm-storage.ts';
import { tableSection } from './table-section.ts';

/** Whose history is read. */
export interface HistoryRequest {
  readonly set: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
  /** Only this one. */
  readonly release?: string;
  /** Newest revisions of each release; all that are stored where nothing is said. */
  readonly max?: number;
}

/** One stored revision, as `helm history` tells it, and with what it went out. */
interface RevisionFacts {
  readonly release: string;
  readonly namespace: string;
  readonly revision: number;
  /** RFC 3339. */
  readonly updated: string;
  readonly status: string;
  readonly chart: string;
  readonly appVersion: string;
  readonly description: string;
  /** Id of the rollout that wrote it; empty for what Helm itself wrote. */
  readonly rollout: string;
  readonly set: string;
}

/**
 * Every stored revision of the set's releases, newest first, and which of them went out together. Reads Helm's records only; one that is
 * damaged is the finding `rollout/bad-record`. Throws ZakenakError `rollout/unknown-release`.
 */
export async function readRolloutHistory(
  { set, releases, release, max }: HistoryRequest,
  ports: Pick<Ports, 'kube' | 'redactor'>,
  signal?: AbortSignal,
): Promise<Report> {
  const known = releases.map(({ name }) => name);
  if (release !== undefined && !known.includes(release)) throw unknownRelease(release, known);
  const wanted = releases.filter(({ name }) => release === undefined || name === release);
  const histories = await readHistories(wanted, ports, signal);
  const looks = wanted.flatMap(({ name }) =>
    (histories.get(name) ?? [])
      .map((record) => ({ record, look: lookInto(record, () => readFacts(record, ports.redactor)) }))
      .slice(max === undefined ? 0 : -max),
  );
  const revisions = looks
    .map(({ record, look }) => look.value ?? factsOfDamaged(record))
    .sort((a, b) => order(b.updated, a.updated) || order(a.release, b.release) || b.revision - a.revision);
  const rollouts = groupRollouts(revisions);
  const absent = wanted.filter(({ name }) => !histories.has(name)).map(({ name }) => name);
  const rows = revisions.map((facts) => [
    facts.release,
    String(facts.revision),
    facts.updated.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z'),
    facts.status,
    facts.chart,
    facts.appVersion,
    facts.rollout.slice(0, 8),
    facts.description,
  ]);
  const head = ['release', 'revision', 'updated', 'status', 'chart', 'app version', 'rollout', 'description'];
  return createReport({
    tool: 'history',
    summary: `${count(revisions.length, 'revision')} of ${count(wanted.length - absent.length, 'release')} of ${set}, from ${count(rollouts.length, 'rollout')}.`,
    findings: looks.flatMap(({ look }) => look.damage ?? []),
    outputs: { set, revisions, rollouts, 'not-deployed': absent },
    sections: [tableSection(`History of ${set}`, head, rows)],
  });
}

function readFacts(record: HelmRecord, redactor: Ports['redactor']): RevisionFacts {
  // What went wrong with one is told in the server's or Helm's own words.
  if (!['deployed', 'superseded'].includes(record.status)) learnFromRecord(record, redactor);
  return factsOf(record);
}

/** What the labels tell. */
function factsOfDamaged(record: HelmRecord): RevisionFacts {
  const { namespace = '', labels = {} } = record.secret.metadata;
  const seconds = Number(labels['modifiedAt'] ?? labels['createdAt'] ?? 0);
  return {
    release: labels['name'] ?? '',
    namespace,
    revision: record.version,
    updated: seconds > 0 ? new Date(seconds * 1_000).toISOString() : '',
    status: record.status,
    chart: '',
    appVersion: '',
    description: 'its record is damaged',
    rollout: rolloutOf(record),
    set: labels[setLabel] ?? '',
  };
}

function factsOf(record: HelmRecord): RevisionFacts {
  const { labels = {} } = record.secret.metadata;
  const { name, namespace, info, chart } = record.release();
  const { metadata } = chart;
  return {
    release: name,
    namespace,
    revision: record.version,
    updated: toUtc(info.last_deployed),
    status: record.status,
    chart: `${metadata.name}-${metadata.version}`,
    appVersion: typeof metadata['appVersion'] === 'string' ? metadata['appVersion'] : '',
    description: info.description ?? '',
    rollout: rolloutOf(record),
    set: labels[setLabel] ?? '',
  };
}

/** Helm writes times of its own time zone. */
function toUtc(time: string | undefined): string {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? '' : new Date(at).toISOString();
}

/** Newest first; a rollout that was resumed or put back has several revisions of one release. */
function groupRollouts(revisions: readonly RevisionFacts[]): readonly {
  readonly rollout: string;
  readonly updated: string;
  readonly revisions: readonly string[];
}[] {
  const groups = new Map<string, RevisionFacts[]>();
  for (const facts of revisions) {
    if (facts.rollout === '') continue;
    groups.set(facts.rollout, [...(groups.get(facts.rollout) ?? []), facts]);
  }
  return [...groups].map(([rollout, members]) => ({
    rollout,
    updated: members[0]?.updated ?? '',
    revisions: members.map(({ release, revision }) => `${release} ${revision}`),
  }));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
