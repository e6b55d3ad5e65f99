import {
  createFinding,
  createReport,
  type Finding,
  inlineCode,
  type Report,
  type Section,
} from '@zakenak/core';
import type { Health } from './condition.ts';
import { renderFromRecord } from './from-record.ts';
import { judgeHealth } from './health.ts';
import { type HelmHistory, newest, readHistories } from './helm-storage.ts';
import { type Journal, readJournal } from './journal.ts';
import { createKinds } from './kinds.ts';
import { peekLock } from './lock.ts';
import { describe } from './object.ts';
import { type PlanPorts, type PreparedRelease, planRendered } from './plan-rollout.ts';
import { defaultTimeoutMs, type ReleaseRequest } from './request.ts';
import { placeOf } from './transaction.ts';

/** Whose status is read. */
export interface StatusRequest {
  readonly set: string;
  readonly stateNamespace?: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
}

/** How one release stands. */
interface ReleaseStatus {
  readonly name: string;
  readonly namespace: string;
  /** `absent`, or Helm's status of the newest revision. */
  readonly status: string;
  readonly revision: number;
  readonly chart: string;
  readonly updated: string;
  readonly health: Health['state'] | 'unknown';
  /** `unknown`: an object could not be compared. */
  readonly drift: 'in-sync' | 'drifted' | 'unknown';
  /** What is not as it should be, one phrase each. */
  readonly remarks: readonly string[];
}

/**
 * How every release of the set stands: Helm's record, health, and drift from what was deployed, by dry runs only. An object that cannot be compared makes the
 * drift `unknown`, never in sync. Nothing is written.
 */
export async function readRolloutStatus(
  request: StatusRequest,
  ports: PlanPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const place = placeOf(request, ports);
  const [histories, journal, lock, resources] = await Promise.all([
    readHistories(request.releases, ports, signal),
    readJournal(place, ports, signal),
    peekLock(place, ports, signal),
    ports.kube.resources(),
  ]);
  const kinds = createKinds(resources, []);
  const deployed = request.releases.flatMap(({ name }) => {
    const record = newest(histories.get(name) ?? [], 'deployed');
    const facts = { needs: [], timeoutMs: defaultTimeoutMs };
    return record ? [renderFromRecord(record, kinds, facts)] : [];
  });
  const rendered = { set: request.set, releases: deployed, kinds };
  const prepared = await planRendered(rendered, histories, new Map(), ports, signal);
  const statuses = request.releases.map(({ name, namespace }) =>
    statusOf(
      { name, namespace },
      histories.get(name) ?? [],
      prepared.releases.find((release) => release.rendered.name === name),
    ),
  );
  return reportStatus(request.set, statuses, journal, lock.holder);
}

function statusOf(
  place: { readonly name: string; readonly namespace: string },
  history: HelmHistory,
  prepared: PreparedRelease | undefined,
): ReleaseStatus {
  const last = newest(history);
  if (!last)
    return {
      ...place,
      status: 'absent',
      revision: 0,
      chart: '',
      updated: '',
      health: 'unknown',
      drift: 'unknown',
      remarks: ['it is not deployed'],
    };
  const { info, chart } = last.release();
  const objects = prepared?.objects ?? [];
  const ill = objects.flatMap(({ planned, live }) => {
    const health = live && judgeHealth(live);
    return health && health.state !== 'ready'
      ? [{ health, text: `${describe(planned.ref)}: ${health.reason}` }]
      : [];
  });
  const drifted = objects.filter(({ planned }) => !['noop', 'keep', 'unknown'].includes(planned.action));
  const unknown = objects.filter(({ planned }) => planned.action === 'unknown');
  return {
    ...place,
    status: last.status,
    revision: last.version,
    chart: `${chart.metadata.name}-${chart.metadata.version}`,
    updated: info.last_deployed ?? '',
    health: !prepared ? 'unknown' : (worst(ill.map(({ health }) => health.state)) ?? 'ready'),
    drift: !prepared || unknown.length > 0 ? 'unknown' : drifted.length > 0 ? 'drifted' : 'in-sync',
    remarks: [
      ...(last.status === 'deployed'
        ? []
        : [`revision ${last.version} is ${last.status}: ${info.description ?? ''}`]),
      ...ill.map(({ text }) => text),
      ...[...drifted, ...unknown].map(({ planned }) => `${describe(planned.ref)}: ${driftText(planned)}`),
    ],
  };
}

