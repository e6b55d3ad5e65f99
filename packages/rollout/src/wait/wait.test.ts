import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { fakeClock } from '@zakenak/core/testing';
import { keyOf, refOf } from '../objects/object.ts';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import type { Observer } from './observer.ts';
import { waitReady } from './wait.ts';

const deployment = (name: string, ready: number): KubeObject =>
  objectOf('apps/v1', 'Deployment', {
    metadata: { name, generation: 1, uid: name },
    spec: { replicas: 1, selector: { matchLabels: { app: name } } },
    status: {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: ready,
      availableReplicas: ready,
    },
  });

/** Objects tell of themselves when the test says so. */
function played() {
  const listeners = new Map<string, (object: KubeObject | undefined) => void>();
  const podListeners: ((pod: KubeObject) => void)[] = [];
  const observer: Observer = {
    follow(ref, see) {
      listeners.set(keyOf(ref), see);
      return () => undefined;
    },
    followAll(_selection, see) {
      podListeners.push(see);
      return () => undefined;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  return {
    observer,
    tell: (object: KubeObject): void => listeners.get(keyOf(refOf(object)))?.(object),
    tellOfPod: (pod: KubeObject): void => {
      for (const see of podListeners) see(pod);
    },
  };
}

/** Time stands still. */
const untilAborted = (_: number, signal?: AbortSignal): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });

test('all objects are ready at the same time: one that was and is not any more is waited for again', async () => {
  const { observer, tell } = played();
  const kube = fakeKube({ list: listsOf({ Pod: [] }) });
  const clock = { ...fakeClock('2026-01-01T00:00:00Z'), sleep: untilAborted };
  const ports = { kube, clock, progress: { emit: () => {} } };
  const context = { ports, observer, signal: new AbortController().signal };
  let isDone = false;
  const objects = ['web', 'slow'].map((name) => deployment(name, 0));
  const waiting = waitReady('shop', objects, 60_000, context).then(() => {
    isDone = true;
  });
  tell(deployment('web', 1));
  tell(deployment('web', 0));
  tell(deployment('slow', 1));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isDone, false);
  tell(deployment('web', 1));
  await waiting;
});

test('a crash loop is no failure while another workload is on its way, and is one when that is ready', async () => {
  const { observer, tell, tellOfPod } = played();
  const labels = { 'pod-template-hash': 'h' };
  const set = objectOf('apps/v1', 'ReplicaSet', { metadata: { labels, ownerReferences: [{ uid: 'web' }] } });
  const pod = objectOf('v1', 'Pod', {
    metadata: { uid: 'p', labels, creationTimestamp: '2026-01-01T00:00:00Z' },
    status: {
      containerStatuses: [
        {
          name: 'web',
          restartCount: 2,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { reason: 'Error', exitCode: 7, finishedAt: '2025-12-31T23:59:55Z' } },
        },
      ],
    },
  });
  const kube = fakeKube({ list: listsOf({ Pod: [pod], ReplicaSet: [set], Event: [] }) });
  const pauses = new Map<number, () => void>();
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    Promise.race([untilAborted(ms, signal), new Promise<void>((resolve) => pauses.set(ms, resolve))]);
  const clock = { ...fakeClock('2026-01-01T00:00:00Z'), sleep };
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const ports = { kube, clock, progress: { emit: () => {} } };
  const context = { ports, observer, signal: new AbortController().signal };
  const objects = ['web', 'database'].map((name) => deployment(name, 0));
  let failure: unknown;
  const waiting = waitReady('shop', objects, 60_000, context).catch((error: unknown) => {
    failure = error;
  });
  tellOfPod(pod);
  await turns();
  assert.equal(failure, undefined);
  tell(deployment('database', 1));
  tellOfPod(pod);
  await turns();
  assert.equal(failure, undefined, 'it has not tried again since');
  clock.advance(35_000);
  pauses.get(35_000)?.();
  await waiting;
  assert.match(String(failure), /container web: CrashLoopBackOff: Error \(exit code 7\)/);
});
