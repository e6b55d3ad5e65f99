import { type Owner, ownerOf } from '../fields/ownership.ts';
import { keyOf, refOf } from '../objects/object.ts';
import type { RenderedRelease } from '../render/rendered.ts';
import type { PreparedObject } from './dry-run.ts';

/**
 * Who changes the definitions that crds/ folders hold: where templates hold one too, their release does, else the first whose folder holds it. The others only bring it where it is not there, as Helm, which
 * changes none that is there: two that wrote the same one would undo each other's work with each deploy.
 */
export function createHeldDefinitions(
  releases: readonly Pick<RenderedRelease, 'name' | 'crds' | 'objects'>[],
): {
  /** The plan of a definition of a release's crds/ folders, as it is carried out. */
  settle(plan: PreparedObject, release: Owner): PreparedObject;
} {
  const inFolders = new Map<string, string>();
  for (const { name, crds } of releases)
    for (const key of crds.map((object) => keyOf(refOf(object))))
      if (!inFolders.has(key)) inFolders.set(key, name);
  const inTemplates = new Map(
    releases.flatMap(({ name, objects }) =>
      objects
        .filter(({ kind }) => kind === 'CustomResourceDefinition')
        .map((object) => [keyOf(refOf(object)), name] as const),
    ),
  );
  return {
    settle(plan, { name }) {
      const { planned, live } = plan;
      if (!live) return plan;
      const key = keyOf(planned.ref);
      const holder = inTemplates.get(key);
      if (holder !== undefined || inFolders.get(key) !== name)
        return left(plan, 'noop', `the release ${holder ?? inFolders.get(key)} holds it`);
      const owner = ownerOf(live);
      if (planned.blockedBy !== 'owner' || !owner) return plan;
      return left(plan, 'keep', `it belongs to the release ${owner.namespace}/${owner.name}`);
    },
  };
}

function left(plan: PreparedObject, action: 'noop' | 'keep', reason: string): PreparedObject {
  const { blockedBy: _none, ...planned } = plan.planned;
  return { ...plan, planned: { ...planned, action, reason, diff: [], conflicts: [] } };
}
