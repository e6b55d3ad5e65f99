import type { KubeObject, Limiter, Ports } from '@zakenak/core';
import { findBlockage } from '../health/blockage.ts';
import { findFailedPod, isWorkload } from '../health/culprit.ts';
import { judgeHealth } from '../health/health.ts';
import type { HealthRules } from '../health/health-rules.ts';
import type { Health } from '../objects/condition.ts';
import { describe } from '../objects/object.ts';
import { waitModeOf } from '../wait/wait-mode.ts';
import { joinReasons } from '../wait/wait-verdict.ts';
import type { ObjectDrift } from './drift.ts';

/** An object that is not ready. */
export interface IllObject {
  readonly state: Health['state'];
  /** Which object, why, and what its pods say. */
  readonly text: string;
}

/**
 * What of a release is not ready, in the order of its objects, what is not waited for left out. A workload whose pods fail has failed, as for a deploy, though it says no more
 * than how many of them are available. What is ready costs no request; pods that the account may not read tell nothing.
 */
export async function findIllObjects(
  objects: readonly ObjectDrift[],
  judge: HealthRules | undefined,
  ports: Pick<Ports, 'kube'>,
  limit: Limiter,
): Promise<readonly IllObject[]> {
  const found = await Promise.all(
    objects.map(async ({ ref, live }): Promise<readonly IllObject[]> => {
      if (!live || waitModeOf(live) === 'ignore') return [];
      const ruled = judge?.(live);
      const health = ruled ?? judgeHealth(live);
      if (health.state === 'ready') return [];
      const more =
        ruled || !isWorkload(live)
          ? undefined
          : await limit(() => askPods(live, ports)).catch(() => undefined);
      const state = more?.hasFailed ? 'failed' : health.state;
      return [{ state, text: `${describe(ref)}: ${joinReasons(health.reason, more?.reason)}` }];
    }),
  );
  return found.flat();
}

async function askPods(workload: KubeObject, ports: Pick<Ports, 'kube'>) {
  const [failed, reason] = await Promise.all([findFailedPod(workload, ports), findBlockage(workload, ports)]);
  return { hasFailed: failed !== undefined, reason };
}
