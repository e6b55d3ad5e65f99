import type { KubeObject } from '@zakenak/core';
import { isRecord, listAt, recordAt, textAt, valueAt } from '../objects/json.ts';
import { fieldManager } from './ownership.ts';

// Where each kind holds its strategy. Others have none, or the server takes theirs as it is.
const fields: Readonly<Record<string, string>> = { Deployment: 'strategy', StatefulSet: 'updateStrategy' };

// Where each kind holds its pods.
const podPaths: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  ReplicationController: ['spec', 'template', 'spec'],
  PodTemplate: ['template', 'spec'],
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * Fields that the server filled in and that have to go with what is not wanted any more, as a field set (fieldsV1); undefined where there are none. Nobody owns
 * them, so that a server-side apply never takes them away: they must become ours before they can go. Without that `Recreate` is refused for the rolling update's
 * settings that are still there, a volume that had no source for the emptyDir that it was given beside its new one, and a pod keeps a service account that the release has not any more,
 * since its old name (`serviceAccount`) brings it back.
 */
export function strayFields(desired: KubeObject, live: KubeObject): Fields | undefined {
  if (!/^(?:v1$|apps\/|batch\/)/.test(desired.apiVersion)) return undefined;
  const found = [
    strayStrategy(desired, live),
    strayAccount(desired, live),
    ...strayVolumes(desired, live),
  ].filter((set) => set !== undefined);
  return found.length > 0 ? found.reduce(unite) : undefined;
}

function strayStrategy(desired: KubeObject, live: KubeObject): Fields | undefined {
  const field = fields[desired.kind];
  if (!field) return undefined;
  const wanted = recordAt(desired, 'spec', field);
  const type = textAt(wanted, 'type');
  if (type === '' || type === 'RollingUpdate' || wanted['rollingUpdate']) return undefined;
  if (!isRecord(valueAt(live, 'spec', field, 'rollingUpdate'))) return undefined;
  return nest(['spec', field, 'rollingUpdate']);
}

function strayAccount(desired: KubeObject, live: KubeObject): Fields | undefined {
  const path = podPaths[desired.kind];
  if (!path) return undefined;
  const wanted = recordAt(desired, ...path);
  if (wanted['serviceAccountName'] || wanted['serviceAccount']) return undefined;
  return textAt(live, ...path, 'serviceAccount') === '' ? undefined : nest([...path, 'serviceAccount']);
}

function strayVolumes(desired: KubeObject, live: KubeObject): readonly Fields[] {
  const path = podPaths[desired.kind];
  if (!path) return [];
  const entries = listAt(live, 'metadata', 'managedFields');
  const wanted = listAt(desired, ...path, 'volumes').filter(isRecord);
  return listAt(live, ...path, 'volumes').flatMap((volume) => {
    const name = textAt(volume, 'name');
    const { emptyDir, name: _name, ...sources } = wanted.find((one) => one['name'] === name) ?? {};
    if (!isRecord(valueAt(volume, 'emptyDir')) || emptyDir || Object.keys(sources).length === 0) return [];
    const keys = [...path, 'volumes'];
    const element = `k:${JSON.stringify({ name })}`;
    const parts = [...keys.map((key) => `f:${key}`), element, 'f:emptyDir'];
    const isOwned = entries.some((entry) => valueAt(entry, 'fieldsV1', ...parts));
    return isOwned ? [] : [nest(keys, { [element]: nest(['emptyDir']) })];
  });
}

function nest(path: readonly string[], innermost: Fields = {}): Fields {
  return path.reduceRight((inner, key) => ({ [`f:${key}`]: inner }), innermost);
}

/** Two field sets as one. */
export function unite(a: Fields, b: Fields): Fields {
  const united: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const former = united[key];
    united[key] = isRecord(former) && isRecord(value) ? unite(former, value) : value;
  }
  return united;
}

/** A field set without what another one holds. */
export function without(a: Fields, b: Fields): Fields {
  const left = Object.entries(a).flatMap(([key, value]) => {
    const taken = b[key];
    if (!(isRecord(taken) && isRecord(value))) return [[key, value] as const];
    const rest = without(value, taken);
    return Object.keys(taken).length === 0 || Object.keys(rest).length === 0 ? [] : [[key, rest] as const];
  });
  return Object.fromEntries(left);
}

/** True for a Service that was made headless by a release that no longer says so: the server keeps it so for its life (k8s.io/kubernetes pkg/registry/core/service, patchAllocatedValues). */
export function staysHeadless(desired: KubeObject, live: KubeObject): boolean {
  if (desired.kind !== 'Service' || desired.apiVersion !== 'v1') return false;
  const wanted = recordAt(desired, 'spec');
  if (wanted['clusterIP'] || textAt(wanted, 'type') === 'ExternalName') return false;
  if (textAt(live, 'spec', 'clusterIP') !== 'None') return false;
  return listAt(live, 'metadata', 'managedFields').some(
    (entry) =>
      textAt(entry, 'manager') === fieldManager &&
      isRecord(valueAt(entry, 'fieldsV1', 'f:spec', 'f:clusterIP')),
  );
}
