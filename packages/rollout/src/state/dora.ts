import type { AuditEntry } from './audit-trail.ts';

/** The four figures of DORA (dora.dev: DORA’s software delivery metrics), of one set. Absent where there is nothing to count from. */
export interface Dora {
  /** Rollouts that began and ended, good or bad; rollbacks by hand are not counted. */
  readonly deployments: number;
  /** Good ones for each day between the first and the last entry, of one day at least. */
  readonly deploymentsPerDay?: number;
  /** Of all rollouts, 0 to 1. */
  readonly changeFailureRate?: number;
  /** Median seconds from a commit to its completed rollout. */
  readonly leadTimeSeconds?: number;
  /** Median seconds from a failed rollout to the next completed one. */
  readonly timeToRestoreSeconds?: number;
}

const failed: ReadonlySet<string> = new Set(['rolled-back', 'failed', 'kept']);

/** Computed from the trail alone, and from the times of commits where somebody knows them. */
export async function computeDora(
  entries: readonly AuditEntry[],
  timeOf: (commit: string) => Promise<Date | undefined> = async () => undefined,
): Promise<Dora> {
  const rollouts = entries.filter(({ verb }) => verb === 'deploy');
  const completed = rollouts.filter(({ outcome }) => outcome === 'completed');
  const days = (endOf(rollouts.at(-1)) - endOf(rollouts[0])) / 86_400_000;
  const leads = await Promise.all(
    completed.map(async (entry) => {
      const made = entry.commit === '' ? undefined : await timeOf(entry.commit);
      return made ? [(endOf(entry) - made.getTime()) / 1_000] : [];
    }),
  );
  const restores = rollouts.flatMap((entry, index) => {
    const before = rollouts[index - 1];
    if (!failed.has(entry.outcome) || (before && failed.has(before.outcome))) return [];
    const next = rollouts.slice(index).find(({ outcome }) => outcome === 'completed');
    return next ? [(endOf(next) - endOf(entry)) / 1_000] : [];
  });
  return {
    deployments: rollouts.length,
    ...(days > 0 ? { deploymentsPerDay: completed.length / Math.max(days, 1) } : {}),
    ...(rollouts.length > 0
      ? { changeFailureRate: rollouts.filter(({ outcome }) => failed.has(outcome)).length / rollouts.length }
      : {}),
    ...medianOf('leadTimeSeconds', leads.flat()),
    ...medianOf('timeToRestoreSeconds', restores),
  };
}

/** The figures as one phrase, empty where there are none. */
export function describeDora(dora: Dora): string {
  if (dora.deployments === 0) return '';
  const parts = [`${dora.deployments} deploys`];
  if (dora.changeFailureRate !== undefined)
    parts.push(`${Math.round(dora.changeFailureRate * 100)} % of them failed`);
  if (dora.leadTimeSeconds !== undefined)
    parts.push(`${Math.round(dora.leadTimeSeconds / 60)} min from commit to cluster`);
  if (dora.timeToRestoreSeconds !== undefined)
    parts.push(`${Math.round(dora.timeToRestoreSeconds / 60)} min to restore`);
  return parts.join(', ');
}

function endOf(entry: AuditEntry | undefined): number {
  return Date.parse(entry?.endedAt ?? '') || 0;
}

function medianOf<K extends string>(name: K, values: readonly number[]): { readonly [key in K]?: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  return middle === undefined ? {} : ({ [name]: middle } as { readonly [key in K]: number });
}
