import type { Finding } from '@zakenak/core';
import type { RenderedRelease, RenderedRollout } from '../render/rendered.ts';
import type { HelmHistory } from '../state/helm-record.ts';
import type { HelmRelease } from '../state/helm-release.ts';
import type { RecordedChart } from '../state/record-size.ts';
import type { PreparedObject } from './dry-run.ts';
import type { Plan, PlannedRelease } from './plan.ts';
import type { Since } from './prune.ts';

/** A release with everything that carrying out its plan needs. Holds secrets: never written anywhere but into the cluster. */
export interface PreparedRelease extends Since {
  readonly rendered: RenderedRelease;
  readonly planned: PlannedRelease;
  readonly history: HelmHistory;
  /** The revision that is gone back to, in a rollback. */
  readonly target?: HelmRelease;
  /** What its new revision's record holds of the chart; absent where none is written. */
  readonly recorded?: RecordedChart;
  readonly crds: readonly PreparedObject[];
  /** Objects of the manifest, and those to prune. */
  readonly objects: readonly PreparedObject[];
}

/** A plan, and what carrying it out needs. */
export interface PreparedRollout {
  readonly plan: Plan;
  readonly rendered: RenderedRollout;
  readonly releases: readonly PreparedRelease[];
  /** What a plan does not tell by itself. */
  readonly findings?: readonly Finding[];
}

/** What a plan does with a release besides deploying it: go back to a stored revision (which is what was "rendered"), or remove it. */
export type Intent = { readonly rollBackTo: HelmRelease } | ({ readonly uninstall: true } & Since);
