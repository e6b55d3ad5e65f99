import type { KubeObject } from '@zakenak/core';
import type { Kinds } from '../kinds/kinds.ts';
import type { DriftSettings } from '../policy/drift-rules.ts';
import type { GpuDemand } from '../request.ts';
import type { HelmChart, HelmHook } from '../state/helm-release.ts';
import type { AskedFor } from '../state/helm-storage.ts';
import type { UnstableObject } from './unstable-render.ts';

/** One release, rendered: what the cluster is to hold. */
export interface RenderedRelease {
  readonly name: string;
  readonly namespace: string;
  readonly needs: readonly string[];
  readonly timeoutMs: number;
  readonly gpu?: GpuDemand;
  /** The chart's tests run when it is deployed. */
  readonly test?: boolean;
  readonly chart: HelmChart;
  readonly values: Readonly<Record<string, unknown>>;
  /** Label that lets a later deploy of the same chart and values do without rendering; absent for plain manifests. */
  readonly inputs?: string;
  /** The text that Helm's record keeps. */
  readonly manifest: string;
  /** What another rendering would have made otherwise. */
  readonly unstable?: readonly UnstableObject[];
  /** What its templates look up counted as absent. */
  readonly unlooked?: boolean;
  /** What was asked for with the stored revision that this is. */
  readonly asked?: AskedFor;
  /** Objects of the chart's crds/ folders: applied first, never part of the manifest. */
  readonly crds: readonly KubeObject[];
  /** Objects of the manifest with namespace and ownership filled in. */
  readonly objects: readonly KubeObject[];
  readonly hooks: readonly HelmHook[];
  readonly digests: { readonly chart: string; readonly values: string; readonly manifest: string };
}

/** The whole set, rendered, in an order that follows `needs`. */
export interface RenderedRollout {
  readonly set: string;
  readonly releases: readonly RenderedRelease[];
  readonly kinds: Kinds;
  /** Which differences from the cluster are left alone. */
  readonly drift?: DriftSettings;
}
