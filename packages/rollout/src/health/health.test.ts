import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@zakenak/core';
import type { Health } from '../objects/condition.ts';
import { condition, objectOf } from '../testing/objects.ts';
import { judgeHealth } from './health.ts';

type Row = readonly [name: string, object: KubeObject, state: Health['state'], reason?: RegExp];

function check(rows: readonly Row[]): void {
  for (const [name, object, state, reason = /./] of rows)
    test(name, () => {
      const health = judgeHealth(object);
      assert.equal(health.state, state, health.reason);
      assert.match(health.reason, reason);
    });
}

const observed = { observedGeneration: 2 };
const seen = { metadata: { generation: 2 } };

const custom = (status?: object, generation = 2) =>
  objectOf('shop.example.com/v1', 'Widget', { metadata: { generation }, ...(status ? { status } : {}) });

check([
  [
    'what is being deleted is terminating, however ready it says it is',
    objectOf('shop.example.com/v1', 'Widget', {
      metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' },
      status: { conditions: [condition('Ready', 'True')] },
    }),
    'terminating',
  ],
  ['a generation that is not observed is awaited', custom({ observedGeneration: 1 }), 'progressing', /2/],
  [
    'the condition of a former generation is not believed',
    custom({ observedGeneration: 1, conditions: [condition('Ready', 'True')] }),
    'progressing',
  ],
  [
    'the condition that says itself that it is of a former generation is not believed either',
    custom({ conditions: [{ ...condition('Ready', 'True'), observedGeneration: 1 }] }),
    'progressing',
    /generation 2/,
  ],
  [
    'the condition of this generation is believed',
    custom({ conditions: [{ ...condition('Available', 'True'), observedGeneration: 2 }] }),
    'ready',
  ],
  [
    'where the status says that it is of this generation, its conditions are',
    custom({ observedGeneration: 2, conditions: [{ ...condition('Ready', 'True'), observedGeneration: 1 }] }),
    'ready',
  ],
  ['a generation written as text is a generation', custom({ observedGeneration: '2' }), 'ready'],
  ['an older generation written as text is not observed', custom({ observedGeneration: '1' }), 'progressing'],
  ['a generation that is no number tells nothing', custom({ observedGeneration: 'abc' }), 'ready'],
  ['an empty generation tells nothing', custom({ observedGeneration: '' }), 'ready'],
  ['a null generation tells nothing', custom({ observedGeneration: null }), 'ready'],
  [
    'a reconciling object is awaited with its own message',
    custom({
      conditions: [condition('Reconciling', 'True', 'X', 'making progress'), condition('Ready', 'True')],
    }),
    'progressing',
    /making progress/,
  ],
  [
    'a stalled object has failed',
    custom({ conditions: [condition('Stalled', 'True', 'X', 'no such chart')] }),
    'failed',
    /no such chart/,
  ],
  [
    'Stalled=False and Reconciling=False mean nothing',
    custom({ conditions: [condition('Stalled', 'False'), condition('Reconciling', 'False')] }),
    'ready',
  ],
  [
    'a custom resource is ready by its condition',
    custom({ conditions: [condition('Ready', 'True')] }),
    'ready',
  ],
  [
    'a custom resource that is not ready is awaited with its message',
    custom({ conditions: [condition('Ready', 'False', 'Pending', 'no issuer')] }),
    'progressing',
    /no issuer/,
  ],
  ['Unknown is not ready', custom({ conditions: [condition('Ready', 'Unknown')] }), 'progressing'],
  [
    'Ready counts before Available',
    custom({ conditions: [condition('Available', 'True'), condition('Ready', 'False')] }),
    'progressing',
  ],
  [
    'Available counts where there is no Ready',
    custom({ conditions: [condition('Available', 'False')] }),
    'progressing',
  ],
  [
    'a kind of another group with a built-in name has no built-in rule',
    objectOf('shop.example.com/v1', 'Job'),
    'ready',
  ],
]);

const deployment = (status: object, spec: object = {}) =>
  objectOf('apps/v1', 'Deployment', { ...seen, spec: { replicas: 3, ...spec }, status });
