import { createFinding, type Finding, type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { textAt, valueAt } from '../objects/json.ts';
import { describe } from '../objects/object.ts';
import type { PreparedObject } from './dry-run.ts';
import { describeRooms, freeIn, gpusOf, mayPreempt, ownPods, readGpuRooms } from './gpu-room.ts';
import type { PreparedRelease } from './prepared.ts';

/**
 * Deployments whose new pod would wait forever for the GPU that the old one holds: a rolling update starts the new pod first. Asks for nodes and pods only where a Deployment with GPUs
 * changes that way. None where the account may not see the nodes.
 */
export async function findGpuDeadlocks(
  releases: readonly Pick<PreparedRelease, 'rendered' | 'objects'>[],
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const all = releases.flatMap(({ rendered, objects }) =>
    objects.filter(startsNewPodFirst).map((object) => ({ release: rendered.name, object, objects })),
  );
  if (all.length === 0) return [];
  try {
    const rooms = await readGpuRooms(ports, signal);
    return all.flatMap(({ release, object, objects }) => {
      const asked = gpusAsked(object);
      // Of the same release, what goes is gone before the new pod is waited for.
      const isGoing = ownPods(
        objects.flatMap(({ planned, live }) => (planned.action === 'delete' && live ? [live] : [])),
      );
      const isOwn = ownPods(object.live ? [object.live] : []);
      const preempts = mayPreempt(podOf(object));
      const makesRoom = (pod: KubeObject): boolean => isGoing(pod) || (preempts && !isOwn(pod));
      const isFree = rooms.some((room) => freeIn(room, makesRoom) >= asked);
      const wouldBe = rooms.filter((room) => freeIn(room, (pod) => makesRoom(pod) || isOwn(pod)) >= asked);
      return isFree || wouldBe.length === 0 ? [] : [deadlock(release, object, describeRooms(wouldBe))];
    });
  } catch (error) {
    if (error instanceof KubeStatusError && error.status === 403) return [];
    throw error;
  }
}

/** True for a Deployment with GPUs whose pods are replaced, and none of them stopped before the new one is ready (kubernetes: pkg/controller/deployment/util). */
function startsNewPodFirst(object: PreparedObject): boolean {
  const { planned, desired } = object;
  if (planned.action !== 'apply' || desired?.kind !== 'Deployment' || gpusAsked(object) === 0) return false;
  if (!planned.diff.some(({ path }) => path.startsWith('spec.template'))) return false;
  if (textAt(desired, 'spec', 'strategy', 'type') === 'Recreate') return false;
  const replicas = Number(valueAt(desired, 'spec', 'replicas') ?? 1);
  const limit = (field: string, round: (value: number) => number): number => {
    const value = valueAt(desired, 'spec', 'strategy', 'rollingUpdate', field) ?? '25%';
    const text = String(value);
    return text.endsWith('%') ? round((Number.parseFloat(text) * replicas) / 100) : Number(text);
  };
  return limit('maxUnavailable', Math.floor) === 0 && limit('maxSurge', Math.ceil) > 0;
}

function gpusAsked(object: PreparedObject): number {
  return gpusOf(podOf(object));
}

function podOf({ desired }: PreparedObject): unknown {
  return valueAt(desired, 'spec', 'template', 'spec');
}

function deadlock(release: string, object: PreparedObject, seen: string): Finding {
  const what = describe(object.planned.ref);
  return createFinding({
    ruleId: 'rollout/gpu-deadlock',
    severity: 'medium',
    message: `${release}: ${what}: its new pod needs ${gpusAsked(object)} nvidia.com/gpu, which are free only when the old one has gone, and a rolling update starts the new one first: ${seen}.`,
    identity: `${release} ${what}`,
    remedy:
      'Set `strategy: { type: Recreate }` in the Deployment’s spec, or rollingUpdate with maxSurge: 0 and maxUnavailable: 1.',
    tool: 'zakenak',
  });
}
