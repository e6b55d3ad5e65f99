import { describe } from './object.ts';
import type { Irreversible } from './plan.ts';
import { dataKinds, type PreparedRelease } from './plan-rollout.ts';

/** What of a release's plan no rollback can put back. */
export function listIrreversible({ rendered, planned }: PreparedRelease): readonly Irreversible[] {
  if (planned.action === 'noop') return [];
  const objects = planned.objects
    .filter(({ action, ref }) => action === 'delete' && dataKinds.has(ref.kind))
    .map(({ ref }) => ({
      release: rendered.name,
      what: `${describe(ref)} is deleted`,
      why: 'what it holds is deleted with it',
      needsConsent: true,
    }));
  const recreated = planned.objects
    .filter(({ action }) => action === 'recreate')
    .map(({ ref }) => ({
      release: rendered.name,
      what: `${describe(ref)} is deleted and created again`,
      why: 'a rollback recreates it once more, under another uid',
      needsConsent: false,
    }));
  const emptied = planned.objects
    .filter(
      ({ action, ref }) => planned.action === 'rollback' && action === 'create' && dataKinds.has(ref.kind),
    )
    .map(({ ref }) => ({
      release: rendered.name,
      what: `${describe(ref)} is created again`,
      why: 'what it held was deleted with it and does not come back',
      needsConsent: false,
    }));
  const hooks = planned.hooks.map(({ event, kind, name }) => ({
    release: rendered.name,
    what: `the ${event} hook ${kind} ${name} runs`,
    why: 'what a hook did cannot be undone',
    needsConsent: false,
  }));
  return [...objects, ...recreated, ...emptied, ...hooks];
}
