import type { CommitRange, Forge, InputsOf } from '@zakenak/core';
import type { spec } from './spec.ts';

/** The inputs of sign-verify-commits, and what its caller knows of the event. */
export interface VerifyCommitsRequest extends InputsOf<typeof spec> {
  /** The commits of the event; not asked where `base` is given. */
  readonly range: () => Promise<CommitRange>;
  /** The commit whose allowed signers and keyring count (the base commit on a pull request). Absent: the workspace's. */
  readonly policyRevision?: string;
  /** The forge's API, undefined where there is none; asked where `mode` wants its verdict. */
  readonly forge?: () => Promise<Forge | undefined>;
}
