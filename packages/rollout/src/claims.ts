import type { KubeObject } from '@zakenak/core';
import { ownBooks, twoOwners } from './errors.ts';
import { describe, keyOf, refOf } from './object.ts';
import type { Owner } from './ownership.ts';

/** Where Helm and Zakenak keep what they know of a set: records, journal, audit trail, what is held, and the lock. */
const books = [
  { kind: 'Secret', name: /^(?:sh\.helm\.release\.v\d+|zakenak\.journal)\./ },
  { kind: 'ConfigMap', name: /^zakenak\.(?:audit|held)\./ },
  { kind: 'Lease', name: /^zakenak\./ },
] as const;

/** Refuses what no release may render: an object of another one, and the books themselves. Throws `rollout/two-owners` and `rollout/own-books`. */
export function checkClaims(
  releases: readonly (Pick<Owner, 'name'> & { readonly objects: readonly KubeObject[] })[],
): void {
  const owners = new Map<string, string>();
  for (const { name, objects } of releases) {
    for (const object of objects) {
      const ref = refOf(object);
      if (books.some((book) => book.kind === ref.kind && book.name.test(ref.name)))
        throw ownBooks(describe(ref), name);
      const owner = owners.get(keyOf(ref));
      if (owner !== undefined) throw twoOwners(describe(ref), [owner, name]);
      owners.set(keyOf(ref), name);
    }
  }
}
