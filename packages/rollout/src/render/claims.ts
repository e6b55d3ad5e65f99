import type { KubeObject } from '@zakenak/core';
import { ownBooks, twoOwners } from '../errors.ts';
import type { Owner } from '../fields/ownership.ts';
import { describe, keyOf, refOf } from '../objects/object.ts';
import type { HelmHook } from '../state/helm-release.ts';

/** Where Helm and Zakenak keep what they know of a set: records, journal, audit trail, what is held, and the lock. */
const books = [
  { kind: 'Secret', name: /^(?:sh\.helm\.release\.v\d+|zakenak\.journal)\./ },
  { kind: 'ConfigMap', name: /^zakenak\.(?:audit|held)\./ },
  { kind: 'Lease', name: /^zakenak\./ },
] as const;

/** What a release renders, hooks too: they are created and deleted like the rest. */
interface Claimant extends Pick<Owner, 'name'> {
  readonly objects: readonly KubeObject[];
  readonly hooks: readonly Pick<HelmHook, 'kind' | 'name'>[];
}

/** Refuses what no release may render: an object of another one, and the books themselves. Throws `rollout/two-owners` and `rollout/own-books`. */
export function checkClaims(releases: readonly Claimant[]): void {
  const owners = new Map<string, string>();
  for (const { name, objects, hooks } of releases) {
    for (const object of objects) {
      const ref = refOf(object);
      if (isBook(ref)) throw ownBooks(describe(ref), name);
      const owner = owners.get(keyOf(ref));
      if (owner !== undefined) throw twoOwners(describe(ref), [owner, name]);
      owners.set(keyOf(ref), name);
    }
    const hook = hooks.find(isBook);
    if (hook) throw ownBooks(`the hook ${hook.kind} ${hook.name}`, name);
  }
}

function isBook(object: { readonly kind: string; readonly name: string }): boolean {
  return books.some(({ kind, name }) => kind === object.kind && name.test(object.name));
}
