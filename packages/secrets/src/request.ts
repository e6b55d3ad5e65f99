import type { CommitRange, InputsOf } from '@zakenak/core';
import type { spec } from './spec.ts';

/** The inputs of scan-secrets, and what its caller knows of the event. */
export interface ScanSecretsRequest extends InputsOf<typeof spec> {
  /** The commits of the event; asked only for the scope `range` without `base`. */
  readonly range: () => Promise<CommitRange>;
  /** The commit whose configuration, ignore file and baseline count (the base commit on a pull request). Absent: the workspace's. */
  readonly policyRevision?: string;
}