const rolled = { ...observed, replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 };
check([
  ['a Deployment is ready when every pod is new and available', deployment(rolled), 'ready'],
  ['a Deployment that no controller saw is awaited', deployment({}), 'progressing', /no controller/],
  [
    'a Deployment that no controller saw is awaited even with nothing to run',
    deployment({}, { replicas: 0 }),
    'progressing',
  ],
  ['old pods are awaited', deployment({ ...rolled, replicas: 4 }), 'progressing', /1 old/],
  [
    'pods of the former template do not count',
    deployment({ ...rolled, updatedReplicas: 2 }),
    'progressing',
    /2 of 3 pods updated/,
  ],
  [
    'unavailable pods are awaited',
    deployment({ ...rolled, availableReplicas: 2 }),
    'progressing',
    /available/,
  ],
  [
    'pods that are not ready are awaited',
    deployment({ ...rolled, readyReplicas: 2 }),
    'progressing',
    /ready/,
  ],
  [
    'one replica is wanted where nothing is said',
    objectOf('apps/v1', 'Deployment', { spec: {}, status: { ...observed } }),
    'progressing',
    /of 1/,
  ],
  ['none wanted is none missing', deployment({ ...observed }, { replicas: 0 }), 'ready'],
  [
    'a Deployment over its deadline has failed',
    deployment({
      ...rolled,
      updatedReplicas: 1,
      conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out')],
    }),
    'failed',
    /timed out/,
  ],
  [
    'a paused Deployment is left alone',
    deployment(
      { ...observed, conditions: [condition('Progressing', 'Unknown', 'DeploymentPaused')] },
      { paused: true },
    ),
    'ready',
    /paused/,
  ],
  [
    'a quota that refuses pods is named and waited out',
    deployment({
      ...observed,
      conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota')],
    }),
    'progressing',
    /exceeded quota/,
  ],
  [
    'a former refusal does not matter when all pods are there',
    deployment({ ...rolled, conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'x')] }),
    'ready',
  ],
]);

const set = (status: object, spec: object = {}) =>
  objectOf('apps/v1', 'StatefulSet', { ...seen, spec: { replicas: 3, ...spec }, status });
const even = {
  ...observed,
  replicas: 3,
  readyReplicas: 3,
  currentReplicas: 3,
  updatedReplicas: 3,
  currentRevision: 'b',
  updateRevision: 'b',
};
const partition = (value: number) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: value } },
});
check([
  ['a StatefulSet is ready when all pods are of the newest revision', set(even), 'ready'],
  [
    'a StatefulSet with two revisions is awaited',
    set({ ...even, currentRevision: 'a' }),
    'progressing',
    /newest revision/,
  ],
  [
    'a StatefulSet with pods that are not ready is awaited',
    set({ ...even, readyReplicas: 2 }),
    'progressing',
    /2 of 3/,
  ],
  ['surplus pods of a StatefulSet are awaited', set({ ...even, replicas: 4 }), 'progressing', /1 surplus/],
  ['a StatefulSet that no controller saw is awaited', set({}, { replicas: 0 }), 'progressing'],
  [
    'only pods over the partition are updated',
    set({ ...even, currentRevision: 'a', updatedReplicas: 1 }, partition(2)),
    'ready',
  ],
  [
    'pods over the partition are awaited',
    set({ ...even, updatedReplicas: 0 }, partition(2)),
    'progressing',
    /0 of 1/,
  ],
  [
    'a partition over the replicas asks for nothing',
    set({ ...even, updatedReplicas: 0, currentRevision: 'a' }, partition(9)),
    'ready',
  ],
  [
    'pods of a StatefulSet updated on delete have to be ready',
    set({ ...even, readyReplicas: 2 }, { updateStrategy: { type: 'OnDelete' } }),
    'progressing',
    /2 of 3/,
  ],
  [
    'a StatefulSet updated on delete may have two revisions',
    set({ ...even, currentRevision: 'a', updatedReplicas: 0 }, { updateStrategy: { type: 'OnDelete' } }),
    'ready',
  ],
  [
    'pods of a StatefulSet have to be ready for as long as it asks',
    set({ ...even, availableReplicas: 2 }, { minReadySeconds: 5 }),
    'progressing',
    /2 of 3 pods available/,
  ],
  [
    'a StatefulSet is ready when its pods have been for as long as it asks',
    set({ ...even, availableReplicas: 3 }, { minReadySeconds: 5 }),
    'ready',
  ],
]);

