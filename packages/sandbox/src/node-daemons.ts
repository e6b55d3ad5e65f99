import { dirname, join } from 'node:path';
import type { Daemon } from './daemons.ts';
import { type Layout, secretPath } from './layout.ts';
import { insideFiles, insidePath, nodeFilesOf, nodePorts } from './node-configuration.ts';
import { type NodePrograms, realNodeAddress, realNodeName } from './real-node.ts';
import { simulatedMark } from './simulated-node.ts';

/** The programs of the real node in the order in which they are started: each needs the one before. */
export interface NodeDaemons {
  /** Keeps the namespaces of all others. */
  readonly holder: Daemon;
  readonly containerd: Daemon;
  /** Ends when the images are loaded. */
  readonly importImages: Daemon;
  /** Need the API server. */
  readonly kubelet: Daemon;
  readonly proxy: Daemon;
}

/** Describes the real node's programs; `kubernetes` is the absolute path of the multi-call program. */
export function describeNodeDaemons(layout: Layout, programs: NodePrograms, kubernetes: string): NodeDaemons {
  const files = nodeFilesOf(layout);
  const through = files.socket;
  const enter = (name: string, command: readonly string[], url: string): Daemon => ({
    name,
    program: 'holder',
    needsApi: false,
    probe: { url, through },
    args: ['enter', files.initPid, ...command],
  });
  const local = (port: number, path: string) => `http://127.0.0.1:${port}${path}`;
  const kubelet = [
    kubernetes,
    'kubelet',
    `--config=${insideFiles.kubelet}`,
    `--kubeconfig=${insidePath(layout, secretPath(layout, 'kubelet.kubeconfig'))}`,
    `--hostname-override=${realNodeName}`,
    `--node-ip=${realNodeAddress}`,
    `--node-labels=${simulatedMark}=false`,
  ];
  return {
    holder: {
      name: 'node',
      program: 'holder',
      needsApi: false,
      probe: { url: '/', through },
      args: ['hold', files.settings],
      endsOthers: true,
    },
    containerd: enter(
      'containerd',
      [programs.containerd, `--config=${insideFiles.containerd}`],
      local(nodePorts.containerdMetrics, '/v1/metrics'),
    ),
    importImages: enter(
      'image-import',
      [
        join(dirname(programs.containerd), 'ctr'),
        '--namespace=k8s.io',
        'images',
        'import',
        '--no-unpack',
        insideFiles.images,
      ],
      '/',
    ),
    kubelet: enter('kubelet', kubelet, local(nodePorts.kubeletHealth, '/healthz')),
    proxy: enter(
      'kube-proxy',
      [kubernetes, 'kube-proxy', `--config=${insideFiles.proxy}`],
      local(nodePorts.proxyHealth, '/livez'),
    ),
  };
}
