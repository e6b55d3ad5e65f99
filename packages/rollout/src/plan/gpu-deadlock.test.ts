import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import { refOf } from '../objects/object.ts';
import { fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import type { PreparedObject } from './dry-run.ts';
import { findGpuDeadlocks } from './gpu-deadlock.ts';
import type { PreparedRelease } from './prepared.ts';

const containers = [{ resources: { limits: { 'nvidia.com/gpu': '1' } } }];

const deployment = (spec: object = {}, pod: object = {}): KubeObject =>
  objectOf('apps/v1', 'Deployment', {
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { spec: { containers, ...pod } },
      ...spec,
    },
  });

const pod = (name: string, app: string) =>
  objectOf('v1', 'Pod', { metadata: { name, labels: { app } }, spec: { nodeName: 'one', containers } });

const own = pod('web-0', 'web');
const other = pod('other-0', 'other');

/** Whether a change of the pod template of `desired` is told, with the given GPUs and pods in the cluster. */
async function isTold(
  desired: KubeObject,
  { gpus = 1, pods = [own], path = 'spec.template.spec.x', more = [] as readonly PreparedObject[] } = {},
): Promise<boolean> {
  const node = objectOf('v1', 'Node', {
    metadata: { name: 'one' },
    status: { allocatable: { 'nvidia.com/gpu': `${gpus}` } },
  });
  const planned = { ref: refOf(desired), action: 'apply' as const, reason: '', conflicts: [] };
  const object = { planned: { ...planned, diff: [{ path }] }, desired, live: desired };
  const rendered = { name: 'web' } as PreparedRelease['rendered'];
  const kube = fakeKube({ list: listsOf({ Node: [node], Pod: pods }) });
  return (await findGpuDeadlocks([{ rendered, objects: [object, ...more] }], { kube })).length > 0;
}

const rolling = (maxSurge: unknown, maxUnavailable: unknown, replicas = 1) => ({
  replicas,
  strategy: { rollingUpdate: { maxSurge, maxUnavailable } },
});

test('a new pod that waits for the GPU of the old one is told, unless another is free', async () => {
  assert.equal(await isTold(deployment()), true);
  assert.equal(await isTold(deployment(), { gpus: 2 }), false);
  assert.equal(await isTold(deployment(), { gpus: 2, pods: [own, other] }), true);
  assert.equal(await isTold(deployment(), { pods: [] }), false, 'there is no old one');
  assert.equal(await isTold(deployment(), { pods: [other] }), false, 'others hold it: that may end');
  assert.equal(await isTold(deployment(), { path: 'spec.replicas' }), false, 'no pod is replaced');
});

test('a strategy that stops an old pod first is none, as Kubernetes rounds it', async () => {
  for (const [spec, told] of [
    [{ strategy: { type: 'Recreate' } }, false],
    [rolling(0, 1), false],
    [rolling('50%', '50%'), true],
    [rolling(1, 0, 4), true],
    [{ replicas: 4 }, false],
    [{ replicas: 3 }, true],
  ] as const)
    assert.equal(await isTold(deployment(spec)), told, JSON.stringify(spec));
});

test('what the release removes makes room before, and what may be preempted any time', async () => {
  const gone = deployment({ selector: { matchLabels: { app: 'other' } } });
  const planned = { ref: refOf(gone), action: 'delete' as const, reason: '', diff: [], conflicts: [] };
  const all = { gpus: 2, pods: [own, other] };
  assert.equal(await isTold(deployment(), { ...all, more: [{ planned, live: gone }] }), false);
  assert.equal(await isTold(deployment({}, { priorityClassName: 'high' }), all), false);
  assert.equal(await isTold(deployment({}, { priorityClassName: 'high' })), true, 'its own pod is no less');
});
