import type { Ports } from '@zakenak/core';

/** What whole seconds and the way of an answer come to. */
const toleratedMs = 2_000;

/**
 * The ports with the cluster's time in place of this machine's, where they differ: how long ago a container started, or an object was written, and which of two rollouts is the newer, is told by times that
 * others wrote. The difference is taken once, so that this clock never leaps.
 */
export function inClusterTime<P extends Pick<Ports, 'kube' | 'clock'>>(ports: P): P {
  const { clock, kube } = ports;
  const aheadMs = kube.aheadMs();
  if (Math.abs(aheadMs) < toleratedMs) return ports;
  return {
    ...ports,
    clock: {
      now: () => new Date(clock.now().getTime() + aheadMs),
      monotonicMs: () => clock.monotonicMs(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    },
  };
}
