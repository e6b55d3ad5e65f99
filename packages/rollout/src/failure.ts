import type { KubeRef } from '@zakenak/core';

/** Another release of the set failed: this one is stopped where it is, and is no failure of its own. */
export class Halted extends Error {
  constructor(cause: string) {
    super(`stopped, because ${cause} failed`);
    this.name = 'Halted';
  }
}

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

/** A release that was not ready in time, and has not failed. */
export class ReleaseTimeout extends ReleaseFailure {}
