import type { KubeObject } from '@zakenak/core';
import type { HelmRelease, HelmStatus } from './helm-release.ts';

/** One stored revision. */
export interface HelmRecord {
  readonly secret: KubeObject;
  readonly version: number;
  readonly status: HelmStatus;
  /** Decoded when it is asked for: records are large. */
  readonly release: () => HelmRelease;
}

/** All stored revisions of one release, oldest first. */
export type HelmHistory = readonly HelmRecord[];
