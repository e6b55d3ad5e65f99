import type { KubeRef, Ports } from '@zakenak/core';
import { createConflictJudges } from '../fields/conflict.ts';
import { createHealthRules, type HealthRule } from '../health/health-rules.ts';
import { createKinds } from '../kinds/kinds.ts';
import { refOf } from '../objects/object.ts';
import { type DryRunContext, type PreparedObject, planObject } from '../plan/dry-run.ts';
import { lossesOf } from '../plan/object-losses.ts';
import { sealPlan } from '../plan/plan.ts';
import { readCluster } from '../plan/plan-rollout.ts';
import type { PreparedRelease, PreparedRollout } from '../plan/prepared.ts';
import type { DriftSettings } from '../policy/drift-rules.ts';
import type { ReleaseRequest } from '../request.ts';
import { newest, readHistories } from '../state/helm-storage.ts';
import { type ComparedRelease, compareReleases, deployedReleases } from './compare-releases.ts';
import type { ObjectDrift } from './drift.ts';

/** Whose drift is put back. */
export interface CorrectionRequest {
  readonly set: string;
  readonly releases: readonly Pick<ReleaseRequest, 'name' | 'namespace' | 'needs' | 'timeoutMs'>[];
  readonly drift?: DriftSettings;
  /** Only these objects; all where nothing is said. */
  readonly only?: (ref: KubeRef) => boolean;
  readonly health?: readonly HealthRule[];
}

/** How the set stands, and the plan that puts back what can be. */
export interface Correction {
  readonly compared: readonly ComparedRelease[];
  readonly prepared: PreparedRollout;
  /** What no correction can put back, and why. */
  readonly stuck: readonly { readonly release: string; readonly object: ObjectDrift; readonly why: string }[];
}

type CorrectionPorts = Pick<Ports, 'kube' | 'redactor'>;
type CorrectionRules = Pick<DryRunContext, 'kinds' | 'judgeFor'>;

/** Compares the set with what was deployed and plans, as a deploy does, how what drifted is put back. Nothing is written. */
export async function prepareCorrection(
  request: CorrectionRequest,
  ports: CorrectionPorts,
  signal?: AbortSignal,
): Promise<Correction> {
  const { set, drift = {} } = request;
  const [histories, resources] = await Promise.all([
    readHistories(request.releases, ports, signal),
    ports.kube.resources(),
  ]);
  const kinds = createKinds(resources, [], createHealthRules(request.health ?? []));
  const deployed = limitTo(request.only, deployedReleases(request.releases, histories, kinds));
  const compared = await compareReleases(deployed, drift, kinds, ports, signal);
  const rules = { kinds, judgeFor: createConflictJudges(drift.conflicts) };
  const planned = await Promise.all(compared.map((release) => planRelease(release, rules, ports, signal)));
  const releases = planned.map(({ prepared }) => prepared);
  const plan = sealPlan({
    schemaVersion: 1,
    set,
    cluster: await readCluster(ports, signal),
    releases: releases.map((release) => release.planned),
    orphans: [],
    irreversible: [],
  });
  const rendered = { set, releases: compared.map(({ rendered }) => rendered), kinds, drift };
  return { compared, prepared: { plan, rendered, releases }, stuck: planned.flatMap(({ stuck }) => stuck) };
}

function limitTo(
  only: CorrectionRequest['only'],
  releases: ReturnType<typeof deployedReleases>,
): ReturnType<typeof deployedReleases> {
  if (!only) return releases;
  return releases.map(({ rendered, history }) => ({
    rendered: { ...rendered, objects: rendered.objects.filter((object) => only(refOf(object))) },
    history,
  }));
}

async function planRelease(
  compared: ComparedRelease,
  rules: CorrectionRules,
  ports: CorrectionPorts,
  signal?: AbortSignal,
): Promise<{ readonly prepared: PreparedRelease; readonly stuck: Correction['stuck'] }> {
  const { rendered, history } = compared;
  const all = await Promise.all(
    compared.objects.map(async (drift) => ({
      drift,
      object: await planOne(drift, compared, rules, ports, signal),
    })),
  );
  const stuck = all.flatMap(({ drift, object }) => {
    const why = drift.cure ? refusalOf(object) : drift.state === 'in-sync' ? undefined : drift.reason;
    return why === undefined ? [] : [{ release: rendered.name, object: drift, why }];
  });
  const objects = all.map(({ object }) => object).filter((object) => refusalOf(object) === undefined);
  const isNoop = objects.every(({ planned }) => planned.action === 'noop');
  const { metadata } = rendered.chart;
  const revision = newest(history, 'deployed')?.version ?? 0;
  const planned = {
    name: rendered.name,
    namespace: rendered.namespace,
    action: isNoop ? ('noop' as const) : ('correct' as const),
    reason: isNoop ? 'in sync' : 'the cluster differs from what was deployed',
    chart: `${metadata.name}-${metadata.version}`,
    fromRevision: revision,
    toRevision: revision,
    needs: rendered.needs,
    digests: rendered.digests,
    createsNamespace: false,
    objects: objects.map((object) => object.planned),
    hooks: [],
  };
  return { prepared: { rendered, planned, history, crds: [], objects }, stuck };
}

/** Why an object is not corrected; a correction asks nobody for the consent that the loss of data needs. */
function refusalOf(object: PreparedObject): string | undefined {
  if (object.planned.action === 'unknown') return object.planned.reason;
  return lossesOf(object).find(({ losesData }) => losesData)?.why;
}

async function planOne(
  { ref, desired, live, cure, foreign, reason }: ObjectDrift,
  { rendered, tolerance }: ComparedRelease,
  rules: CorrectionRules,
  ports: CorrectionPorts,
  signal?: AbortSignal,
): Promise<PreparedObject> {
  const there = live ? { live } : {};
  const still = { ref, reason: 'in sync', diff: [], conflicts: [] };
  if (!cure) return { planned: { ...still, action: 'noop' }, desired, ...there };
  const context = {
    ...rules,
    owner: rendered,
    tolerance,
    newNamespaces: new Set<string>(),
    live: { find: async () => live },
    formerOf: () => desired,
  };
  const object = await planObject(desired, context, ports, signal);
  if (object.planned.action !== 'noop' && object.planned.action !== 'apply') return object;
  // What nobody deployed, and an object that was made anew, no dry run shows.
  const planned = { ...object.planned, action: 'apply' as const, reason: reason || 'it drifted' };
  return { ...object, planned, foreign };
}
