import type { KubeObject } from '@zakenak/core';
import { kindRank } from '../objects/kind-order.ts';
import { type ManifestDocument, parseManifests } from '../objects/manifest.ts';
import type { HelmHook } from '../state/helm-release.ts';

/** When hooks run. */
export type HookEvent =
  | 'pre-install'
  | 'post-install'
  | 'pre-upgrade'
  | 'post-upgrade'
  | 'pre-rollback'
  | 'post-rollback'
  | 'pre-delete'
  | 'post-delete'
  | 'test';

const hookAnnotation = 'helm.sh/hook';

/** True for an object that Helm runs as a hook and does not manage. */
export function isHook(object: KubeObject): boolean {
  return object.metadata.annotations?.[hookAnnotation] !== undefined;
}

const knownEvents = new Set([
  ...['install', 'upgrade', 'rollback', 'delete'].flatMap((verb) => [`pre-${verb}`, `post-${verb}`]),
  'test',
]);

/** The hook's record; undefined for one with an event that Helm does not know: it skips those whole (manifest_sorter.go). */
export function hookOf({ object, source, text }: ManifestDocument): HelmHook | undefined {
  const annotations = object.metadata.annotations ?? {};
  const events = list(annotations[hookAnnotation]).map((event) =>
    event === 'test-success' ? 'test' : event,
  );
  if (events.length === 0 || events.some((event) => !knownEvents.has(event))) return undefined;
  const weightText = annotations['helm.sh/hook-weight'] ?? '';
  const weight = /^[-+]?\d+$/.test(weightText) ? Number(weightText) : 0;
  const deletePolicies = list(annotations['helm.sh/hook-delete-policy']);
  const logPolicies = list(annotations['helm.sh/hook-output-log-policy']);
  return {
    name: object.metadata.name,
    kind: object.kind,
    path: source,
    // As Helm stores it: it says itself where a hook comes from.
    manifest: text.replace(/^# Source: .+\r?\n/, ''),
    events,
    last_run: { phase: '' },
    ...(weight ? { weight } : {}),
    ...(deletePolicies.length > 0 ? { delete_policies: deletePolicies } : {}),
    ...(logPolicies.length > 0 ? { output_log_policies: logPolicies } : {}),
  };
}

/** The hooks of one event in the order in which they run, as Helm documents it: weight, kind, name. (Its code compares names before kinds.) */
export function hooksFor(hooks: readonly HelmHook[], event: HookEvent): readonly HelmHook[] {
  return hooks
    .filter((hook) => hook.events.includes(event))
    .sort(
      (a, b) =>
        (a.weight ?? 0) - (b.weight ?? 0) ||
        kindRank(a.kind) - kindRank(b.kind) ||
        (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    );
}

/** Helm's default for a hook that names no policy is to remove the former run before the next. */
export function hasDeletePolicy(
  hook: HelmHook,
  policy: 'before-hook-creation' | 'hook-succeeded' | 'hook-failed',
): boolean {
  const policies = hook.delete_policies ?? [];
  return policies.length === 0 ? policy === 'before-hook-creation' : policies.includes(policy);
}

/** The hooks of a record, a List that Helm stored as one opened. */
export function openHooks(hooks: readonly HelmHook[]): readonly HelmHook[] {
  return hooks.flatMap((hook) =>
    hook.kind.endsWith('List')
      ? parseManifests(hook.manifest, hook.path).flatMap((document) => hookOf(document) ?? [])
      : [hook],
  );
}

/** The object of a hook's record. */
export function hookObject(hook: HelmHook): KubeObject | undefined {
  return parseManifests(hook.manifest, hook.path)[0]?.object;
}

function list(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
}