function driftText({ action, reason, diff }: PreparedRelease['planned']['objects'][number]): string {
  if (action === 'unknown') return `cannot be compared: ${reason}`;
  if (action === 'create') return 'it is gone';
  const fields = diff.slice(0, 5).map(({ path }) => path);
  return `${fields.join(', ')}${diff.length > 5 ? ` and ${diff.length - 5} more` : ''} differ`;
}

const gravity: readonly Health['state'][] = ['ready', 'progressing', 'terminating', 'failed'];

function worst(states: readonly Health['state'][]): Health['state'] | undefined {
  return [...states].sort((a, b) => gravity.indexOf(b) - gravity.indexOf(a))[0];
}

function reportStatus(
  set: string,
  statuses: readonly ReleaseStatus[],
  journal: Journal | undefined,
  holder: string,
): Report {
  const good = statuses.filter((status) => isWell(status)).length;
  return createReport({
    tool: 'status',
    summary: `${good} of ${statuses.length} releases of ${set} are deployed, ready and in sync.`,
    findings: [
      ...statuses.flatMap(findingOf),
      ...(journal && !holder ? [interruptedFinding(set, journal)] : []),
    ],
    outputs: {
      set,
      releases: statuses,
      'locked-by': holder,
      ...(journal ? { unfinished: { phase: journal.phase, since: journal.startedAt } } : {}),
    },
    sections: [statusSection(set, statuses)],
    caveats: holder ? [`${holder} is deploying right now.`] : [],
  });
}

function isWell({ status, health, drift }: ReleaseStatus): boolean {
  return status === 'deployed' && health === 'ready' && drift === 'in-sync';
}

function findingOf(release: ReleaseStatus): readonly Finding[] {
  if (isWell(release)) return [];
  const ruleId =
    release.status === 'absent'
      ? 'rollout/not-deployed'
      : release.status !== 'deployed'
        ? 'rollout/last-deploy-failed'
        : release.health !== 'ready'
          ? 'rollout/unhealthy'
          : release.drift === 'unknown'
            ? 'rollout/unknown-drift'
            : 'rollout/drifted';
  const isBad = ruleId === 'rollout/unhealthy' || ruleId === 'rollout/last-deploy-failed';
  return [
    createFinding({
      ruleId,
      severity: isBad ? 'high' : 'medium',
      message: `${release.name}: ${release.remarks.slice(0, 5).join('; ')}.`,
      identity: release.name,
      remedy: remedies[ruleId],
      tool: 'zakenak',
    }),
  ];
}

const remedies = {
  'rollout/not-deployed': 'Deploy it: zakenak deploy.',
  'rollout/last-deploy-failed': 'Deploy again, or go back: zakenak rollback.',
  'rollout/unhealthy': 'Look at the objects named; zakenak deploy tells reason, events and logs.',
  'rollout/unknown-drift': 'Mend what keeps the API server from trying the object.',
  'rollout/drifted': 'Bring it back with zakenak deploy, or take the change into the chart.',
} as const;

function interruptedFinding(set: string, { phase, startedAt }: Journal): Finding {
  return createFinding({
    ruleId: 'rollout/interrupted',
    severity: 'high',
    message: `A ${phase === 'rolling-back' ? 'rollback' : 'deploy'} of ${set} that began ${startedAt} did not finish.`,
    identity: set,
    remedy: 'Run zakenak deploy to go on with it, or zakenak rollback to put the set back.',
    tool: 'zakenak',
  });
}

function statusSection(set: string, statuses: readonly ReleaseStatus[]): Section {
  const cells = (release: ReleaseStatus): readonly string[] => [
    release.name,
    release.namespace,
    String(release.revision || ''),
    release.status,
    release.health,
    release.drift,
    release.chart,
  ];
  const head = ['release', 'namespace', 'revision', 'status', 'health', 'drift', 'chart'];
  const rows = [head, ...statuses.map(cells)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const text = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const markdown = [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...statuses.map(
      (status) =>
        `| ${cells(status)
          .map((cell) => (cell ? inlineCode(cell) : ''))
          .join(' | ')} |`,
    ),
  ];
  return { title: `Status of ${set}`, markdown: markdown.join('\n'), text: text.join('\n') };
}
