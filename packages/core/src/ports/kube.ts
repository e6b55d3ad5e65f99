/** Any Kubernetes object, as JSON. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

/** The metadata fields we read. */
export interface KubeMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly [field: string]: unknown;
}

/** Names one object. */
export interface KubeRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Names a set of objects of one kind. Label and field selectors are written as kubectl takes them. */
export interface KubeSelector {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** What a watch follows. */
export interface KubeWatchSelector extends KubeSelector {
  readonly resourceVersion?: string;
  /** Deliver objects with their apiVersion, kind and metadata only (PartialObjectMetadata): bodies, Secrets' too, are never read. */
  readonly metadataOnly?: boolean;
}

/** A kind that the cluster serves. */
export interface KubeResource {
  readonly apiVersion: string;
  readonly kind: string;
  /** Plural, as in paths: `deployments`. */
  readonly resource: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

/** A change seen by a watch. `BOOKMARK` only moves resourceVersion on. */
export interface KubeWatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject;
}

/** The API server answered a request with an error status. Engines branch on `status` and `reason`. */
export class KubeStatusError extends Error {
  /** HTTP status: 401, 403, 404, 409, 410, 422, 429, 5xx. */
  readonly status: number;
  /** `Conflict`, `AlreadyExists`, `Invalid`, `NotFound`, `Forbidden`… */
  readonly reason: string;
  /** Causes as the server lists them; for apply conflicts: type FieldManagerConflict, field and message naming the manager. */
  readonly causes: readonly {
    readonly reason?: string;
    readonly message?: string;
    readonly field?: string;
  }[];

  constructor(details: {
    readonly status: number;
    readonly reason: string;
    readonly message: string;
    readonly causes?: KubeStatusError['causes'];
  }) {
    super(details.message);
    this.name = 'KubeStatusError';
    this.status = details.status;
    this.reason = details.reason;
    this.causes = details.causes ?? [];
  }
}

/** A warning of the API server, as of a deprecated kind, by Pod Security or an admission policy. */
export interface KubeWarning {
  readonly text: string;
  /** The objects that it was told of. */
  readonly refs: readonly KubeRef[];
}

/** How an apply is done. */
export interface ApplyOptions {
  readonly fieldManager: string;
  /** Take fields from other managers instead of a 409. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/**
 * One Kubernetes API server. Plain JSON in and out, no client-side rate limit; 429 and Retry-After are obeyed inside. Throws KubeStatusError for error
 * statuses and ZakenakError `kube/unreachable`, `kube/unauthorized`, `kube/unknown-kind`, `kube/unavailable-api`.
 */
export interface KubeApi {
  /** The kubeconfig context and the server's address. */
  readonly target: {
    readonly context: string;
    readonly server: string;
    readonly namespace: string;
    /** How a program that reads kubeconfigs is led to the same server; what is absent it finds as we did. Absent: it is not known how. */
    readonly leads?: { readonly kubeconfig?: string; readonly context?: string };
  };
  version(): Promise<{ readonly major: number; readonly minor: number; readonly gitVersion: string }>;
  /** Every kind served (aggregated discovery); cached until `refreshDiscovery`. */
  resources(): Promise<readonly KubeResource[]>;
  /** The apiVersions whose own server (an APIService) does not answer: which kinds they have is not known. As old as `resources`. */
  unavailableApis(): Promise<readonly string[]>;
  refreshDiscovery(): void;
  /** What the server warned of with its answers to applies and creations, dry runs too, since the connection was made. */
  warnings(): readonly KubeWarning[];
  /** Milliseconds that the server's clock is ahead of this machine's by its last answers, to about a second; 0 before the first. */
  aheadMs(): number;
  /** What was said last to a request that was turned away or not answered, and is being tried again; undefined where none is. */
  heldUp(): string | undefined;
  /** Undefined where it does not exist. */
  get(ref: KubeRef, signal?: AbortSignal): Promise<KubeObject | undefined>;
  list(
    selector: KubeSelector,
    signal?: AbortSignal,
  ): Promise<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }>;
  create(
    object: KubeObject,
    options?: {
      readonly fieldManager?: string;
      readonly dryRun?: boolean;
      /** A field that the kind does not have is refused instead of left out. */
      readonly fieldValidation?: 'Strict';
    },
    signal?: AbortSignal,
  ): Promise<KubeObject>;
  /** Whole replacement, guarded by metadata.resourceVersion where it is given. */
  replace(object: KubeObject, signal?: AbortSignal): Promise<KubeObject>;
  /** Server-side apply. */
  apply(object: KubeObject, options: ApplyOptions, signal?: AbortSignal): Promise<KubeObject>;
  patch(
    ref: KubeRef,
    type: 'merge' | 'json' | 'strategic',
    body: unknown,
    options?: { readonly subresource?: string; readonly dryRun?: boolean },
    signal?: AbortSignal,
  ): Promise<KubeObject>;
  /** False where it did not exist. With `uid` or `resourceVersion` only that object, or that version of it: else a 409. */
  delete(
    ref: KubeRef,
    options?: {
      readonly propagation?: 'Foreground' | 'Background' | 'Orphan';
      readonly uid?: string;
      readonly resourceVersion?: string;
      readonly dryRun?: boolean;
    },
    signal?: AbortSignal,
  ): Promise<boolean>;
  /**
   * Events from `resourceVersion` on (from a fresh list, delivered as ADDED, with a BOOKMARK at its end, where none is given). Reconnects by itself after dropped connections and
   * re-lists after 410; ends only when the signal fires or on an error that cannot heal.
   */
  watch(selector: KubeWatchSelector, signal: AbortSignal): AsyncIterable<KubeWatchEvent>;
  /**
   * The same server, but each try of a write, also one after a pause, asks `guard` first, which throws where we must not write any more. Reads and dry runs always
   * pass. `leftMs`: for how long a write that was sent may still go on; where none is left and `guard` throws, its connection is closed.
   */
  fenced(guard: () => void, leftMs?: () => number): KubeApi;
  logs(
    ref: {
      readonly namespace: string;
      readonly pod: string;
      readonly container?: string;
      readonly previous?: boolean;
      readonly tailLines?: number;
    },
    signal?: AbortSignal,
  ): Promise<string>;
}