const daemons = (status: object, spec: object = {}) =>
  objectOf('apps/v1', 'DaemonSet', { ...seen, spec, status });
const everywhere = {
  ...observed,
  desiredNumberScheduled: 2,
  currentNumberScheduled: 2,
  updatedNumberScheduled: 2,
  numberAvailable: 2,
  numberReady: 2,
};
check([
  ['a DaemonSet is ready when every node runs the newest pod', daemons(everywhere), 'ready'],
  [
    'a DaemonSet for which there is no node is ready',
    daemons({ ...observed, desiredNumberScheduled: 0 }),
    'ready',
  ],
  ['a DaemonSet without observed generation is not believed', daemons({}), 'progressing', /no controller/],
  ...(['currentNumberScheduled', 'updatedNumberScheduled', 'numberAvailable', 'numberReady'] as const).map(
    (field): Row => [
      `a DaemonSet waits for ${field}`,
      daemons({ ...everywhere, [field]: 1 }),
      'progressing',
      /1 of 2/,
    ],
  ),
  [
    'a DaemonSet updated on delete need not be updated',
    daemons({ ...everywhere, updatedNumberScheduled: 0 }, { updateStrategy: { type: 'OnDelete' } }),
    'ready',
  ],
]);

const full = { ...observed, replicas: 2, fullyLabeledReplicas: 2, availableReplicas: 2, readyReplicas: 2 };
for (const [apiVersion, kind] of [
  ['apps/v1', 'ReplicaSet'],
  ['v1', 'ReplicationController'],
] as const) {
  const replicas = (status: object) => objectOf(apiVersion, kind, { ...seen, spec: { replicas: 2 }, status });
  check([
    [`a ${kind} is ready when all pods are available`, replicas(full), 'ready'],
    [`surplus pods of a ${kind} are awaited`, replicas({ ...full, replicas: 3 }), 'progressing', /1 surplus/],
    ...(['availableReplicas', 'readyReplicas'] as const).map(
      (field): Row => [
        `a ${kind} waits for ${field}`,
        replicas({ ...full, [field]: 1 }),
        'progressing',
        /1 of 2/,
      ],
    ),
    [
      `a ${kind} that may not make pods goes on trying`,
      replicas({
        ...observed,
        conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota')],
      }),
      'progressing',
      /exceeded quota/,
    ],
  ]);
}

const job = (status: object, spec: object = {}) => objectOf('batch/v1', 'Job', { spec, status });
check([
  ['a Job is ready when it is complete', job({ conditions: [condition('Complete', 'True')] }), 'ready'],
  ['a running Job is not ready', job({ active: 1 }, { completions: 3 }), 'progressing', /0 of 3/],
  ['a Job that has not started is not ready', job({}), 'progressing'],
  [
    'a failed Job has failed',
    job({ failed: 1, conditions: [condition('Failed', 'True', 'BackoffLimitExceeded')] }),
    'failed',
    /BackoffLimitExceeded/,
  ],
  [
    'a Job that is given up has failed before its pods are gone',
    job({ active: 1, conditions: [condition('FailureTarget', 'True', 'DeadlineExceeded', 'too long')] }),
    'failed',
    /too long/,
  ],
  ['a suspended Job is left alone', job({}, { suspend: true }), 'ready', /suspended/],
  [
    'a Job that is suspended after it failed has failed',
    job({ conditions: [condition('Failed', 'True', 'X')] }, { suspend: true }),
    'failed',
  ],
]);

const claim = (phase: string) => objectOf('v1', 'PersistentVolumeClaim', { status: { phase } });
const service = (spec: object) => objectOf('v1', 'Service', { spec });
const definition = (...conditions: readonly object[]) =>
  objectOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } });
