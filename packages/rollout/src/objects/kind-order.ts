/** Helm's install order (helm: pkg/release/v1/util/kind_sorter.go); kinds that it does not know come last, webhooks very last. */
const installOrder = [
  'PriorityClass',
  'Namespace',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodSecurityPolicy',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'SecretList',
  'ConfigMap',
  'StorageClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleList',
  'ClusterRoleBinding',
  'ClusterRoleBindingList',
  'Role',
  'RoleList',
  'RoleBinding',
  'RoleBindingList',
  'Service',
  'DaemonSet',
  'Pod',
  'ReplicationController',
  'ReplicaSet',
  'Deployment',
  'HorizontalPodAutoscaler',
  'StatefulSet',
  'Job',
  'CronJob',
  'IngressClass',
  'Ingress',
  'APIService',
] as const;
const webhookKinds = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];
const ranks: ReadonlyMap<string, number> = new Map(installOrder.map((kind, rank) => [kind, rank]));

/** Place of a kind in the order of installation; smaller is earlier. */
export function kindRank(kind: string): number {
  const webhook = webhookKinds.indexOf(kind);
  if (webhook >= 0) return installOrder.length + 1 + webhook;
  return ranks.get(kind) ?? installOrder.length;
}

/** Kinds that others need to be there; each stage's objects are applied at once, and the next stage when they are. */
const stages: readonly (readonly string[])[] = [
  ['Namespace', 'CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'RuntimeClass', 'IngressClass'],
  [
    ...['NetworkPolicy', 'ResourceQuota', 'LimitRange', 'PodSecurityPolicy', 'PodDisruptionBudget'],
    ...['ServiceAccount', 'Secret', 'ConfigMap', 'PersistentVolume', 'PersistentVolumeClaim'],
    ...['ClusterRole', 'Role'],
  ],
  ['ClusterRoleBinding', 'RoleBinding', 'Service'],
  [
    ...['DaemonSet', 'Pod', 'ReplicationController', 'ReplicaSet', 'Deployment', 'HorizontalPodAutoscaler'],
    ...['StatefulSet', 'Job', 'CronJob', 'Ingress'],
  ],
];
const stageOfKind: ReadonlyMap<string, number> = new Map(
  stages.flatMap((kinds, stage) => kinds.map((kind) => [kind, stage] as const)),
);

/** Custom resources come after the workloads that may be their controllers, what the API server calls comes last. */
function stageOf(kind: string): number {
  if (webhookKinds.includes(kind) || kind === 'APIService') return stages.length + 1;
  return stageOfKind.get(kind) ?? stages.length;
}

/** Groups by stage, earliest first: Helm's order where something depends on it, and nothing waits that does not have to. In a group the given order is kept. */
export function groupByStage<T>(items: readonly T[], kindOf: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const stage = stageOf(kindOf(item));
    const group = groups.get(stage);
    if (group) group.push(item);
    else groups.set(stage, [item]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}
