import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { objectOf } from '../testing/objects.ts';
import { createFormerFailures } from './former-failure.ts';

const now = '2026-01-01T00:01:00Z';
const longAgo = '2026-01-01T00:00:00Z';
const justNow = '2026-01-01T00:00:55Z';

const pod = (creationTimestamp: string, reason: string, restartCount = 3): KubeObject =>
  objectOf('v1', 'Pod', {
    metadata: { uid: 'p-1', creationTimestamp },
    status: { containerStatuses: [{ name: 'web', restartCount, state: { waiting: { reason } } }] },
  });
const deployment = (lastUpdateTime: string, writtenAt: string): KubeObject =>
  objectOf('apps/v1', 'Deployment', {
    metadata: { uid: 'd-1', managedFields: [{ manager: 'helm', time: writtenAt }] },
    status: {
      conditions: [
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', lastUpdateTime },
      ],
    },
  });

/** Whether the last of the states that are seen one after the other counts as a failure of before. */
function isFormer(...states: readonly KubeObject[]): boolean {
  const failures = createFormerFailures(fakeClock(now));
  for (const state of states) failures.see(state);
  const last = states.at(-1);
  return last !== undefined && failures.isFormer(last);
}

test('a pod that had failed before it is waited for is not believed before it has failed again', () => {
  const stuck = pod(longAgo, 'ImagePullBackOff');
  assert.equal(isFormer(stuck), true);
  assert.equal(isFormer(stuck, stuck), true, 'told again');
  assert.equal(isFormer(stuck, pod(longAgo, 'ErrImagePull'), stuck), false, 'pulled again');
  const crashed = pod(longAgo, 'CrashLoopBackOff', 4);
  assert.equal(isFormer(pod(longAgo, 'CrashLoopBackOff'), crashed), false, 'crashed again');
});

test('a pod that mounts settings may try once more with the former ones, for as long as the kubelet keeps them', () => {
  const mounting = (name: string, restartCount: number): KubeObject => ({
    ...pod(longAgo, 'CrashLoopBackOff', restartCount),
    spec: { volumes: [{ name, projected: { sources: [{ configMap: { name: 'config' } }] } }] },
  });
  const clock = fakeClock(now);
  const failures = createFormerFailures(clock);
  const see = (object: KubeObject): boolean => {
    failures.see(object);
    return failures.isFormer(object);
  };
  assert.equal(see(mounting('config', 3)), true);
  assert.equal(see(mounting('config', 4)), true, 'with what was mounted before');
  clock.advance(90_000);
  assert.equal(see(mounting('config', 5)), false);
  assert.equal(isFormer(mounting('kube-api-access-x', 3), mounting('kube-api-access-x', 4)), false);
});

test('a pod that failed while it is waited for is believed, and so is one that is new', () => {
  const crashed = pod(longAgo, 'CrashLoopBackOff');
  assert.equal(isFormer(pod(longAgo, 'ContainerCreating', 0), crashed), false);
  assert.equal(isFormer(pod(justNow, 'ImagePullBackOff')), false);
});

test('a deadline that a Deployment missed before it was written, or long ago, is not believed', () => {
  assert.equal(isFormer(deployment(justNow, '2026-01-01T00:00:58Z')), true);
  const unseen = objectOf('apps/v1', 'Deployment', { metadata: { uid: 'd-1' } });
  assert.equal(isFormer(unseen, deployment(justNow, '2026-01-01T00:00:58Z')), true, 'seen before');
  assert.equal(isFormer(deployment(justNow, justNow)), true, 'in the same second');
  assert.equal(isFormer(deployment(longAgo, '2025-12-31T00:00:00Z')), true);
  assert.equal(isFormer(deployment(justNow, longAgo)), false);
  assert.equal(
    isFormer(deployment(longAgo, '2025-12-31T00:00:00Z'), deployment(now, '2025-12-31T00:00:00Z')),
    false,
    'missed again',
  );
});

test('an object that was never seen, and one that fails for good, are believed', () => {
  const failures = createFormerFailures(fakeClock(now));
  assert.equal(failures.isFormer(pod(longAgo, 'CrashLoopBackOff')), false);
  const job = objectOf('batch/v1', 'Job', {
    metadata: { creationTimestamp: longAgo },
    status: { conditions: [{ type: 'Failed', status: 'True' }] },
  });
  assert.equal(isFormer(job), false);
});
