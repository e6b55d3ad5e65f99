import type { Limiter, Ports } from '@zakenak/core';
import type { Tolerance } from '../fields/tolerance.ts';
import type { HealthRule } from '../health/health-rules.ts';
import type { Kinds } from '../kinds/kinds.ts';
import type { DriftSettings } from '../policy/drift-rules.ts';
import type { WaitContext } from '../wait/wait.ts';

/** The ports that carrying out a plan reaches. */
export type RunPorts = Pick<Ports, 'kube' | 'clock' | 'log' | 'progress' | 'redactor'>;

/** What all releases of one run share. */
export interface RunContext extends WaitContext {
  readonly ports: RunPorts;
  readonly set: string;
  /** Id of this rollout, on every revision that it writes. */
  readonly rollout: string;
  readonly kinds: Kinds;
  readonly limit: Limiter;
  /** Which differences from the cluster are left alone, by a rollback too. */
  readonly drift?: DriftSettings | undefined;
  /** How custom resources tell that they are ready. */
  readonly health?: readonly HealthRule[] | undefined;
  /** Revisions of a release that are kept. */
  readonly historyLimit?: number | undefined;
  /** For how long a Helm may be at a revision, in milliseconds. */
  readonly helmTimeoutMs?: number | undefined;
  /** The same, once it is known what steers the objects that are put back. */
  readonly tolerance?: Tolerance;
  /** Releases that an interrupted run had begun with. */
  readonly resumed?: ReadonlySet<string>;
  /** Namespaces that this run makes, under way or done. */
  readonly namespaces: Map<string, Promise<void>>;
}
