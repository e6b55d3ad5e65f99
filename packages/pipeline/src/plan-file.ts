import type { Ports } from '@zakenak/core';
import { isSealed, type Plan, planUnreadable } from '@zakenak/rollout';

/** Reads a plan that `plan --plan-file` wrote, and refuses one that was edited since. Throws `rollout/bad-plan` and `files/outside-workspace`. */
export async function readPlan(
  path: string,
  files: Pick<Ports['files'], 'resolve' | 'stat' | 'readText'>,
): Promise<Plan> {
  const absolute = await files.resolve(path);
  if (!(await files.stat(absolute))) throw planUnreadable(path, 'there is no such file');
  let plan: unknown;
  try {
    plan = JSON.parse(await files.readText(absolute));
  } catch {
    throw planUnreadable(path, 'it is not JSON');
  }
  if (!isPlan(plan)) throw planUnreadable(path, 'it is no plan of this version');
  if (!isSealed(plan))
    throw planUnreadable(path, 'its content does not fit its id: it was edited after it was made');
  return plan;
}

/** Has what a plan is told apart by; whatever else differs makes it another plan. */
function isPlan(value: unknown): value is Plan {
  const { schemaVersion, id, set, cluster, releases } = (value ?? {}) as Partial<Plan>;
  const isText = (...texts: readonly unknown[]): boolean => texts.every((text) => typeof text === 'string');
  return (
    schemaVersion === 1 &&
    isText(id, set, cluster?.uid, cluster?.version) &&
    Array.isArray(releases) &&
    releases.every((release: Partial<Plan['releases'][number]> | null) => isText(release?.name))
  );
}
