import { KubeStatusError, type Report, ZakenakError } from '@zakenak/core';
import type { RunPorts } from './apply/run-context.ts';
import { otherCluster, planMoved } from './errors.ts';
import { comparePlans, compareRest, type Plan } from './plan/plan.ts';
import { type PlanPorts, prepareRollout, readCluster } from './plan/plan-rollout.ts';
import { mindingHeld } from './policy/held-rules.ts';
import type { DeployRequest } from './request.ts';
import { requireRights } from './rights/rights.ts';
import { rightsUnseen } from './rights/unseen-rights.ts';
import { readStanding } from './state/standing.ts';
import { transact } from './transaction/transaction.ts';

/** The ports that a deploy reaches. */
export type DeployPorts = PlanPorts & RunPorts;

/**
 * Rolls the set out as one transaction: every release as soon as what it needs is ready, and the whole set back where one fails. With `dryRun` only the plan
 * is made: nothing is written to the cluster. Verdicts: `passed`, `simulated`, `rolled-back`, `failed`. Throws ZakenakError `rollout/…`, `kube/…`,
 * `tool/…` and `run/cancelled`.
 */
export async function deployRollout(
  request: DeployRequest,
  ports: DeployPorts,
  signal?: AbortSignal,
): Promise<Report> {
  try {
    return await deploySet(request, ports, signal);
  } catch (error) {
    if (error instanceof ZakenakError && error.cause instanceof KubeStatusError && error.cause.status === 403)
      await requireRights(await rightsUnseen(request, ports, signal), ports, signal);
    throw error;
  }
}

function deploySet(given: DeployRequest, ports: DeployPorts, signal?: AbortSignal): Promise<Report> {
  const request = mindingHeld(given, ports);
  const { approved, planFile } = request;
  return transact(
    {
      ...request,
      tool: request.dryRun ? 'plan' : 'deploy-to-wsl2-runner',
      verb: 'deploy',
      look: async () => {
        if (approved) await checkCluster(approved, ports, signal);
        const standing = await readStanding(request, ports, signal);
        return async () => {
          const prepared = await prepareRollout(request, standing, ports, signal);
          if (planFile !== undefined) await writePlan(prepared.plan, planFile, ports);
          return prepared;
        };
      },
      approve: ({ plan }, interrupted) => {
        if (!approved) return;
        const isResumed = interrupted?.planId === approved.id;
        const moved = isResumed ? compareRest(approved, plan) : comparePlans(approved, plan);
        if (moved.length > 0) throw planMoved(moved);
      },
    },
    ports,
    signal,
  );
}

/** Told before anything is rendered: of another cluster everything else would differ too. */
async function checkCluster({ cluster }: Plan, ports: DeployPorts, signal?: AbortSignal): Promise<void> {
  const { uid } = await readCluster(ports, signal);
  if (uid !== cluster.uid) throw otherCluster(cluster.uid, uid, ports.kube.target.context);
}

async function writePlan(plan: Plan, path: string, { files }: Pick<DeployPorts, 'files'>): Promise<void> {
  await files.write(await files.resolve(path), `${JSON.stringify(plan, null, 2)}\n`);
}
