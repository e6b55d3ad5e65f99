/** One build, in no builder's dialect. Paths are absolute. */
export interface BuildJob {
  readonly context: string;
  readonly dockerfile: string;
  /** Full references with tag. */
  readonly references: readonly string[];
  readonly platforms: readonly string[];
  readonly buildArgs: readonly (readonly [string, string])[];
  readonly secrets: readonly { readonly id: string; readonly path: string }[];
  readonly labels: readonly (readonly [string, string])[];
  readonly target: string | undefined;
  /** Seconds since 1970 that replace every timestamp; undefined: the present. */
  readonly epoch: number | undefined;
  readonly provenance: boolean;
  readonly insecure: boolean;
  readonly cache: CachePolicy;
  readonly output: BuildOutput;
  /** An empty folder for the builder's own files. */
  readonly folder: string;
  readonly timeoutMs: number;
}

/** Where the result goes: nowhere but the builder's store, a Docker archive, or the registry. */
type BuildOutput =
  | { readonly kind: 'none' }
  | { readonly kind: 'archive'; readonly path: string }
  | { readonly kind: 'push' };

/** Which layers are taken from and given to where. */
export type CachePolicy =
  | { readonly kind: 'own' }
  | { readonly kind: 'off' }
  | { readonly kind: 'registry'; readonly reference: string; readonly write: boolean };

/** What came out. */
export interface BuildResult {
  /** Digest of the manifest (or index), where the builder tells. */
  readonly digest: string | undefined;
  /** Digest of the image's configuration: the same for the same contents in any archive format. */
  readonly configDigest: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The build ended without an image: the builder's output, stdout and stderr in the order they came. */
export interface BuildFailure {
  readonly exitCode: number;
  readonly log: string;
}

/** A program that builds images. `build` gives a failure rather than throwing when the program exits non-zero. */
export interface Builder {
  readonly name: 'buildx' | 'buildctl' | 'docker' | 'buildah';
  build(job: BuildJob, signal?: AbortSignal): Promise<BuildResult | BuildFailure>;
}

/** Tells the two ends of a build apart. */
export function isFailure<T extends object>(end: T | BuildFailure): end is BuildFailure {
  return 'exitCode' in end;
}
