import { type KubeObject, parseQuantity } from '@zakenak/core';
import { type FieldPath, valueAtPath, withValueAt } from '../objects/field-path.ts';
import { isRecord, listAt, textAt } from '../objects/json.ts';

/** An object as near to what is wanted as the API server lets it come from what lives. */
export interface Stays {
  readonly object: KubeObject;
  readonly fields: readonly StayingField[];
}

/** A field that stays. */
export interface StayingField {
  readonly path: FieldPath;
  /** What was to be there. */
  readonly wanted: unknown;
  /** What the server allows nobody, in words. */
  readonly rule: string;
}

/**
 * What of a live object cannot go back to the wanted state: a claim that grew or was given an attributes class, a definition's version in which objects have been stored. Undefined where all of it can.
 * (kubernetes: pkg/apis/core/validation, ValidatePersistentVolumeClaimUpdate; k8s.io/apiextensions-apiserver: pkg/apis/apiextensions/validation)
 */
export function withWhatStays(wanted: KubeObject, live: KubeObject | undefined): Stays | undefined {
  const rules = (live && rulesOf[wanted.kind]) ?? [];
  const fields = rules.flatMap((rule) => (live && rule(wanted, live)) ?? []);
  if (fields.length === 0) return undefined;
  const object = fields.reduce((whole, { path, stays }) => withValueAt(whole, path, stays), wanted);
  return { object, fields };
}

type Rule = (
  wanted: KubeObject,
  live: KubeObject,
) => (StayingField & { readonly stays: unknown }) | undefined;

const size: FieldPath = ['spec', 'resources', 'requests', 'storage'].map((key) => ({ key }));

const ofSize: Rule = (wanted, live) => {
  const stays = valueAtPath(live, size);
  const asked = valueAtPath(wanted, size);
  const [less, more] = [asked, stays].map((value) => parseQuantity(String(value)));
  if (less === undefined || more === undefined || less >= more) return undefined;
  return { path: size, wanted: asked, stays, rule: 'a claim does not shrink' };
};

const attributesClass: FieldPath = ['spec', 'volumeAttributesClassName'].map((key) => ({ key }));

/** Once the volume has the attributes of one, another may come, but not none. */
const ofAttributesClass: Rule = (wanted, live) => {
  const asked = valueAtPath(wanted, attributesClass);
  const stays = valueAtPath(live, attributesClass);
  const isNone = asked === undefined || asked === null || asked === '';
  if (!isNone || !stays || textAt(live, 'status', 'currentVolumeAttributesClassName') === '')
    return undefined;
  return { path: attributesClass, wanted: asked, stays, rule: 'a claim keeps an attributes class' };
};

/** None of the versions goes before a storage migration. */
const ofStoredVersions: Rule = (wanted, live) => {
  const versions = listAt(wanted, 'spec', 'versions');
  const has = new Set(versions.map((version) => textAt(version, 'name')));
  const stored = new Set(listAt(live, 'status', 'storedVersions'));
  const more = listAt(live, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    return isRecord(version) && stored.has(name) && !has.has(name) ? [{ ...version, storage: false }] : [];
  });
  if (more.length === 0) return undefined;
  return {
    path: [{ key: 'spec' }, { key: 'versions' }],
    wanted: versions,
    stays: [...versions, ...more],
    rule: 'a version in which objects have been stored stays',
  };
};

const rulesOf: Readonly<Record<string, readonly Rule[]>> = {
  CustomResourceDefinition: [ofStoredVersions],
  PersistentVolumeClaim: [ofSize, ofAttributesClass],
};

const bonds: Readonly<Record<string, FieldPath>> = {
  PersistentVolumeClaim: [{ key: 'spec' }, { key: 'volumeName' }],
  PersistentVolume: [{ key: 'spec' }, { key: 'claimRef' }],
  Pod: [{ key: 'spec' }, { key: 'ephemeralContainers' }],
};

/** A snapshot with the bond of claim and volume that came since, which to take away would take the data, and a pod's debuggers, which nobody can take away. */
export function withBond(snapshot: KubeObject, live: KubeObject | undefined): KubeObject {
  const path = bonds[snapshot.kind];
  if (!path || !live) return snapshot;
  const isBound = valueAtPath(snapshot, path) !== undefined;
  if (isBound && snapshot.kind !== 'Pod') return snapshot;
  return withValueAt(snapshot, path, valueAtPath(live, path));
}
