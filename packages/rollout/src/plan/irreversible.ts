import { dataKinds } from '../objects/data-kinds.ts';
import { describe } from '../objects/object.ts';
import { lossesOf } from './object-losses.ts';
import type { Irreversible } from './plan.ts';
import type { PreparedRelease } from './prepared.ts';

/** What of a plan no rollback can put back, what loses data first. */
export function listIrreversible(releases: readonly PreparedRelease[]): readonly Irreversible[] {
  return releases.flatMap(ofRelease).sort((a, b) => Number(b.needsConsent) - Number(a.needsConsent));
}

function ofRelease(release: PreparedRelease): readonly Irreversible[] {
  const { planned, crds, objects } = release;
  if (planned.action === 'noop') return [];
  const losses = [...crds, ...objects].flatMap((object) =>
    lossesOf(object).map(({ what, why, losesData = false }) => ({
      what: `${describe(object.planned.ref)} ${what}`,
      why,
      needsConsent: losesData,
    })),
  );
  const emptied = planned.objects
    .filter(
      ({ action, ref }) => planned.action === 'rollback' && action === 'create' && dataKinds.has(ref.kind),
    )
    .map(({ ref }) => ({
      what: `${describe(ref)} is created again`,
      why: 'what it held was deleted with it and does not come back',
      needsConsent: false,
    }));
  const left = crds
    .filter(({ planned: { action } }) => action === 'apply')
    .map(({ planned: { ref } }) => ({
      what: `${describe(ref)} changes`,
      why: 'a rollback of what is deployed then leaves the definitions of crds/ as they are',
      needsConsent: false,
    }));
  const hooks = planned.hooks.map(({ event, kind, name }) => ({
    what: `the ${event} hook ${kind} ${name} runs`,
    why: 'what a hook did cannot be undone',
    needsConsent: false,
  }));
  return [...losses, ...emptied, ...left, ...hooks].map((loss) => ({
    release: release.rendered.name,
    ...loss,
  }));
}
