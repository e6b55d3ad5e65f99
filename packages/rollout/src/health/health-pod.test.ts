import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condition, objectOf } from '../testing/objects.ts';
import { judgeHealth } from './health.ts';
import { lacksInput, mayLackOthers } from './health-pod.ts';

const pod = (status: object, spec: object = {}) => objectOf('v1', 'Pod', { spec, status });
const waiting = (reason: string, more: object = {}, list = 'containerStatuses') =>
  pod({
    phase: 'Pending',
    [list]: [{ name: 'app', state: { waiting: { reason, message: 'why' } }, ...more }],
  });
const ready = condition('Ready', 'True');
const ended = { terminated: { reason: 'OOMKilled', exitCode: 137 } };

const rows = [
  ['a pod that ended well is ready', pod({ phase: 'Succeeded' }), 'ready', /succeeded/],
  [
    'a failed pod is a failure, told in its own words',
    pod({ phase: 'Failed', message: 'evicted' }),
    'failed',
    /evicted/,
  ],
  [
    'a failed pod names the container that ended badly',
    pod({
      phase: 'Failed',
      containerStatuses: [
        { name: 'side', state: { terminated: { reason: 'Completed', exitCode: 0 } } },
        { name: 'app', state: ended },
      ],
    }),
    'failed',
    /app: OOMKilled \(exit code 137\)/,
  ],
  ['a failed pod without words is a failure', pod({ phase: 'Failed' }), 'failed', /failed/],
  [
    'a running pod is ready by its condition',
    pod({ phase: 'Running', conditions: [ready] }),
    'ready',
    /ready/,
  ],
  [
    'a running pod that is not ready is awaited',
    pod({ phase: 'Running', conditions: [condition('Ready', 'False')] }),
    'progressing',
    /Running/,
  ],
  [
    'a running pod whose readiness gate is closed is told in the words of its condition',
    pod({
      phase: 'Running',
      conditions: [
        condition('Ready', 'False', 'ReadinessGatesNotReady', 'gate "example.com/lb" is not "True"'),
      ],
    }),
    'progressing',
    /example\.com\/lb/,
  ],
  [
    'a pod that is not restarted has to end',
    pod({ phase: 'Running', conditions: [ready] }, { restartPolicy: 'Never' }),
    'progressing',
    /not ended/,
  ],
  [
    'a pod that is restarted on failure has to end',
    pod({ phase: 'Running', conditions: [ready] }, { restartPolicy: 'OnFailure' }),
    'progressing',
    /not ended/,
  ],
  [
    'a pod that fits no node is awaited with the scheduler’s words',
    pod({
      phase: 'Pending',
      conditions: [condition('PodScheduled', 'False', 'Unschedulable', 'Insufficient nvidia.com/gpu')],
    }),
    'progressing',
    /Insufficient nvidia.com\/gpu/,
  ],
  ...[
    'ImagePullBackOff',
    'InvalidImageName',
    'ErrImageNeverPull',
    'CreateContainerConfigError',
    'CreateContainerError',
    'RunContainerError',
  ].map(
    (reason) =>
      [
        `${reason} does not pass by itself`,
        waiting(reason),
        'failed',
        new RegExp(`app: ${reason}: why`),
      ] as const,
  ),
  [
    'a broken init container fails its pod',
    waiting('ImagePullBackOff', {}, 'initContainerStatuses'),
    'failed',
    /app/,
  ],
  ['a first failed pull may pass', waiting('ErrImagePull'), 'progressing', /ErrImagePull/],
  [
    'a container that is created is awaited',
    waiting('ContainerCreating'),
    'progressing',
    /ContainerCreating/,
  ],
  [
    'one crash may be a race at the start',
    waiting('CrashLoopBackOff', { restartCount: 1 }),
    'progressing',
    /CrashLoopBackOff/,
  ],
  [
    'one crash is told with its end',
    waiting('CrashLoopBackOff', {
      restartCount: 1,
      lastState: { terminated: { reason: 'Error', exitCode: 3 } },
    }),
    'progressing',
    /^container app: CrashLoopBackOff: Error \(exit code 3\)$/,
  ],
  [
    'the second crash is not',
    waiting('CrashLoopBackOff', { restartCount: 2, lastState: ended }),
    'failed',
    /OOMKilled \(exit code 137\)/,
  ],
  [
    'a crash without a known end is told by the kubelet',
    waiting('CrashLoopBackOff', { restartCount: 5 }),
    'failed',
    /why/,
  ],
  [
    'what waits for init containers is told by its phase',
    waiting('PodInitializing'),
    'progressing',
    /^phase Pending$/,
  ],
  [
    'an init container that has not ended is told by Kubernetes’ own words',
    pod({
      phase: 'Pending',
      conditions: [
        condition('Initialized', 'False', '', 'containers with incomplete status: [wait]'),
        condition('Ready', 'False', '', 'containers with unready status: [app]'),
      ],
    }),
    'progressing',
    /^containers with incomplete status: \[wait\]$/,
  ],
  [
    'a pod that its node has not begun with is told with that',
    { ...pod({ phase: 'Pending' }), spec: { nodeName: 'gpu-1' } },
    'progressing',
    /^node gpu-1 has not begun with it yet$/,
  ],
  [
    'the container that waits is named',
    waiting('ErrImagePull'),
    'progressing',
    /^container app: ErrImagePull$/,
  ],
  [
    'a crash that is not counted may be the first',
    waiting('CrashLoopBackOff'),
    'progressing',
    /CrashLoopBackOff/,
  ],
  [
    'a container that ended well is no failure',
    pod({
      phase: 'Running',
      containerStatuses: [{ name: 'app', state: { terminated: { reason: 'Completed' } } }],
    }),
    'progressing',
    /^phase Running$/,
  ],
  ['a pod without status is awaited', pod({}), 'progressing', /unknown/],
] as const;