const scaler = (...conditions: readonly object[]) =>
  objectOf('autoscaling/v2', 'HorizontalPodAutoscaler', { status: { conditions } });
check([
  ['a bound claim is ready', claim('Bound'), 'ready'],
  ['a claim whose volume is lost has failed', claim('Lost'), 'failed'],
  ['a claim that waits for its first consumer holds nobody up', claim('Pending'), 'ready'],
  ['a service within the cluster is ready', service({ type: 'ClusterIP' }), 'ready'],
  ['a load balancer needs its cluster IP', service({ type: 'LoadBalancer' }), 'progressing'],
  [
    'a load balancer with a cluster IP is ready',
    service({ type: 'LoadBalancer', clusterIP: '10.0.0.1' }),
    'ready',
  ],
  [
    'an established definition is ready',
    definition(condition('NamesAccepted', 'True'), condition('Established', 'True')),
    'ready',
  ],
  ['a new definition is awaited', definition(), 'progressing'],
  [
    'a definition that is being installed is awaited',
    definition(condition('Established', 'False', 'Installing')),
    'progressing',
  ],
  [
    'a definition whose names are taken has failed',
    definition(condition('NamesAccepted', 'False', 'MultipleNamesAllowed', 'taken')),
    'failed',
    /taken/,
  ],
  [
    'a definition that is not established has failed',
    definition(condition('Established', 'False', 'NotAccepted')),
    'failed',
  ],
  ['an autoscaler without conditions is ready', scaler(), 'ready'],
  [
    'an autoscaler that cannot scale is awaited',
    scaler(condition('AbleToScale', 'False', 'FailedGetScale', 'no target')),
    'progressing',
    /no target/,
  ],
  [
    'an autoscaler without metrics yet holds nobody up',
    scaler(condition('AbleToScale', 'True'), condition('ScalingActive', 'False', 'FailedGetResourceMetric')),
    'ready',
  ],
  [
    'an autoscaler whose selector is ambiguous has failed',
    scaler(condition('ScalingActive', 'False', 'InvalidSelector')),
    'failed',
  ],
  [
    'an API service is ready when it is available',
    objectOf('apiregistration.k8s.io/v1', 'APIService', {
      status: { conditions: [condition('Available', 'True')] },
    }),
    'ready',
  ],
  [
    'an API service that says nothing is awaited',
    objectOf('apiregistration.k8s.io/v1', 'APIService'),
    'progressing',
  ],
  [
    'a namespace that ends is terminating',
    objectOf('v1', 'Namespace', { status: { phase: 'Terminating' } }),
    'terminating',
  ],
  ...(
    [
      ['v1', 'ConfigMap'],
      ['v1', 'Secret'],
      ['v1', 'ServiceAccount'],
      ['v1', 'Namespace'],
      ['batch/v1', 'CronJob'],
      ['policy/v1', 'PodDisruptionBudget'],
      ['networking.k8s.io/v1', 'Ingress'],
    ] as const
  ).map(([apiVersion, kind]): Row => [`a ${kind} is ready as it is`, objectOf(apiVersion, kind), 'ready']),
]);

test('what is ready and yet does nothing says so, and what does its work says nothing', () => {
  const remarkOf = (object: KubeObject): string | undefined => judgeHealth(object).remark;
  assert.match(remarkOf(daemons({ ...observed, desiredNumberScheduled: 0 })) ?? '', /no node/);
  assert.match(remarkOf(deployment({ ...observed }, { paused: true })) ?? '', /paused/);
  assert.match(remarkOf(job({}, { suspend: true })) ?? '', /suspended/);
  const labelled = (fullyLabeledReplicas: number): string | undefined =>
    remarkOf(
      objectOf('apps/v1', 'ReplicaSet', { spec: { replicas: 2 }, status: { ...full, fullyLabeledReplicas } }),
    );
  assert.match(labelled(0) ?? '', /^2 of its pods lack the labels of its template: a ReplicaSet/);
  assert.equal(labelled(2), undefined);
  for (const object of [daemons(everywhere), job({ conditions: [condition('Complete', 'True')] })])
    assert.equal(remarkOf(object), undefined);
});
