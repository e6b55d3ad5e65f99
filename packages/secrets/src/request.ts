import type { CommitRange, InputsOf } from '@zakenak/core';
import type { spec } from './spec.ts';

/** The inputs of scan-secrets, and what its caller knows of the event. */
export interface ScanSecretsRequest extends InputsOf<typeof spec> {
  /** The commits of the event; asked only for the scope `range` without `base`. */
  readonly range: () => Promise<CommitRange>;
  /** Absolute path of the folder where commits without finds are remembered. Absent: every run scans every commit. */
  readonly cacheFolder?: string;
  /** This program's own: what another version kept does not count. */
  readonly version?: string;
  /** The commit whose configuration, ignore file and baseline count (the base commit on a pull request). Absent: the workspace's. */
  readonly policyRevision?: string;
}
