import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { condition, fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { describeNodes } from './node-trouble.ts';

const ready = condition('Ready', 'True');
const lost = condition('Ready', 'Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.');
const nodeOf = (name: string, conditions: readonly object[], spec: object = {}): KubeObject =>
  objectOf('v1', 'Node', { metadata: { name, labels: { gpu: 'yes' } }, spec, status: { conditions } });
const podOf = (spec: object): KubeObject => objectOf('v1', 'Pod', { spec });
const told = (pod: KubeObject, ...nodes: readonly KubeObject[]) => {
  const get = async ({ name }: { readonly name: string }) =>
    nodes.find(({ metadata }) => metadata.name === name);
  return describeNodes(pod, { kube: fakeKube({ get, list: listsOf({ Node: nodes }) }) });
};

test('a pod’s node is told when it is not ready, or gone, and no other one', async () => {
  const pod = podOf({ nodeName: 'a' });
  const lostNode = nodeOf('a', [lost]);
  assert.equal(await told(pod, lostNode), 'node a is not ready: Kubelet stopped posting node status');
  assert.equal(
    await told(pod, nodeOf('a', [ready], { unschedulable: true }), nodeOf('b', [lost])),
    undefined,
  );
  assert.equal(await told(pod), 'node a is gone');
});

test('of a pod without a node those are told that it asks for and that take none', async () => {
  const taint = (key: string, value?: string, effect = 'NoSchedule') => ({ key, value, effect });
  const nodes = [
    nodeOf('lost', [lost]),
    nodeOf('cordoned', [ready], { unschedulable: true }),
    nodeOf('full', [ready], { taints: [taint('disk-pressure')] }),
    nodeOf('soft', [ready], { taints: [taint('old', 'x', 'PreferNoSchedule')] }),
    nodeOf('own', [ready], { taints: [taint('team', 'ml')] }),
  ];
  const text = await told(podOf({ nodeSelector: { gpu: 'yes' } }), ...nodes);
  assert.equal(
    text,
    'node lost is not ready: Kubelet stopped posting node status; node cordoned is cordoned: it takes pods again after kubectl uncordon cordoned; node full has the taint disk-pressure:NoSchedule; and 1 more take none either',
  );
  assert.equal(await told(podOf({ nodeSelector: { gpu: 'no' } }), ...nodes), undefined);
  const tolerated = (...tolerations: readonly object[]) =>
    told(podOf({ tolerations }), nodeOf('own', [ready], { taints: [taint('team', 'ml')] }));
  assert.equal(await tolerated(), 'node own has the taint team=ml:NoSchedule');
  for (const toleration of [
    { operator: 'Exists' },
    { key: 'team', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'team', value: 'ml' },
  ])
    assert.equal(await tolerated(toleration), undefined);
  for (const other of [
    { key: 'team', value: 'web' },
    { key: 'team', operator: 'Exists', effect: 'NoExecute' },
  ])
    assert.match((await tolerated(other)) ?? '', /taint/);
});

test('who may not read nodes is told nothing of them', async () => {
  const refuse = async (): Promise<never> => {
    throw new KubeStatusError({ status: 403, reason: 'Forbidden', message: 'no' });
  };
  const kube = fakeKube({ get: refuse, list: refuse });
  assert.equal(await describeNodes(podOf({ nodeName: 'a' }), { kube }), undefined);
  assert.equal(await describeNodes(podOf({}), { kube }), undefined);
});
