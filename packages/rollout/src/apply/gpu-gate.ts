import type { KubeObject } from '@zakenak/core';
import { ReleaseFailure } from '../failure.ts';
import {
  describeRooms,
  freeIn,
  type GpuRoom,
  gpusOf,
  mayPreempt,
  ownPods,
  readGpuRooms,
} from '../plan/gpu-room.ts';
import type { PreparedRelease } from '../plan/prepared.ts';
import type { GpuDemand } from '../request.ts';
import type { WaitContext } from '../wait/wait.ts';

/**
 * Waits until one node offers the GPUs that a release takes, and has those free that a pod of it asks for: the device plugin that offers them may be part of the same set, and a
 * pod that holds them may be about to end. What the release's own pods hold counts as free. Memory is judged where nodes are labelled with it. Throws ReleaseFailure `rollout/no-gpu`.
 */
export async function waitForGpus(
  { rendered, planned, objects }: Pick<PreparedRelease, 'rendered' | 'planned' | 'objects'>,
  demand: GpuDemand,
  { ports, signal }: WaitContext,
): Promise<void> {
  const deadline = ports.clock.monotonicMs() + rendered.timeoutMs;
  // Where nothing changes its pods have what they need.
  const pods = planned.action === 'noop' ? [] : rendered.objects.map(({ spec }) => templateOf(spec));
  const asked = Math.max(0, ...pods.filter((pod) => !mayPreempt(pod)).map(gpusOf));
  const isOwn = ownPods(
    objects.flatMap(({ live, desired }) => [live, desired]).filter((one) => one !== undefined),
  );
  for (;;) {
    const rooms = await readGpuRooms(ports, signal);
    const offering = rooms.filter((room) => suffices(room, demand));
    if (offering.some((room) => freeIn(room, isOwn) >= asked)) return;
    const seen = describeRooms(rooms);
    if (ports.clock.monotonicMs() >= deadline) throw missing(demand, offering.length > 0, seen);
    const name = `${demand.count} nvidia.com/gpu${offering.length > 0 ? ' free' : ''} on a node`;
    const waitingFor = [{ kind: 'gpu' as const, name, reason: seen }];
    ports.progress.emit({ stage: 'wait', subject: rendered.name, state: 'waiting', waitingFor });
    // A large cluster has many pods to list.
    const pauseMs = offering.length > 0 ? 5_000 : 1_000;
    await ports.clock.sleep(Math.min(pauseMs, Math.max(100, deadline - ports.clock.monotonicMs())), signal);
  }
}

/** What a workload's pods are made from; of a pod itself its own spec. */
function templateOf(spec: KubeObject['spec']): unknown {
  const { template } = (spec ?? {}) as { readonly template?: { readonly spec?: unknown } };
  return template?.spec ?? spec;
}

function suffices(room: GpuRoom, { count, minMemoryBytes }: GpuDemand): boolean {
  const roomy =
    minMemoryBytes === undefined || room.memoryBytes === undefined || room.memoryBytes >= minMemoryBytes;
  return room.count >= count && roomy;
}

function missing({ count, minMemoryBytes }: GpuDemand, isOffered: boolean, seen: string): ReleaseFailure {
  const memory =
    minMemoryBytes === undefined ? '' : ` with ${Math.ceil(minMemoryBytes / 1_048_576)} MiB each`;
  const what = `${count} nvidia.com/gpu${memory}`;
  const lacks = isOffered ? `no node has ${what} free` : `no node offers ${what}`;
  return new ReleaseFailure('rollout/no-gpu', `${lacks}: ${seen}`);
}
