import type { KubeRef } from '@zakenak/core';

/** A release did not get where it should: the user's artefact or the cluster's state is wrong, so it becomes a finding, never an exception of the engine. */
export class ReleaseFailure extends Error {
  /** `rollout/not-ready`, `rollout/hook-failed`… */
  readonly ruleId: string;
  /** The object that failed. */
  readonly ref: KubeRef | undefined;

  constructor(ruleId: string, reason: string, ref?: KubeRef) {
    super(reason);
    this.name = 'ReleaseFailure';
    this.ruleId = ruleId;
    this.ref = ref;
  }
}
