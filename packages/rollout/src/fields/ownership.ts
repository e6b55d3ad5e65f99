import type { KubeObject } from '@zakenak/core';
import { withoutEmptyMaps, withoutPlainNulls, withPlainData } from '../objects/object.ts';

/** Who writes the fields: Helm's own name, so that Helm and we follow each other up. */
export const fieldManager = 'helm';

/** What names a release on its objects. */
export interface Owner {
  readonly name: string;
  readonly namespace: string;
}

/** Label that Helm demands of every object it owns, with the value `Helm`. */
export const managedBy = 'app.kubernetes.io/managed-by';
const releaseName = 'meta.helm.sh/release-name';
const releaseNamespace = 'meta.helm.sh/release-namespace';

/** The object with Helm's ownership metadata (helm: pkg/action/validate.go), without status, its data where and as the server keeps it. */
export function ownedBy(object: KubeObject, owner: Owner): KubeObject {
  const { status: _status, ...rest } = withoutEmptyMaps(withPlainData(withoutPlainNulls(object)));
  const { creationTimestamp: _created, ...metadata } = object.metadata;
  return {
    ...rest,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [managedBy]: 'Helm' },
      annotations: {
        ...metadata.annotations,
        [releaseName]: owner.name,
        [releaseNamespace]: owner.namespace,
      },
    },
  } as KubeObject;
}

/** The release that a live object says it belongs to. */
export function ownerOf(live: KubeObject): Owner | undefined {
  const annotations = live.metadata.annotations ?? {};
  const name = annotations[releaseName];
  return name === undefined ? undefined : { name, namespace: annotations[releaseNamespace] ?? '' };
}

/** True when both are the same release. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return a.name === b.name && a.namespace === b.namespace;
}
