import { podStatus } from './pod-status.ts';
import { simulatedMark } from './simulated-node.ts';

/** A rule by which KWOK moves an object on (https://kwok.sigs.k8s.io/docs/user/stages-configuration/). */
export interface Stage {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/**
 * What a pod template asks its simulation to do, by the annotation `zakenak.dev/simulate`. Without it pods become ready and those that
 * are not restarted always (Jobs, hooks, tests) complete. An image of the reserved domain `.invalid` cannot be pulled.
 */
export const behaviours = [
  'never-ready',
  'crash-loop',
  'image-pull-error',
  'fail',
  'never-complete',
] as const;
/** One of the behaviours above. */
export type Behaviour = (typeof behaviours)[number];
/** The pod annotation that chooses a behaviour. */
export const simulateAnnotation = 'zakenak.dev/simulate';
/** Pod annotations that delay readiness and completion: a Go duration, `3s`. */
export const readyAfterAnnotation = 'zakenak.dev/simulate-ready-after';
export const completeAfterAnnotation = 'zakenak.dev/simulate-complete-after';
/** Class whose volumes are provisioned in the API only. */
export const storageClassName = 'standard';
/** Who provisions them. */
export const provisioner = 'zakenak.dev/simulated-volume';

const behaviour = `.metadata.annotations["${simulateAnnotation}"]`;
const alive = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const fresh = { key: '.status.containerStatuses', operator: 'DoesNotExist' };
const pending = { key: '.status.phase', operator: 'In', values: ['Pending'] };
const anyInvalidImage = `self.spec.containers.exists(c, c.image.contains('.invalid/'))`;
const cel = (expression: string) => ({ cel: { expression } });
const behaves = (...values: readonly Behaviour[]) => ({ key: behaviour, operator: 'In', values });
const behavesNot = (...values: readonly Behaviour[]) => ({ key: behaviour, operator: 'NotIn', values });

interface Rule {
  readonly name: string;
  readonly kind: string;
  readonly apiGroup?: string;
  readonly when: readonly unknown[];
  readonly steps: readonly unknown[];
  /** Annotation that holds the delay. */
  readonly delayFrom?: string;
  readonly delayMs?: number;
}

function stage(rule: Rule): Stage {
  const delay = {
    durationMilliseconds: rule.delayMs ?? 0,
    ...(rule.delayFrom
      ? { durationFrom: { expressionFrom: `.metadata.annotations["${rule.delayFrom}"]` } }
      : {}),
  };
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name: rule.name },
    spec: {
      resourceRef: { apiGroup: rule.apiGroup ?? 'v1', kind: rule.kind },
      selector: { matchExpressions: rule.when },
      ...(rule.delayFrom || rule.delayMs ? { delay } : {}),
      steps: rule.steps,
    },
  };
}

function status(template: string): unknown {
  return { patch: { subresource: 'status', root: 'status', template } };
}

function warning(reason: string, message: string): unknown {
  return { event: { type: 'Warning', reason, message } };
}

const podStages: readonly Rule[] = [
  {
    name: 'pod-ready',
    kind: 'Pod',
    when: [
      alive,
      pending,
      fresh,
      behavesNot('never-ready', 'crash-loop', 'image-pull-error', 'fail'),
      cel(`!${anyInvalidImage}`),
    ],
    delayFrom: readyAfterAnnotation,
    steps: [status(podStatus('running'))],
  },
  {
    name: 'pod-never-ready',
    kind: 'Pod',
    when: [alive, pending, fresh, behaves('never-ready')],
    steps: [
      status(podStatus('unready')),
      warning('Unhealthy', 'Readiness probe failed: simulated by zakenak.dev/simulate'),
    ],
  },
  {
    name: 'pod-crash-loop',
    kind: 'Pod',
    when: [alive, pending, fresh, behaves('crash-loop')],
    steps: [
      status(podStatus('crashing')),
      warning('BackOff', 'Back-off restarting failed container: simulated by zakenak.dev/simulate'),
    ],
  },
  ...['annotation', 'domain'].map((by) => ({
    name: `pod-image-pull-error-by-${by}`,
    kind: 'Pod',
    when: [alive, pending, fresh, by === 'domain' ? cel(anyInvalidImage) : behaves('image-pull-error')],
    steps: [
      status(podStatus('unpulled')),
      warning('Failed', 'Failed to pull image: the simulated node cannot reach it'),
    ],
  })),
  {
    name: 'pod-fail',
    kind: 'Pod',
    when: [alive, pending, fresh, behaves('fail')],
    delayFrom: completeAfterAnnotation,
    steps: [status(podStatus('failed'))],
  },
  {
    name: 'pod-complete',
    kind: 'Pod',
    when: [
      alive,
      { key: '.status.phase', operator: 'In', values: ['Running'] },
      { key: '.spec.restartPolicy', operator: 'In', values: ['Never', 'OnFailure'] },
      behavesNot('never-ready', 'crash-loop', 'never-complete'),
    ],
    delayFrom: completeAfterAnnotation,
    steps: [status(podStatus('succeeded'))],
  },
  {
    name: 'pod-delete',
    kind: 'Pod',
    when: [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }],
    steps: [{ delete: true }],
  },
];

