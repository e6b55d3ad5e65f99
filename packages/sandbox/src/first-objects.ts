import { setTimeout as sleep } from 'node:timers/promises';
import { requestDaemon } from './api-client.ts';
import { kubeletClients } from './certificates.ts';
import { DaemonFailure } from './fleet.ts';
import type { Layout } from './layout.ts';
import { renderNode, type SimulatedNode, simulatedMark } from './simulated-node.ts';
import { provisioner, storageClassName } from './stages.ts';

interface Reach {
  readonly layout: Layout;
  /** `https://127.0.0.1:port` */
  readonly apiServer: string;
}

/** Creates the simulated nodes, the default storage class and the API server's right to speak to kubelets. */
export async function createFirstObjects(reach: Reach, nodes: readonly SimulatedNode[]): Promise<void> {
  await Promise.all([
    ...nodes.map((node) => create(reach, '/api/v1/nodes', renderNode(node))),
    create(reach, '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: kubeletClients },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'system:kubelet-api-admin',
      },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: kubeletClients }],
    }),
    create(reach, '/apis/storage.k8s.io/v1/storageclasses', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: storageClassName,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true', [simulatedMark]: 'true' },
      },
      provisioner,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    }),
  ]);
}

/** Resolves when pods can be made and scheduled: the default ServiceAccount exists and every node is ready. */
export async function waitUntilUsable(reach: Reach, nodes: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const [account, authority, list] = await Promise.all(
      [
        '/api/v1/namespaces/default/serviceaccounts/default',
        '/api/v1/namespaces/default/configmaps/kube-root-ca.crt',
        '/api/v1/nodes',
      ].map((path) => send(reach, 'GET', path)),
    );
    const ready = list?.status === 200 ? countReady(list.body) : 0;
    if (account?.status === 200 && authority?.status === 200 && ready >= nodes) return;
    if (signal.aborted) throw new DaemonFailure('the cluster', `has ${ready} of ${nodes} nodes ready`, '');
    await sleep(50);
  }
}

interface NodeList {
  readonly items: readonly {
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
    readonly spec?: { readonly taints?: readonly unknown[] };
  }[];
}

function countReady(body: string): number {
  return (JSON.parse(body) as NodeList).items.filter(
    (node) =>
      node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') &&
      (node.spec?.taints ?? []).length === 0,
  ).length;
}

async function create(reach: Reach, path: string, object: unknown): Promise<void> {
  const answer = await send(reach, 'POST', path, object);
  if (answer.status !== 201 && answer.status !== 409) {
    throw new DaemonFailure('kube-apiserver', `refused ${path} with status ${answer.status}`, answer.body);
  }
}

function send({ layout, apiServer }: Reach, method: string, path: string, body?: unknown) {
  const probe = { url: `${apiServer}${path}`, authority: 'ca', client: 'admin' } as const;
  return requestDaemon(layout, probe, { method, body, timeoutMs: 10_000 });
}