for (const [name, object, state, reason] of rows)
  test(name, () => {
    const health = judgeHealth(object);
    assert.equal(health.state, state, health.reason);
    assert.match(health.reason, reason);
  });

test('a pod that lacks a ConfigMap or Secret gets on when somebody makes it, one that is stuck otherwise does not', () => {
  const stuck = (...containers: readonly (readonly [reason: string, message: string])[]) =>
    pod({
      phase: 'Pending',
      containerStatuses: containers.map(([reason, message]) => ({ state: { waiting: { reason, message } } })),
    });
  const missing = ['CreateContainerConfigError', 'secret "made" not found'] as const;
  const keyless = ['CreateContainerConfigError', "couldn't find key a in Secret shop/made"] as const;
  const root = [
    'CreateContainerConfigError',
    'container has runAsNonRoot and image will run as root',
  ] as const;
  const crashing = ['CrashLoopBackOff', 'back-off 10s'] as const;
  const creating = ['ContainerCreating', ''] as const;
  assert.deepEqual(
    [
      [missing],
      [keyless, creating],
      [root],
      [missing, crashing],
      [missing, ['ErrImageNeverPull', ''] as const],
      [crashing],
      [creating],
    ].map((containers) => lacksInput(stuck(...containers))),
    [true, true, false, false, false, false, false],
  );
});

test('a pod may lack others while it has crashed a few times, and not for want of memory', () => {
  const crashing = (restartCount: number, lastState: object = {}) => ({
    name: 'app',
    restartCount,
    lastState,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
  });
  const unpullable = { name: 'side', state: { waiting: { reason: 'ImagePullBackOff' } } };
  const of = (...containerStatuses: readonly object[]) => mayLackOthers(pod({ containerStatuses }));
  assert.deepEqual(
    [
      of(crashing(2)),
      of(crashing(4)),
      of(crashing(5)),
      of(crashing(2, ended)),
      of(crashing(2), unpullable),
      of(),
    ],
    [true, true, false, false, false, false],
  );
});