const nodeConditions = `{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ or $.metadata.creationTimestamp $now | Quote }}
{{ end }}
addresses:
- { type: InternalIP, address: {{ NodeIP | Quote }} }
- { type: Hostname, address: {{ .metadata.name | Quote }} }
daemonEndpoints:
  kubeletEndpoint: { Port: {{ NodePort }} }
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  bootID: simulated
  machineID: simulated
  systemUUID: simulated
  osImage: simulated
  kernelVersion: simulated
  containerRuntimeVersion: simulated://{{ Version }}
  kubeProxyVersion: ""
  kubeletVersion: kwok-{{ Version }}
phase: Running
`;

const ready = '.status.conditions.[] | select( .type == "Ready" ) | .status';

const nodeStages: readonly Rule[] = [
  {
    name: 'node-initialize',
    kind: 'Node',
    when: [{ key: ready, operator: 'NotIn', values: ['True'] }],
    steps: [status(nodeConditions)],
  },
  {
    name: 'node-heartbeat',
    kind: 'Node',
    // Leases are the heartbeat that counts; the conditions are only refreshed now and then.
    delayMs: 600_000,
    when: [{ key: ready, operator: 'In', values: ['True'] }],
    steps: [status(nodeConditions)],
  },
];

const volume = `apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-{{ .metadata.uid }}
  annotations:
    pv.kubernetes.io/provisioned-by: ${provisioner}
    ${simulatedMark}: "true"
spec:
  accessModes:
  {{ YAML .spec.accessModes 1 }}
  capacity:
    storage: {{ .spec.resources.requests.storage | Quote }}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: ${storageClassName}
  volumeMode: {{ or .spec.volumeMode "Filesystem" }}
  claimRef:
    apiVersion: v1
    kind: PersistentVolumeClaim
    namespace: {{ .metadata.namespace | Quote }}
    name: {{ .metadata.name | Quote }}
    uid: {{ .metadata.uid | Quote }}
  hostPath:
    path: /simulated/{{ .metadata.uid }}
`;

const otherStages: readonly Rule[] = [
  {
    name: 'claim-provision',
    kind: 'PersistentVolumeClaim',
    when: [
      alive,
      { key: '.spec.storageClassName', operator: 'In', values: [storageClassName] },
      { key: '.spec.volumeName', operator: 'DoesNotExist' },
    ],
    steps: [{ apply: { template: volume } }],
  },
  {
    name: 'volume-delete',
    kind: 'PersistentVolume',
    when: [
      { key: '.status.phase', operator: 'In', values: ['Released'] },
      { key: '.spec.storageClassName', operator: 'In', values: [storageClassName] },
    ],
    steps: [{ delete: true }],
  },
  {
    name: 'service-load-balancer',
    kind: 'Service',
    when: [
      alive,
      { key: '.spec.type', operator: 'In', values: ['LoadBalancer'] },
      { key: '.status.loadBalancer.ingress', operator: 'DoesNotExist' },
    ],
    // An address of TEST-NET-1 (RFC 5737): nobody is there.
    steps: [status('loadBalancer:\n  ingress:\n  - ip: 192.0.2.1\n')],
  },
];

/** Every rule of the simulation: nodes, pods, volumes and load balancers. Modelled on the stages that KWOK ships. */
export const stages: readonly Stage[] = [...nodeStages, ...podStages, ...otherStages].map(stage);
