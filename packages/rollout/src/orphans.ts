import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from './errors.ts';
import { setLabel } from './helm-storage.ts';
import type { RolloutRequest } from './request.ts';

/** A release that an earlier rollout of the set deployed and the set no longer has. */
export interface Orphan {
  readonly name: string;
  readonly namespace: string;
  /** False where a release of the set bears the same name elsewhere: it moved, and both are called alike. */
  readonly canBeRemoved: boolean;
}

/**
 * Finds them by the set's label on Helm's records, in the whole cluster, or in the set's namespaces where the account may see no more. Only releases that are
 * deployed count, or whose removal was begun and did not end.
 */
export async function findOrphans(
  { set, releases }: Pick<RolloutRequest, 'set' | 'releases'>,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly Orphan[]> {
  const labelSelector = `owner=helm,status in (deployed,uninstalling),${setLabel}=${set}`;
  const selector = { apiVersion: 'v1', kind: 'Secret', labelSelector };
  const list = async (namespace?: string): Promise<readonly KubeObject[]> =>
    (await ports.kube.list({ ...selector, ...(namespace ? { namespace } : {}) }, signal)).items;
  const namespaces = [...new Set(releases.map(({ namespace }) => namespace))];
  const records = await requestOf('Looking for releases that left the set', () =>
    list().catch(async (error: unknown) => {
      if (!(error instanceof KubeStatusError && error.status === 403)) throw error;
      return (await Promise.all(namespaces.map(list))).flat();
    }),
  );
  const names = new Set(releases.map(({ name }) => name));
  const here = new Set(releases.map(({ name, namespace }) => `${namespace}/${name}`));
  return records
    .map(({ metadata }) => ({ name: metadata.labels?.['name'] ?? '', namespace: metadata.namespace ?? '' }))
    .filter(({ name, namespace }) => name !== '' && !here.has(`${namespace}/${name}`))
    .map((orphan) => ({ ...orphan, canBeRemoved: !names.has(orphan.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
