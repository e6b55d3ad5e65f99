import {
  createFinding,
  createReport,
  type Finding,
  inlineCode,
  type Ports,
  type Report,
  type Section,
} from '@zakenak/core';
import { type ComparedRelease, compareReleases, deployedReleases, worstDrift } from './compare-releases.ts';
import type { Health } from './condition.ts';
import type { DriftState, ObjectDrift } from './drift.ts';
import type { DriftSettings } from './drift-rules.ts';
import { describeDrift, driftOutput, driftSection } from './drift-text.ts';
import { judgeHealth } from './health.ts';
import { createHealthRules, type HealthRule, type HealthRules } from './health-rules.ts';
import { type HelmHistory, newest, readHistories } from './helm-storage.ts';
import { type Journal, readJournal } from './journal.ts';
import { createKinds } from './kinds.ts';
import { peekLock } from './lock.ts';
import { describe } from './object.ts';
import type { PlanPorts } from './plan-rollout.ts';
import type { ReleaseRequest } from './request.ts';
import { placeOf } from './transaction.ts';

/** Whose status is read. */
export interface StatusRequest {
  readonly set: string;
  readonly stateNamespace?: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
  /** Which differences are left alone. */
  readonly drift?: DriftSettings;
  readonly health?: readonly HealthRule[];
}

/** The ports that reading the status reaches. */
type StatusPorts = PlanPorts & Pick<Ports, 'clock'>;

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
  readonly drift: DriftState;
  /** What is not as it should be, one phrase each. */
  readonly remarks: readonly string[];
}

/**
 * How every release of the set stands: Helm's record, health, and drift from what was deployed, by dry runs only. An object that cannot be compared makes the
 * drift `unknown`, never in sync. Nothing is written.
 */
export async function readRolloutStatus(
  request: StatusRequest,
  ports: StatusPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const place = placeOf(request, ports);
  const [histories, journal, lock, resources] = await Promise.all([
    readHistories(request.releases, ports, signal),
    readJournal(place, ports, signal),
    peekLock(place, ports, signal),
    ports.kube.resources(),
  ]);
  const kinds = createKinds(resources, [], createHealthRules(request.health ?? []));
  const deployed = deployedReleases(request.releases, histories, kinds);
  const compared = await compareReleases(deployed, request.drift ?? {}, kinds, ports, signal);
  const now = ports.clock.now();
  const statuses = request.releases.map(({ name, namespace }) =>
    statusOf(
      { name, namespace },
      histories.get(name) ?? [],
      compared.find(({ rendered }) => rendered.name === name),
      { now, judge: kinds.judge },
    ),
  );
  return reportStatus(request.set, statuses, { compared, journal, holder: lock.holder, now });
}

function statusOf(
  place: { readonly name: string; readonly namespace: string },
  history: HelmHistory,
  compared: ComparedRelease | undefined,
  { now, judge }: { readonly now: Date; readonly judge: HealthRules | undefined },
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
  const objects = compared?.objects ?? [];
  const ill = objects.flatMap(({ ref, live }) => {
    const health = live && (judge?.(live) ?? judgeHealth(live));
    return health && health.state !== 'ready' ? [{ health, text: `${describe(ref)}: ${health.reason}` }] : [];
  });
  return {
    ...place,
    status: last.status,
    revision: last.version,
    chart: `${chart.metadata.name}-${chart.metadata.version}`,
    updated: info.last_deployed ?? '',
    health: !compared ? 'unknown' : (worst(ill.map(({ health }) => health.state)) ?? 'ready'),
    drift: compared ? worstDrift(objects) : 'unknown',
    remarks: [
      ...(last.status === 'deployed'
        ? []
        : [`revision ${last.version} is ${last.status}: ${info.description ?? ''}`]),
      ...ill.map(({ text }) => text),
      ...inOrder(objects).map((object) => `${describe(object.ref)}: ${describeDrift(object, now)}`),
    ],
  };
}

/** What drifted, then what could not be compared. */
function inOrder(objects: readonly ObjectDrift[]): readonly ObjectDrift[] {
  return (['drifted', 'unknown'] as const).flatMap((state) =>
    objects.filter((object) => object.state === state),
  );
}

const gravity: readonly Health['state'][] = ['ready', 'progressing', 'terminating', 'failed'];

function worst(states: readonly Health['state'][]): Health['state'] | undefined {
  return [...states].sort((a, b) => gravity.indexOf(b) - gravity.indexOf(a))[0];
}

function reportStatus(
  set: string,
  statuses: readonly ReleaseStatus[],
  seen: {
    readonly compared: readonly ComparedRelease[];
    readonly journal: Journal | undefined;
    readonly holder: string;
    readonly now: Date;
  },
): Report {
  const { compared, journal, holder, now } = seen;
  const good = statuses.filter((status) => isWell(status)).length;
  const named = compared.map(({ rendered, objects }) => ({ name: rendered.name, objects }));
  const drift = driftSection(set, named, now);
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
      drift: named.flatMap(({ name, objects }) => driftOutput(name, objects)),
      'locked-by': holder,
      ...(journal ? { unfinished: { phase: journal.phase, since: journal.startedAt } } : {}),
    },
    sections: [statusSection(set, statuses), ...(drift ? [drift] : [])],
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
  'rollout/drifted': 'Put it back with zakenak sync --mode correct, or take the change into the chart.',
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
