import type { KubeObject } from '@zakenak/core';
import { ReleaseFailure } from './failure.ts';
import { recordAt } from './json.ts';
import type { GpuDemand } from './request.ts';
import type { WaitContext } from './wait.ts';

/**
 * Waits until one node offers the GPUs that a release takes: the device plugin that offers them may be part of the same set. Memory is judged where nodes are
 * labelled with it (nvidia.com/gpu.memory, MiB). Throws ReleaseFailure `rollout/no-gpu`.
 */
export async function waitForGpus(
  subject: string,
  demand: GpuDemand,
  timeoutMs: number,
  { ports, signal }: WaitContext,
): Promise<void> {
  const deadline = ports.clock.monotonicMs() + timeoutMs;
  for (;;) {
    const { items } = await ports.kube.list({ apiVersion: 'v1', kind: 'Node' }, signal);
    const offers = items.map(offerOf);
    if (offers.some((offer) => suffices(offer, demand))) return;
    if (ports.clock.monotonicMs() >= deadline) throw missing(demand, offers);
    ports.progress.emit({
      stage: 'wait',
      subject,
      state: 'waiting',
      waitingFor: [
        { kind: 'gpu', name: `${demand.count} nvidia.com/gpu on a node`, reason: describeOffers(offers) },
      ],
    });
    await ports.clock.sleep(1_000, signal);
  }
}

interface Offer {
  readonly node: string;
  readonly count: number;
  readonly memoryBytes?: number;
}

function offerOf(node: KubeObject): Offer {
  const count = Number(recordAt(node, 'status', 'allocatable')['nvidia.com/gpu'] ?? 0);
  const memory = Number(node.metadata.labels?.['nvidia.com/gpu.memory']);
  return {
    node: node.metadata.name,
    count: Number.isFinite(count) ? count : 0,
    ...(Number.isFinite(memory) ? { memoryBytes: memory * 1_048_576 } : {}),
  };
}

function suffices(offer: Offer, { count, minMemoryBytes }: GpuDemand): boolean {
  const roomy =
    minMemoryBytes === undefined || offer.memoryBytes === undefined || offer.memoryBytes >= minMemoryBytes;
  return offer.count >= count && roomy;
}

function missing({ count, minMemoryBytes }: GpuDemand, offers: readonly Offer[]): ReleaseFailure {
  const memory =
    minMemoryBytes === undefined ? '' : ` with ${Math.ceil(minMemoryBytes / 1_048_576)} MiB each`;
  const seen = describeOffers(offers);
  return new ReleaseFailure('rollout/no-gpu', `no node offers ${count} nvidia.com/gpu${memory}: ${seen}`);
}

function describeOffers(offers: readonly Offer[]): string {
  return offers.map(({ node, count }) => `${node} offers ${count}`).join(', ') || 'the cluster has no node';
}
