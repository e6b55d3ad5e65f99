import { gunzipSync, gzipSync } from 'node:zlib';
import { exitCodes, ZakenakError } from '@zakenak/core';
import { isListOf, isRecord, isText, recordAt } from '../objects/json.ts';
import { type ManifestDocument, parseManifests } from '../objects/manifest.ts';

/** A release's state in Helm's words (helm: pkg/release/common/status.go). */
export type HelmStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback';

/** A file inside a chart; `data` is base64. */
export interface HelmFile {
  readonly name: string;
  readonly data: string;
}

/** A chart as Helm's records embed it (helm: pkg/chart/v2/chart.go). */
export interface HelmChart {
  readonly metadata: { readonly name: string; readonly version: string; readonly [key: string]: unknown };
  readonly lock: unknown;
  readonly templates: readonly HelmFile[];
  readonly values: Readonly<Record<string, unknown>>;
  readonly schema: string | null;
  readonly files: readonly HelmFile[];
}

/** A hook as Helm's records hold it (helm: pkg/release/v1/hook.go). */
export interface HelmHook {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  readonly manifest: string;
  readonly events: readonly string[];
  readonly last_run: { readonly started_at?: string; readonly completed_at?: string; readonly phase: string };
  readonly weight?: number;
  readonly delete_policies?: readonly string[];
  readonly output_log_policies?: readonly string[];
}

/** One revision of a release, in the JSON of helm: pkg/release/v1/release.go, which Helm 3 reads as well. */
export interface HelmRelease {
  readonly name: string;
  readonly info: {
    readonly first_deployed?: string;
    readonly last_deployed?: string;
    readonly deleted?: string;
    readonly description?: string;
    readonly status: HelmStatus;
    readonly rollback_revision?: number;
    readonly notes?: string;
  };
  readonly chart: HelmChart;
  /** The user's values. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly manifest: string;
  readonly hooks?: readonly HelmHook[] | null;
  readonly version: number;
  readonly namespace: string;
  /** `ssa`, or `csa` where it is absent. */
  readonly apply_method?: string;
}

// A record is under 1 MiB packed; text packs ten to one, a bomb a thousand to one.
const largestUnpacked = 128 * 1024 * 1024;
const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);

/** The text of `data.release` after the API server's own base64 is taken off: base64(gzip(JSON)). */
export function encodeRelease(release: HelmRelease): string {
  return gzipSync(Buffer.from(JSON.stringify(release)), { level: 9 }).toString('base64');
}

/**
 * Reads what `encodeRelease` or any Helm 3 and 4 wrote; records of old Helms are not gzipped. Throws ZakenakError `rollout/bad-record` for anything else;
 * `name` is the Secret's, for its message. A record of another release, revision or namespace than `wanted`, as its Secret tells it, was put there by hand.
 */
export function decodeRelease(
  text: string,
  name = 'of a release',
  wanted: Partial<Pick<HelmRelease, 'name' | 'version' | 'namespace'>> = {},
): HelmRelease {
  try {
    const bytes = Buffer.from(text, 'base64');
    const packed = bytes.subarray(0, 3).equals(gzipMagic);
    const json = packed ? gunzipSync(bytes, { maxOutputLength: largestUnpacked }) : bytes;
    const release: unknown = JSON.parse(json.toString('utf8'));
    if (!isWhole(release)) throw new Error('it holds no release');
    const { name: called = release.name, version = release.version, namespace = release.namespace } = wanted;
    if (release.name !== called || release.version !== version || release.namespace !== namespace)
      throw new Error('it holds another release');
    return release;
  } catch (cause) {
    throw badRecord(name, cause);
  }
}

/** The documents of a record's manifest. Throws ZakenakError `rollout/bad-record` where it is no YAML of objects. */
export function recordedManifests({
  name,
  version,
  manifest,
}: Pick<HelmRelease, 'name' | 'version' | 'manifest'>): readonly ManifestDocument[] {
  try {
    return parseManifests(manifest ?? '', name);
  } catch (cause) {
    throw badRecord(`sh.helm.release.v1.${name}.v${version}`, cause);
  }
}

function badRecord(name: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'rollout/bad-record',
    message: `Helm’s record ${name} cannot be read.`,
    remedy: 'Look at it with helm history; delete the Secret if helm cannot read it either.',
    exitCode: exitCodes.outside,
    cause,
  });
}

/** What every Helm writes; a text, list or map that is empty may be absent or null. */
function isWhole(release: unknown): release is HelmRelease {
  if (!isRecord(release)) return false;
  const { name, version, namespace, info, chart, manifest = '', hooks, config } = release;
  const metadata = isRecord(chart) ? chart['metadata'] : undefined;
  if (!isRecord(info)) return false;
  const { status, description = '', first_deployed = '', last_deployed = '', deleted = '' } = info;
  const named = [recordAt(metadata)['name'], recordAt(metadata)['version']];
  const texts = [
    name,
    namespace,
    manifest,
    ...named,
    status,
    description,
    first_deployed,
    last_deployed,
    deleted,
  ];
  return (
    Number.isInteger(version) &&
    texts.every(isText) &&
    isRecord(config ?? {}) &&
    (hooks === undefined || hooks === null || isListOf(hooks, isHook))
  );
}

function isHook(hook: unknown): boolean {
  if (!isRecord(hook)) return false;
  const { name, kind, path, manifest, events } = hook;
  return [name, kind, path, manifest].every(isText) && Array.isArray(events);
}

/** True for a release that somebody began to change and did not finish. */
export function isPending(status: string): boolean {
  return status.startsWith('pending-') || status === 'uninstalling';
}
