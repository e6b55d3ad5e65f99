import { type KubeObject, parseQuantity } from '@zakenak/core';
import { type FieldPath, valueAtPath, withValueAt } from './field-path.ts';
import { isRecord, listAt, textAt } from './json.ts';

/** An object as near to what is wanted as the API server lets it come from what lives. */
export interface Stays {
  readonly object: KubeObject;
  /** The field that stays. */
  readonly path: FieldPath;
  /** What was to be there. */
  readonly wanted: unknown;
  /** What the server allows nobody, in words. */
  readonly rule: string;
}

/**
 * What of a live object cannot go back to the wanted state: a claim that grew, a definition's version in which objects have been stored. Undefined where all of it can.
 * (kubernetes: pkg/apis/core/validation, ValidatePersistentVolumeClaimUpdate; k8s.io/apiextensions-apiserver: pkg/apis/apiextensions/validation)
 */
export function withWhatStays(wanted: KubeObject, live: KubeObject | undefined): Stays | undefined {
  if (!live) return undefined;
  if (wanted.kind === 'CustomResourceDefinition') return withStoredVersions(wanted, live);
  if (wanted.kind === 'PersistentVolumeClaim') return withSize(wanted, live);
  return undefined;
}

const size: FieldPath = ['spec', 'resources', 'requests', 'storage'].map((key) => ({ key }));

function withSize(wanted: KubeObject, live: KubeObject): Stays | undefined {
  const has = valueAtPath(live, size);
  const asked = valueAtPath(wanted, size);
  const [less, more] = [asked, has].map((value) => parseQuantity(String(value)));
  if (less === undefined || more === undefined || less >= more) return undefined;
  return {
    object: withValueAt(wanted, size, has),
    path: size,
    wanted: asked,
    rule: 'a claim does not shrink',
  };
}

/** None of the versions goes before a storage migration. */
function withStoredVersions(wanted: KubeObject, live: KubeObject): Stays | undefined {
  const versions = listAt(wanted, 'spec', 'versions');
  const has = new Set(versions.map((version) => textAt(version, 'name')));
  const stored = new Set(listAt(live, 'status', 'storedVersions'));
  const more = listAt(live, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    return isRecord(version) && stored.has(name) && !has.has(name) ? [{ ...version, storage: false }] : [];
  });
  if (more.length === 0) return undefined;
  const path = [{ key: 'spec' }, { key: 'versions' }];
  return {
    object: withValueAt(wanted, path, [...versions, ...more]),
    path,
    wanted: versions,
    rule: 'a version in which objects have been stored stays',
  };
}

const bonds: Readonly<Record<string, FieldPath>> = {
  PersistentVolumeClaim: [{ key: 'spec' }, { key: 'volumeName' }],
  PersistentVolume: [{ key: 'spec' }, { key: 'claimRef' }],
};

/** A snapshot with the bond of claim and volume that came since: to take it away would take the data. */
export function withBond(snapshot: KubeObject, live: KubeObject | undefined): KubeObject {
  const path = bonds[snapshot.kind];
  if (!path || !live || valueAtPath(snapshot, path) !== undefined) return snapshot;
  return withValueAt(snapshot, path, valueAtPath(live, path));
}
