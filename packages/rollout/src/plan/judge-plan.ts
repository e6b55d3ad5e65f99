import { createFinding, type Finding, firstFew } from '@zakenak/core';
import { describe } from '../objects/object.ts';
import type { UnstableObject } from '../render/unstable-render.ts';
import type { Plan, PlannedObject } from './plan.ts';
import type { PreparedRollout } from './prepared.ts';

/** The findings of a plan, and of what it was made from. */
export function judgePrepared(
  { plan, findings = [] }: Pick<PreparedRollout, 'plan' | 'findings'>,
  allowIrreversible?: boolean,
): readonly Finding[] {
  return [...judgePlan(plan, allowIrreversible), ...findings];
}

/**
 * The findings of a plan: what keeps it from being carried out (high) and what a reviewer should know (info, medium).
 * `allowIrreversible` turns the consent that data loss needs into a remark.
 */
export function judgePlan(plan: Plan, allowIrreversible = false): readonly Finding[] {
  const objects = plan.releases.flatMap(({ name, objects }) => objects.map((object) => ({ name, object })));
  const blocked = objects
    .filter(({ object }) => object.action === 'unknown')
    .map(({ name, object }) => blockedObject(name, object));
  const taken = objects
    .filter(({ object }) => object.action !== 'unknown' && object.conflicts.length > 0)
    .map(({ name, object }) => takenFields(name, object));
  const lost = plan.irreversible
    .filter(({ needsConsent }) => needsConsent)
    .map(({ release, what, why }) =>
      createFinding({
        ruleId: 'rollout/irreversible',
        severity: allowIrreversible ? 'medium' : 'high',
        message: `${release}: ${what}: ${why}.`,
        remedy:
          'Annotate the object with helm.sh/resource-policy: keep, or allow it with allow-irreversible.',
        tool: 'zakenak',
      }),
    );
  const orphaned = plan.orphans.map(leftBehind);
  const unstable = plan.releases.flatMap(({ name, unstable = [] }) =>
    unstable.length > 0 ? [unstableRender(name, unstable)] : [],
  );
  return [...blocked, ...unstable, ...taken, ...lost, ...orphaned];
}

function leftBehind({ name, namespace, movedTo }: Plan['orphans'][number]): Finding {
  const alone = `helm uninstall ${name} --namespace ${namespace}`;
  const facts = { severity: 'low', identity: `${namespace}/${name}`, tool: 'zakenak' } as const;
  if (movedTo !== undefined)
    return createFinding({
      ...facts,
      ruleId: 'rollout/moved-release',
      message: `${name}: zakenak.yaml moved it from ${namespace} to ${movedTo}, where it is a release of its own. The one in ${namespace} stays, with --prune too: what its claims hold does not move along.`,
      remedy: `Take over its data, then remove it by: ${alone}`,
    });
  return createFinding({
    ...facts,
    ruleId: 'rollout/orphaned-release',
    message: `${name}: an earlier deploy of this set installed it in ${namespace}, and zakenak.yaml no longer lists it; it stays.`,
    remedy: `Remove it with the set by --prune, or alone by: ${alone}`,
  });
}

function blockedObject(release: string, object: PlannedObject): Finding {
  const rules = { owner: 'rollout/owned-elsewhere', manager: 'rollout/conflict' } as const;
  const ruleId = object.blockedBy ? rules[object.blockedBy] : 'rollout/unknown-object';
  const remedies = {
    'rollout/conflict':
      'Remove the field from the chart, leave it alone (drift.ignore), or take it over (deploy.conflicts).',
    'rollout/owned-elsewhere': 'Rename the object, or remove it from the other release first.',
    'rollout/unknown-object':
      'Mend what the API server names; an object that cannot be tried is not deployed.',
  } as const;
  return createFinding({
    ruleId,
    severity: 'high',
    message: `${release}: ${describe(object.ref)}: ${object.reason}.`,
    remedy: remedies[ruleId],
    tool: 'zakenak',
  });
}

function unstableRender(release: string, objects: readonly UnstableObject[]): Finding {
  const shown = objects.map(({ object, fields }) =>
    fields.length > 0 ? `${object} (${fields.slice(0, 5).join(', ')})` : object,
  );
  return createFinding({
    ruleId: 'rollout/unstable-render',
    severity: 'medium',
    message: `${release}: the chart renders differently each time: ${firstFew(shown, 5, '; ')}.`,
    identity: release,
    remedy:
      'Give the chart these values (valuesFrom with SOPS for secrets) instead of letting it invent them: each deploy that renders it would change them.',
    tool: 'zakenak',
  });
}

function takenFields(release: string, object: PlannedObject): Finding {
  const fields = object.conflicts
    .map(({ field, manager, reason }) => `${field} (from ${manager}${reason ? `: ${reason}` : ''})`)
    .join(', ');
  return createFinding({
    ruleId: 'rollout/takes-over-fields',
    severity: 'info',
    message: `${release}: ${describe(object.ref)}: takes over ${fields}.`,
    tool: 'zakenak',
  });
}
