import type { Ports } from '@zakenak/core';
import { isSealed, type Plan, planUnreadable } from '@zakenak/rollout';

/** Reads a plan that `plan --plan-file` wrote, and refuses one that was edited since. Throws `rollout/bad-plan` and `files/outside-workspace`. */
export async function readPlan(
  path: string,
  files: Pick<Ports['files'], 'resolve' | 'stat' | 'readText'>,
): Promise<Plan> {
  const absolute = await files.resolve(path);
  if (!(await files.stat(absolute))) throw planUnreadable(path, 'there is no such file');
  let parsed: Partial<Plan> | null;
  try {
    parsed = JSON.parse(await files.readText(absolute)) as Partial<Plan> | null;
  } catch {
    throw planUnreadable(path, 'it is not JSON');
  }
  if (parsed?.schemaVersion !== 1 || typeof parsed.id !== 'string' || !Array.isArray(parsed.releases))
    throw planUnreadable(path, 'it is no plan of this version');
  const plan = parsed as Plan;
  if (!isSealed(plan))
    throw planUnreadable(path, 'its content does not fit its id: it was edited after it was made');
  return plan;
}
