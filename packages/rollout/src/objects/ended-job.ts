import type { KubeObject, Ports } from '@zakenak/core';
import { valueAt } from './json.ts';
import { groupOf, refOf } from './object.ts';
import { readEvents } from './warning-event.ts';

/** Why a Job that is gone is left gone. */
export const endedByItself = 'it ended and removed itself, as its ttlSecondsAfterFinished asks';

/**
 * True for a Job that the cluster removes when it has ended: once it was deployed, that it is gone is how it ends, and making it again would run it again. One that is suspended has not run.
 */
export function removesItself({ apiVersion, kind, spec }: KubeObject): boolean {
  return (
    kind === 'Job' &&
    groupOf(apiVersion) === 'batch' &&
    typeof valueAt(spec, 'ttlSecondsAfterFinished') === 'number' &&
    valueAt(spec, 'suspend') !== true
  );
}

/** What the controller says when a Job has ended, and the condition that it is then in (kubernetes: pkg/controller/job, and api/batch/v1 for the reasons of a failure). */
const ends: Readonly<Record<string, 'Complete' | 'Failed'>> = {
  Completed: 'Complete',
  BackoffLimitExceeded: 'Failed',
  DeadlineExceeded: 'Failed',
  PodFailurePolicy: 'Failed',
  FailedIndexes: 'Failed',
  MaxFailedIndexesExceeded: 'Failed',
};

/** A Job that has removed itself, as it was when it ended, by what its controller told of it; undefined where nobody told, and for any other object. One LIST. */
export async function asItEnded(
  job: KubeObject,
  ports: Pick<Ports, 'kube'>,
): Promise<KubeObject | undefined> {
  if (!removesItself(job)) return undefined;
  const events = await readEvents(refOf(job), ports);
  const last = events.findLast(({ uid, reason }) => uid === job.metadata.uid && Object.hasOwn(ends, reason));
  if (!last) return undefined;
  const { reason, message } = last;
  return { ...job, status: { conditions: [{ type: ends[reason], status: 'True', reason, message }] } };
}
