import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, type KubeObject, type KubeSelector } from '@zakenak/core';
import { condition, fakeKube, listsOf, objectOf } from '../testing/objects.ts';
import { findBlockage, gravityOf } from './blockage.ts';
import { collectEvidence } from './evidence.ts';

const event = (kind: string, name: string, reason: string, message: string, time = '2026-01-01T00:00:00Z') =>
  objectOf('v1', 'Event', {
    involvedObject: { kind, name },
    type: 'Warning',
    reason,
    message,
    lastTimestamp: time,
  });

/** A cluster of pods, one claim and events, which are selected by the object that they are about. */
function cluster(pods: readonly KubeObject[], events: readonly KubeObject[], logs?: () => Promise<string>) {
  const list = async (selector: KubeSelector) => {
    const items = selector.kind === 'Pod' ? pods : events;
    const about = items.filter(({ involvedObject }) => {
      const { kind, name } = (involvedObject ?? {}) as { kind?: string; name?: string };
      return (
        selector.kind === 'Pod' ||
        selector.fieldSelector === `involvedObject.kind=${kind},involvedObject.name=${name}`
      );
    });
    return { items: about, resourceVersion: '1' };
  };
  const get = async () => objectOf('batch/v1', 'Job', { spec: { selector: { matchLabels: { a: 'b' } } } });
  return { kube: fakeKube({ list, get, ...(logs ? { logs } : {}) }) };
}
const job = objectOf('batch/v1', 'Job', { spec: { selector: { matchLabels: { a: 'b' } } } });
const podOf = (status: object, spec: object = {}) =>
  objectOf('v1', 'Pod', { metadata: { name: 'web-1' }, spec, status });

test('a pod that nobody can place is named with the scheduler’s words, and its claim with the reason', async () => {
  const placed = condition('PodScheduled', 'False', 'Unschedulable', '0/3 nodes are available');
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  const pod = podOf({ phase: 'Pending', conditions: [placed] }, { volumes });
  const events = [
    event('Pod', 'web-1', 'FailedScheduling', 'of no use'),
    event('PersistentVolumeClaim', 'data', 'ProvisioningFailed', 'no class "fast"'),
  ];
  assert.equal(
    await findBlockage(job, cluster([pod], events)),
    'pod web-1: not scheduled: 0/3 nodes are available; PersistentVolumeClaim shop/data: ProvisioningFailed: no class "fast"',
  );
});

test('of several warnings about a pod that is on its way the newest tells', async () => {
  const pod = podOf({ phase: 'Running', conditions: [condition('Ready', 'False')] });
  const events = [
    event('Pod', 'web-1', 'Unhealthy', 'probe: 503', '2026-01-01T00:00:05Z'),
    event('Pod', 'web-1', 'FailedMount', 'no secret', '2026-01-01T00:00:01Z'),
  ];
  assert.equal(
    await findBlockage(job, cluster([pod], events)),
    'pod web-1: phase Running; Unhealthy: probe: 503',
  );
});

test('a crash speaks for itself, one by a signal is told with the probe that sent it', async () => {
  const crashed = (exitCode: number, reason = 'Error') =>
    podOf({
      containerStatuses: [
        {
          name: 'app',
          restartCount: 3,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode, reason } },
        },
      ],
    });
  const events = [event('Pod', 'web-1', 'Unhealthy', 'Liveness probe failed')];
  const told = (pod: KubeObject) => findBlockage(job, cluster([pod], events));
  const crash = 'pod web-1: container app: CrashLoopBackOff:';
  assert.equal(await told(crashed(1)), `${crash} Error (exit code 1)`);
  assert.equal(await told(crashed(137, 'OOMKilled')), `${crash} OOMKilled (exit code 137)`);
  assert.equal(await told(crashed(137)), `${crash} Error (exit code 137); Unhealthy: Liveness probe failed`);
});

test('a pod that was replaced is told only where no other one is in the way', async () => {
  const set = objectOf('apps/v1', 'ReplicaSet', { spec: { selector: { matchLabels: { a: 'b' } } } });
  const [evicted, waiting] = [
    podOf({ phase: 'Failed', message: 'evicted' }),
    podOf({ phase: 'Running', conditions: [condition('Ready', 'False', '', 'not yet')] }),
  ];
  assert.equal(await findBlockage(set, cluster([evicted, waiting], [])), 'pod web-1: not yet');
  assert.equal(await findBlockage(set, cluster([evicted], [])), 'pod web-1: evicted');
});

test('of several pods one that has crashed tells before one that only is not ready', async () => {
  const set = objectOf('apps/v1', 'ReplicaSet', { spec: { selector: { matchLabels: { a: 'b' } } } });
  const named = (name: string, pod: KubeObject) => ({ ...pod, metadata: { ...pod.metadata, name } });
  const end = { exitCode: 7, reason: 'Error' };
  const statusOf = (restartCount: number, waiting: string) => ({
    phase: 'Running',
    containerStatuses: [
      {
        name: 'app',
        restartCount,
        state: { waiting: { reason: waiting } },
        lastState: restartCount > 0 ? { terminated: end } : {},
      },
    ],
  });
  const slow = named('slow', podOf(statusOf(0, 'ContainerCreating')));
  const crashed = named('crashed', podOf(statusOf(1, 'CrashLoopBackOff')));
  const failed = named('failed', podOf(statusOf(2, 'CrashLoopBackOff')));
  const ports = (...pods: readonly KubeObject[]) => cluster(pods, []);
  assert.match((await findBlockage(set, ports(slow, crashed))) ?? '', /^pod crashed: /);
  assert.match((await findBlockage(set, ports(slow, crashed, failed))) ?? '', /^pod failed: /);
  const gravities = [[], [podOf({ phase: 'Failed' })], [slow], [slow, crashed], [crashed, failed]];
  assert.deepEqual(await Promise.all(gravities.map((pods) => gravityOf(set, ports(...pods)))), [
    undefined,
    0,
    1,
    2,
    3,
  ]);
});

