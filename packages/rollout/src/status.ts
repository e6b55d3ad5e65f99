import {
  createFinding,
  createLimiter,
  createReport,
  type Finding,
  type Ports,
  type Report,
  type Section,
} from '@zakenak/core';
import { trailSection } from './audit.ts';
import {
  type ComparedRelease,
  compareReleases,
  deployedReleases,
  worstDrift,
} from './drift/compare-releases.ts';
import type { DriftState, ObjectDrift } from './drift/drift.ts';
import { describeDrift, driftOutput, driftSection } from './drift/drift-text.ts';
import { findIllObjects, type IllObject } from './drift/ill-objects.ts';
import { createHealthRules, type HealthRule } from './health/health-rules.ts';
import { createKinds } from './kinds/kinds.ts';
import type { Health } from './objects/condition.ts';
import { numberAt, textAt } from './objects/json.ts';
import { readNamespaces } from './objects/namespaces.ts';
import { describe } from './objects/object.ts';
import type { PlanPorts } from './plan/plan-rollout.ts';
import type { DriftSettings } from './policy/drift-rules.ts';
import { mindingHeld } from './policy/held-rules.ts';
import type { ReleaseRequest } from './request.ts';
import { breakFindings, readTrail, type Trail } from './state/audit-trail.ts';
import { damageOf, lookInto } from './state/damaged-record.ts';
import { type JournalLook, lookAtJournal, lookAtState } from './state/damaged-state.ts';
import type { HelmRecord } from './state/helm-record.ts';
import { type HelmRelease, isPending } from './state/helm-release.ts';
import { newest, readHistories } from './state/helm-storage.ts';
import type { Journal } from './state/journal-shape.ts';
import { peekLock } from './state/lock.ts';
import { statePlaceOf } from './state/state-place.ts';
import { tableSection } from './table-section.ts';
import { inClusterTime } from './wait/cluster-clock.ts';

/** Workloads whose pods are asked at the same time, of the whole set. */
const parallelLooks = 16;

/** Whose status is read. */
export interface StatusRequest {
  readonly set: string;
  readonly stateNamespace?: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace'>[];
  /** Which differences are left alone. */
  readonly drift?: DriftSettings;
  readonly health?: readonly HealthRule[];
  /** Whether the process of a holder's name is certainly gone. */
  readonly isGone?: (holder: string) => boolean;
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
  /** Records of it that cannot be read. */
  readonly damage: readonly Finding[];
  /** Its namespace is being deleted, and it with it. */
  readonly isEnding: boolean;
}

/**
 * How every release of the set stands: Helm's record, health, and drift from what was deployed, by dry runs only, and the last entry of the audit trail. An object that
 * cannot be compared makes the drift `unknown`, never in sync; a damaged record, journal or list of what is held is a finding. Nothing is written.
 */
export async function readRolloutStatus(
  given: StatusRequest,
  ports: StatusPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const request = mindingHeld(given, ports);
  const place = statePlaceOf(request, ports);
  const [histories, look, lock, trail, namespaces, resources] = await Promise.all([
    readHistories(request.releases, ports, signal),
    lookAtJournal(place, ports, signal),
    peekLock(place, ports, signal),
    readTrail(place, ports, signal),
    readNamespaces(new Set(request.releases.map(({ namespace }) => namespace)), ports, signal),
    ports.kube.resources(),
  ]);
  const kinds = createKinds(resources, [], createHealthRules(request.health ?? []));
  const damaged = new Map<HelmRecord, Finding>();
  const deployed = deployedReleases(request.releases, histories, kinds, (record, thrown) => {
    damaged.set(record, damageOf(record, thrown));
  });
  const compare = (drift: DriftSettings) => compareReleases(deployed, drift, kinds, ports, signal);
  const minding = await lookAtState(() => compare(request.drift));
  const compared = minding.value ?? (await compare(given.drift ?? {}));
  const now = inClusterTime(ports).clock.now();
  const limit = createLimiter(parallelLooks);
  const ill = new Map(
    await Promise.all(
      compared.map(
        async ({ rendered, objects }) =>
          [rendered.name, await findIllObjects(objects, kinds.judge, ports, limit)] as const,
      ),
    ),
  );
  const statuses = request.releases.map(({ name, namespace }) => {
    const history = histories.get(name) ?? [];
    const last = newest(history);
    const look = last && lookInto(last, factsOf);
    if (last && look?.damage) damaged.set(last, look.damage);
    const release = compared.find(({ rendered }) => rendered.name === name);
    const facts = {
      ...(look?.value ?? noFacts),
      isEnding: namespaces.get(namespace)?.state === 'ending',
      damage: history.flatMap((record) => damaged.get(record) ?? []),
    };
    return statusOf({ name, namespace }, last, release, { ...facts, now, ill: ill.get(name) ?? [] });
  });
  return reportStatus(request.set, statuses, {
    compared,
    ...look,
    heldDamage: minding.damage,
    ...standsOf(lock, now, request),
    now,
    trail,
    unseen: [...namespaces].flatMap(([name, { state }]) => (state === 'unseen' ? [name] : [])),
  });
}

/** Clocks differ: only a lock that was not renewed for four times its duration counts as left behind by itself. */
const staleness = 4;

