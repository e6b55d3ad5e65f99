import { gunzipSync, gzipSync } from 'node:zlib';

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

const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);

/** The text of `data.release` after the API server's own base64 is taken off: base64(gzip(JSON)). */
export function encodeRelease(release: HelmRelease): string {
  return gzipSync(Buffer.from(JSON.stringify(release)), { level: 9 }).toString('base64');
}

/** Reads what `encodeRelease` or any Helm 3 and 4 wrote; records of old Helms are not gzipped. */
export function decodeRelease(text: string): HelmRelease {
  const bytes = Buffer.from(text, 'base64');
  const json = bytes.subarray(0, 3).equals(gzipMagic) ? gunzipSync(bytes) : bytes;
  return JSON.parse(json.toString('utf8')) as HelmRelease;
}

/** True for a release that somebody began to change and did not finish. */
export function isPending(status: string): boolean {
  return status.startsWith('pending-') || status === 'uninstalling';
}