test('a pod that a Job deletes as it gives up still tells why', async () => {
  const metadata = { name: 'web-1', deletionTimestamp: '2026-01-01T00:00:00Z' };
  const state = { terminated: { exitCode: 3, reason: 'Error' } };
  const status = { phase: 'Running', containerStatuses: [{ name: 'app', restartCount: 1, state }] };
  const pod = objectOf('v1', 'Pod', { metadata, spec: { restartPolicy: 'OnFailure' }, status });
  assert.equal(await findBlockage(job, cluster([pod], [])), 'pod web-1: container app: Error (exit code 3)');
});

test('a pod that does not end, and its node, are told where no other pod is there', async () => {
  const set = objectOf('apps/v1', 'ReplicaSet', { spec: { selector: { matchLabels: { a: 'b' } } } });
  const pod = objectOf('v1', 'Pod', {
    metadata: {
      name: 'web-1',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 30,
      finalizers: ['example.com/held'],
    },
    spec: { nodeName: 'gpu-1' },
  });
  const lost = condition('Ready', 'Unknown', '', 'Kubelet stopped posting node status.');
  const get = async () =>
    objectOf('v1', 'Node', { metadata: { name: 'gpu-1' }, status: { conditions: [lost] } });
  assert.equal(
    await findBlockage(set, { kube: fakeKube({ list: listsOf({ Pod: [pod] }), get }) }),
    'pod web-1 on node gpu-1 is being deleted and has not gone yet: it has 30 s to end (finalizers: example.com/held); node gpu-1 is not ready: Kubelet stopped posting node status',
  );
});

test('a pod of which the scheduler says nothing waits for its claim', async () => {
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  const pod = podOf({ phase: 'Pending' }, { volumes });
  assert.equal(
    await findBlockage(job, cluster([pod], [])),
    'pod web-1: phase Pending; PersistentVolumeClaim shop/data: it has no volume yet',
  );
  const events = [event('Pod', 'web-1', 'FailedResourceClaimCreation', 'no template')];
  assert.equal(
    await findBlockage(job, cluster([podOf({ phase: 'Pending' })], events)),
    'pod web-1: phase Pending; FailedResourceClaimCreation: no template',
  );
});

test('a probe that says nothing leaves no colon behind', async () => {
  const pod = podOf({ phase: 'Running', conditions: [condition('Ready', 'False')] });
  const events = [event('Pod', 'web-1', 'Unhealthy', 'Readiness probe failed: ')];
  assert.equal(
    await findBlockage(job, cluster([pod], events)),
    'pod web-1: phase Running; Unhealthy: Readiness probe failed',
  );
});

test('an object without pods is told by its own newest warning, or by nothing', async () => {
  const events = [event('Job', 'web', 'FailedCreate', 'exceeded quota')];
  assert.equal(await findBlockage(job, cluster([], events)), 'FailedCreate: exceeded quota');
  assert.equal(await findBlockage(job, cluster([], [])), undefined);
});

test('evidence has the lines of the failing container only, of both runs where they differ', async () => {
  const statuses = [
    { name: 'proxy', ready: true, restartCount: 0, state: { running: {} } },
    { name: 'app', ready: false, restartCount: 1, state: { running: {} } },
  ];
  const pod = podOf({ phase: 'Running', containerStatuses: statuses });
  const answers = ['before\n', 'now\n', 'same\n', 'same\n'];
  const ports = cluster([pod], [], async () => answers.shift() ?? assert.fail('too many logs are read'));
  const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace: 'shop', name: 'web' };
  const logsNow = async () =>
    (await collectEvidence(ref, 'why', { ...ports, redactor: createRedactor() })).logs;
  assert.deepEqual(
    (await logsNow()).map(({ container, previous, lines }) => [container, previous, lines]),
    [
      ['app', true, 'before'],
      ['app', false, 'now'],
    ],
  );
  assert.deepEqual(
    (await logsNow()).map(({ lines }) => lines),
    ['same'],
  );
});

test('a pod of a former template that is replaced on delete alone is named with how it goes', async () => {
  const set = objectOf('apps/v1', 'StatefulSet', {
    spec: { selector: { matchLabels: { a: 'b' } }, template: {}, updateStrategy: { type: 'OnDelete' } },
  });
  const waiting = { reason: 'CrashLoopBackOff' };
  const crashed = { name: 'app', restartCount: 3, state: { waiting } };
  const text = await findBlockage(
    set,
    cluster([podOf({ phase: 'Running', containerStatuses: [crashed] })], []),
  );
  assert.match(text ?? '', /^pod web-1 of a former template: .*CrashLoopBackOff.*OnDelete/);
  assert.match(text ?? '', /kubectl delete pod --namespace shop web-1$/);
});
