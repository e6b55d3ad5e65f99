import { createFinding, type Finding } from '@zakenak/core';
import { lookInto } from './damaged-record.ts';
import type { HelmHistory, HelmRecord } from './helm-record.ts';
import { newest, removedBy } from './helm-storage.ts';

/**
 * Releases that were removed since the releases that go back were deployed, by nobody knows which rollout: a rollback does not bring them back, and says so.
 */
export function findStayingRemoved(
  places: readonly { readonly name: string; readonly namespace: string }[],
  goingBack: readonly string[],
  histories: ReadonlyMap<string, HelmHistory>,
): readonly Finding[] {
  const times = goingBack.map((name) => timeOf(newest(histories.get(name) ?? []), 'last_deployed'));
  const since = Math.min(...times.filter((time) => !Number.isNaN(time)));
  return places.flatMap(({ name, namespace }) => {
    const history = histories.get(name) ?? [];
    const last = newest(history);
    if (last?.status !== 'uninstalled' || removedBy(history) !== '') return [];
    const at = timeOf(last, 'deleted');
    if (Number.isNaN(at) || at < since) return [];
    return [
      createFinding({
        ruleId: 'rollout/stays-removed',
        severity: 'medium',
        message: `${name}: it was removed from ${namespace} at ${new Date(at).toISOString()}, by Helm or by a Zakenak that did not note its rollout: a rollback does not bring it back.`,
        identity: `${namespace}/${name}`,
        remedy: `Where it should be there again: helm rollback ${name} ${last.version} --namespace ${namespace}, or name it in zakenak.yaml and deploy.`,
        tool: 'zakenak',
      }),
    ];
  });
}

/** Milliseconds since 1970; NaN where it is not known. */
function timeOf(record: HelmRecord | undefined, field: 'last_deployed' | 'deleted'): number {
  return Date.parse((record && lookInto(record, ({ info }) => info[field]).value) ?? '');
}
