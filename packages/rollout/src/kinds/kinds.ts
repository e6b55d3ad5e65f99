import type { KubeObject, KubeResource } from '@zakenak/core';
import type { HealthRules } from '../health/health-rules.ts';
import { listAt, textAt, valueAt } from '../objects/json.ts';
import { groupOf } from '../objects/object.ts';

/** What a kind is, from the cluster's discovery and from the definitions that the set itself brings. */
export interface Kinds {
  /** Undefined for a kind that neither the cluster nor the set knows. */
  find(object: { readonly apiVersion: string; readonly kind: string }): KnownKind | undefined;
  /** How an object is doing by the rule of its kind or by its own expressions; absent where there are none. */
  readonly judge?: HealthRules;
}

/** A kind and who brings it. */
interface KnownKind {
  /** Plural, as in paths and roles. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** `set`: the definition is part of this rollout and may not be in the cluster yet. */
  readonly from: 'cluster' | 'set';
  readonly subresources: readonly string[];
}

/** Kinds of the cluster, then of the given CustomResourceDefinitions. */
export function createKinds(
  resources: readonly KubeResource[],
  objects: readonly KubeObject[],
  judge?: HealthRules,
): Kinds {
  const known = new Map<string, KnownKind>();
  for (const crd of objects.filter(({ kind }) => kind === 'CustomResourceDefinition')) {
    const group = textAt(crd, 'spec', 'group');
    for (const version of listAt(crd, 'spec', 'versions')) {
      known.set(`${group}/${textAt(version, 'name')}/${textAt(crd, 'spec', 'names', 'kind')}`, {
        resource: textAt(crd, 'spec', 'names', 'plural'),
        namespaced: textAt(crd, 'spec', 'scope') !== 'Cluster',
        from: 'set',
        subresources: valueAt(version, 'subresources', 'status') === undefined ? [] : ['status'],
      });
    }
  }
  for (const { apiVersion, kind, resource, namespaced, subresources } of resources)
    known.set(keyOf(apiVersion, kind), { resource, namespaced, from: 'cluster', subresources });
  return { find: ({ apiVersion, kind }) => known.get(keyOf(apiVersion, kind)), ...(judge ? { judge } : {}) };
}

function keyOf(apiVersion: string, kind: string): string {
  return groupOf(apiVersion) === '' ? `/${apiVersion}/${kind}` : `${apiVersion}/${kind}`;
}

/** The kinds that definitions bring, of the versions that are served. */
export function definedKinds(
  definitions: readonly KubeObject[],
): readonly { readonly apiVersion: string; readonly kind: string }[] {
  return definitions.flatMap((crd) =>
    listAt(crd, 'spec', 'versions')
      .filter((version) => valueAt(version, 'served') === true)
      .map((version) => ({
        apiVersion: `${textAt(crd, 'spec', 'group')}/${textAt(version, 'name')}`,
        kind: textAt(crd, 'spec', 'names', 'kind'),
      })),
  );
}