/** Who is at it, or who died over it. */
function standsOf(
  { holder, lease }: Awaited<ReturnType<typeof peekLock>>,
  now: Date,
  { isGone }: StatusRequest,
): { readonly holder: string; readonly dead: string } {
  const ageMs = now.getTime() - Date.parse(textAt(lease, 'spec', 'renewTime'));
  const isStale = ageMs > numberAt(lease, 15, 'spec', 'leaseDurationSeconds') * staleness * 1_000;
  return holder !== '' && (isStale || isGone?.(holder)) ? { holder: '', dead: holder } : { holder, dead: '' };
}

const noFacts = { chart: '', updated: '', description: '' };

function factsOf({ info, chart }: HelmRelease): typeof noFacts {
  return {
    chart: `${chart.metadata.name}-${chart.metadata.version}`,
    updated: info.last_deployed ?? '',
    description: info.description ?? '',
  };
}

function statusOf(
  place: { readonly name: string; readonly namespace: string },
  last: HelmRecord | undefined,
  compared: ComparedRelease | undefined,
  facts: typeof noFacts & {
    readonly isEnding: boolean;
    readonly damage: readonly Finding[];
    readonly now: Date;
    readonly ill: readonly IllObject[];
  },
): ReleaseStatus {
  const { chart, updated, description, damage, isEnding, now, ill } = facts;
  const ending = isEnding ? [`its namespace ${place.namespace} is being deleted`] : [];
  if (!last)
    return {
      ...place,
      status: 'absent',
      revision: 0,
      chart: '',
      updated: '',
      health: 'unknown',
      drift: 'unknown',
      remarks: [...ending, 'it is not deployed'],
      damage,
      isEnding,
    };
  const objects = compared?.objects ?? [];
  return {
    ...place,
    status: last.status,
    revision: last.version,
    chart,
    updated,
    health: !compared ? 'unknown' : (worst(ill.map(({ state }) => state)) ?? 'ready'),
    drift: compared ? worstDrift(objects) : 'unknown',
    damage,
    isEnding,
    remarks: [
      ...ending,
      ...damage.map(({ message }) => message),
      ...(last.status === 'deployed' ? [] : [`revision ${last.version} is ${last.status}: ${description}`]),
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
  seen: JournalLook & {
    readonly compared: readonly ComparedRelease[];
    /** What is held is not known: it is told as drift. */
    readonly heldDamage: readonly Finding[];
    readonly holder: string;
    readonly dead: string;
    readonly now: Date;
    readonly trail: Trail;
    /** Namespaces that the account may not read. */
    readonly unseen: readonly string[];
  },
): Report {
  const { compared, journal, journalDamage, holder, dead, now, trail, unseen } = seen;
  const last = trail.entries.at(-1);
  const good = statuses.filter((status) => isWell(status)).length;
  const named = compared.map(({ rendered, objects }) => ({ name: rendered.name, objects }));
  const drift = driftSection(set, named, now);
  return createReport({
    tool: 'status',
    summary: `${good} of ${statuses.length} releases of ${set} are deployed, ready and in sync.`,
    findings: [
      ...statuses.flatMap((status) => findingsOf(status, holder)),
      ...trail.findings,
      ...breakFindings(set, trail.entries),
      ...(journal && !holder ? [interruptedFinding(set, journal)] : []),
      ...journalDamage,
      ...seen.heldDamage,
    ],
    outputs: {
      set,
      releases: statuses.map(({ damage: _damage, isEnding: _ending, ...status }) => status),
      drift: named.flatMap(({ name, objects }) => driftOutput(name, objects)),
      'locked-by': holder,
      ...(last ? { 'last-entry': { ...last } } : {}),
      ...(journal ? { unfinished: { phase: journal.phase, since: journal.startedAt } } : {}),
    },
    sections: [
      statusSection(set, statuses),
      ...(drift ? [drift] : []),
      ...(last ? [trailSection('Last entry of the audit trail', [last])] : []),
    ],
    caveats: [
      ...unseen.map(
        (name) => `Whether the namespace ${name} is being deleted is not known: the account may not read it.`,
      ),
      ...(holder ? [`${holder} is deploying right now.`] : []),
      ...(dead ? [`${dead} holds the lock and is gone: the next deploy takes it over.`] : []),
    ],
  });
}

function isWell({ status, health, drift, isEnding }: ReleaseStatus): boolean {
  return !isEnding && status === 'deployed' && health === 'ready' && drift === 'in-sync';
}

function findingsOf(release: ReleaseStatus, holder: string): readonly Finding[] {
  if (isWell(release)) return [];
  if (release.damage.length > 0) return release.damage;
  // What is being changed has not failed: whoever changes it is told of.
  if (holder && isPending(release.status)) return [];
  const ruleId = release.isEnding
    ? 'rollout/namespace-ending'
    : release.status === 'absent' || release.status === 'uninstalled'
      ? 'rollout/not-deployed'
      : release.status !== 'deployed'
        ? 'rollout/last-deploy-failed'
        : release.health !== 'ready'
          ? 'rollout/unhealthy'
          : release.drift === 'unknown'
            ? 'rollout/unknown-drift'
            : 'rollout/drifted';
  const isBad = ['rollout/unhealthy', 'rollout/last-deploy-failed', 'rollout/namespace-ending'].includes(
    ruleId,
  );
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
  'rollout/namespace-ending': 'Wait until it is gone, then deploy again: zakenak deploy makes it anew.',
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
  const head = ['release', 'namespace', 'revision', 'status', 'health', 'drift', 'chart'];
  const rows = statuses.map((release) => [
    release.name,
    release.namespace,
    String(release.revision || ''),
    release.status,
    release.health,
    release.drift,
    release.chart,
  ]);
  return tableSection(`Status of ${set}`, head, rows);
}
