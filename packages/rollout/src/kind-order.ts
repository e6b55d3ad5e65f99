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

/** Groups by rank, earliest first; inside a group the given order is kept. */
export function groupByRank<T>(items: readonly T[], kindOf: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const rank = kindRank(kindOf(item));
    const group = groups.get(rank);
    if (group) group.push(item);
    else groups.set(rank, [item]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}
