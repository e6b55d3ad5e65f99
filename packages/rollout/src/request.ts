import type { Report } from '@zakenak/core';
import type { HealthRule } from './health/health-rules.ts';
import type { Plan } from './plan/plan.ts';
import type { DriftSettings } from './policy/drift-rules.ts';

interface NamedFile {
  readonly file: string;
  /** What names it, for its error: `values of the release web`. */
  readonly namedBy?: string;
}

/** One layer of values: an object, or a YAML file of the workspace, which SOPS may have encrypted. Later layers win. */
export type ValuesLayer =
  | { readonly values: Readonly<Record<string, unknown>> }
  /** An image that was built: where the values have text at `valuesPath` (keys with dots) it becomes repository@digest, else a map of both. */
  | { readonly image: { readonly repository: string; readonly digest: string }; readonly valuesPath: string }
  /** A file of the release's own; `targetPath`: the key, with dots, under which its values lie. */
  | (NamedFile & { readonly optional?: boolean; readonly targetPath?: string })
  /** A file for several releases: one top-level key for each of `releases`, and `global` for all. */
  | (NamedFile & { readonly release: string; readonly releases: readonly string[] });

/** What a release is made of: a chart (folder, .tgz, oci:// reference, or a name in a repository), or plain manifests (files and folders). */
export type ReleaseSource =
  | { readonly chart: string; readonly version?: string; readonly repo?: string }
  | { readonly manifests: readonly string[] };

/** GPUs a release takes; its apply begins only when one node offers them. */
export interface GpuDemand {
  readonly count: number;
  /** Bytes that each GPU has at least. */
  readonly minMemoryBytes?: number;
}

/** One release of the set. */
export interface ReleaseRequest {
  readonly name: string;
  readonly namespace: string;
  readonly source: ReleaseSource;
  readonly values?: readonly ValuesLayer[];
  /** Names of releases of the set that have to be ready first. */
  readonly needs?: readonly string[];
  /** Milliseconds the release may take to become ready; 5 minutes where nothing is said. */
  readonly timeoutMs?: number;
  readonly gpu?: GpuDemand;
  /** Run the chart's tests (helm.sh/hook: test) when it was installed or upgraded: one that fails is a failure of the release. */
  readonly test?: boolean;
}

/** What happens when a release fails: put the whole set back, put only that release back, or leave everything for a look. */
export type OnFailure = 'set' | 'release' | 'keep';

/** A set of releases that is rolled out and put back as one. */
export interface RolloutRequest {
  /** Name of the set: lock, journal and labels bear it. Lower-case letters, digits and dashes. */
  readonly set: string;
  readonly releases: readonly ReleaseRequest[];
  /** Remove what an earlier rollout of the set deployed and the set no longer has. */
  readonly prune?: boolean;
  /** Commit that is rolled out, for the records. */
  readonly commit?: string;
  /** Which differences from the cluster are left alone. */
  readonly drift?: DriftSettings;
  /** How custom resources tell that they are ready. */
  readonly health?: readonly HealthRule[];
  /** Revisions of a release that are kept, at least 2; 10 where nothing is said. */
  readonly historyLimit?: number;
  /** Milliseconds for which a Helm may be at a revision that it left pending; 15 minutes where nothing is said. */
  readonly helmTimeoutMs?: number;
}

/** How a set is changed as one transaction. */
export interface TransactionOptions {
  /** Namespace of the set's Lease and journal; the kubeconfig context's where nothing is said. */
  readonly stateNamespace?: string;
  /** `set` where nothing is said. */
  readonly onFailure?: OnFailure;
  /** Which differences from the cluster are left alone, by a rollback too. */
  readonly drift?: DriftSettings;
  /** How custom resources tell that they are ready. */
  readonly health?: readonly HealthRule[];
  /** Revisions of a release that are kept, at least 2; 10 where nothing is said. */
  readonly historyLimit?: number;
  /** Only plan. */
  readonly dryRun?: boolean;
  /** Go ahead with what cannot be undone. */
  readonly allowIrreversible?: boolean;
  /** Milliseconds to wait for another deploy of the same set; 10 minutes where nothing is said. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds for which a Helm may be at a revision that it left pending; 15 minutes where nothing is said. */
  readonly helmTimeoutMs?: number;
  /** Life of the Lease without renewal, in seconds; 15 where nothing is said. */
  readonly leaseSeconds?: number;
  /** Who we are, in words: shown to others that wait for the lock. */
  readonly holder?: string;
  /** True for a holder that certainly lives no more: its lock is taken at once. Where nothing is said every lock is waited for. */
  readonly isGone?: (holder: string) => boolean;
  /** Commit that is rolled out: others that wait for the lock compare theirs with it. */
  readonly commit?: string;
  /** True when what is rolled out comes after the given commit: a running deploy of that one is asked to stop. Nobody is where nothing is said. */
  readonly supersedes?: (commit: string) => Promise<boolean>;
  /** Proves what was deployed; a report that failed or errored counts as a failed release. */
  readonly verify?: (signal: AbortSignal) => Promise<Report>;
}

/** How a set is deployed. */
export interface DeployRequest extends RolloutRequest, TransactionOptions {
  /** The plan that was approved; any other is refused. */
  readonly approved?: Plan;
  /** Where the plan is written as JSON, where it is wanted. */
  readonly planFile?: string;
}

/** Milliseconds a release may take where it says nothing. */
export const defaultTimeoutMs = 300_000;
/** Milliseconds to wait for another deploy where nothing is said. */
export const defaultLockTimeoutMs = 600_000;
