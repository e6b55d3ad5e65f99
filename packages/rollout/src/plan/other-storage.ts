import { createFinding, type Finding, KubeStatusError, type Ports } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { ownerOf, sameOwner } from '../fields/ownership.ts';
import type { PreparedRelease } from './prepared.ts';

/**
 * Findings for releases that Helm keeps in ConfigMaps (HELM_DRIVER=configmap) and that no Secret tells of: a deploy would be their first, go back to nothing, and leave Helm with what it
 * knew. Looked for only where objects say that they are of a release without any record.
 */
export async function findOtherStorage(
  releases: readonly PreparedRelease[],
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const unknown = releases.filter(
    ({ history, rendered, objects }) =>
      history.length === 0 &&
      objects.some(({ live }) => {
        const owner = live && ownerOf(live);
        return owner !== undefined && sameOwner(owner, rendered);
      }),
  );
  const found = await Promise.all(
    unknown.map(async ({ rendered: { name, namespace } }) => {
      const labelSelector = `owner=helm,name=${name}`;
      const selector = { apiVersion: 'v1', kind: 'ConfigMap', namespace, labelSelector };
      const { items } = await requestOf(`Looking for Helm's records in namespace ${namespace}`, () =>
        kube.list(selector, signal).catch((error: unknown) => {
          // Without that right nobody here can tell.
          if (error instanceof KubeStatusError && error.status === 403) return { items: [] };
          throw error;
        }),
      );
      return items.length > 0 ? [storedElsewhere(name, namespace)] : [];
    }),
  );
  return found.flat();
}

function storedElsewhere(name: string, namespace: string): Finding {
  return createFinding({
    ruleId: 'rollout/other-storage',
    severity: 'high',
    message: `${name}: Helm keeps this release in ConfigMaps of ${namespace} (HELM_DRIVER=configmap), which nothing here reads: a deploy would be its first.`,
    identity: `${namespace}/${name}`,
    remedy: `Make a Secret (type helm.sh/release.v1, data as stringData) of each ConfigMap labelled owner=helm,name=${name} and delete the ConfigMap, or delete them alone to have its objects taken over.`,
    tool: 'zakenak',
  });
}
