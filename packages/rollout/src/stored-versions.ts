import type { KubeObject } from '@zakenak/core';
import { isRecord, listAt, textAt } from './json.ts';

/**
 * A definition to go back to, with the versions in which objects have been stored since: the server lets none of them go before a storage migration
 * (k8s.io/apiextensions-apiserver: pkg/apis/apiextensions/validation). Undefined where there are none.
 */
export function withStoredVersions(before: KubeObject, live: KubeObject | undefined): KubeObject | undefined {
  if (!live || before.kind !== 'CustomResourceDefinition') return undefined;
  const had = new Set(listAt(before, 'spec', 'versions').map((version) => textAt(version, 'name')));
  const stored = new Set(listAt(live, 'status', 'storedVersions'));
  const more = listAt(live, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    return isRecord(version) && stored.has(name) && !had.has(name) ? [{ ...version, storage: false }] : [];
  });
  if (more.length === 0) return undefined;
  const spec = { ...(before['spec'] as object), versions: [...listAt(before, 'spec', 'versions'), ...more] };
  return { ...before, spec };
}
