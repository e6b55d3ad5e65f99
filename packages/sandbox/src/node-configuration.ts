import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Layout } from './layout.ts';
import { cgroupName } from './node-cgroups.ts';
import { imageArchive } from './node-images.ts';
import {
  insideFolder,
  type NodePrograms,
  nodeImages,
  realNodeAddress,
  realNodeName,
  realPodRange,
  serviceRange,
} from './real-node.ts';

/** Ports of the node's own network, the same in every sandbox. */
export const nodePorts = {
  kubelet: 10_250,
  kubeletHealth: 10_248,
  proxyHealth: 10_256,
  containerdMetrics: 1_338,
} as const;

/** Where the node's files lie on the host. */
export interface NodeFiles {
  /** What go/sandbox-node reads. */
  readonly settings: string;
  /** Process id of the first process in the node's namespaces. */
  readonly initPid: string;
  /** Socket of the proxy into the node's network. */
  readonly socket: string;
  /** How the API server reaches kubelets and webhooks. */
  readonly egress: string;
}

/** The host's paths of the node's files. */
export function nodeFilesOf(layout: Layout): NodeFiles {
  return {
    settings: join(layout.configuration, 'node.json'),
    initPid: join(layout.node, 'init.pid'),
    socket: join(layout.node, 'node.sock'),
    egress: join(layout.configuration, 'egress.json'),
  };
}

/** The path by which the node sees a file of the sandbox. */
export function insidePath(layout: Layout, path: string): string {
  return join(insideFolder, path.slice(layout.folder.length));
}

/** What the node's programs are told by their command lines: paths as the node sees them. */
export const insideFiles = {
  containerd: `${insideFolder}/configuration/containerd.toml`,
  containerdSocket: '/run/containerd/containerd.sock',
  images: join(insideFolder, imageArchive),
  kubelet: `${insideFolder}/configuration/kubelet.json`,
  proxy: `${insideFolder}/configuration/kube-proxy.json`,
} as const;

/** Addresses of the host's loopback, `host:port` or a URL's port, that the node reaches at the same number. */
export interface NodePortsOfHost {
  readonly apiServer: number;
  readonly kwok: number;
  readonly registry: number;
}

/** Writes the configuration of everything that runs in the node. */
export async function writeNodeConfiguration(
  layout: Layout,
  programs: NodePrograms,
  host: NodePortsOfHost,
): Promise<void> {
  const files = nodeFilesOf(layout);
  const registry = `127.0.0.1:${host.registry}`;
  const certificates = join(layout.configuration, 'certs.d', registry);
  const networks = join(layout.configuration, 'cni');
  const folders = [certificates, networks, layout.node];
  await Promise.all(folders.map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
  const write = (path: string, content: unknown) =>
    writeFile(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  const configured = (path: string) => join(layout.configuration, basename(path));
  await Promise.all([
    write(files.settings, {
      folder: layout.folder,
      name: realNodeName,
      address: realNodeAddress,
      services: serviceRange,
      ports: [host.apiServer, host.kwok, host.registry],
    }),
    write(files.egress, egress(files.socket)),
    write(configured(insideFiles.containerd), containerd(programs, await snapshotterFor(layout))),
    write(configured(insideFiles.kubelet), kubelet(layout)),
    write(configured(insideFiles.proxy), proxy),
    write(join(networks, '10-sandbox.conflist'), network),
    write(
      join(certificates, 'hosts.toml'),
      `server = "http://${registry}"\n[host."http://${registry}"]\ncapabilities = ["pull", "resolve"]\n`,
    ),
  ]);
}

/** overlayfs does not stack on itself: in a container, files are copied instead. */
async function snapshotterFor(layout: Layout): Promise<'native' | 'overlayfs'> {
  const overlayMagic = 0x794c7630;
  return (await statfs(layout.folder)).type === overlayMagic ? 'native' : 'overlayfs';
}

/** Kubelets, webhooks and aggregated APIs are behind the node's network; everything else is on the host. */
function egress(udsName: string): unknown {
  return {
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [
      {
        name: 'cluster',
        connection: { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName } } },
      },
    ],
  };
}

/** https://github.com/containerd/containerd/blob/v1.6.20/docs/cri/config.md */
function containerd({ plugin }: NodePrograms, snapshotter: string): string {
  return `version = 2
root = "${insideFolder}/node/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "${insideFiles.containerdSocket}"
[metrics]
address = "127.0.0.1:${nodePorts.containerdMetrics}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${nodeImages.pause}"
# Lowering the score takes CAP_SYS_RESOURCE, which root does not have everywhere.
restrict_oom_score_adj = true
# A profile would be loaded into the host's kernel.
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "${snapshotter}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${dirname(plugin)}"
conf_dir = "${insideFolder}/configuration/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "${insideFolder}/configuration/certs.d"
`;
}

/** Every pod has a routed link of its own: unlike on a bridge, all packets pass the rules of kube-proxy. */
const network = {
  cniVersion: '0.4.0',
  name: 'sandbox',
  plugins: [
    {
      type: 'ptp',
      ipam: {
        type: 'host-local',
        dataDir: `${insideFolder}/node/cni`,
        ranges: [[{ subnet: realPodRange }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

function kubelet(layout: Layout): unknown {
  const secret = (name: string) => insidePath(layout, join(layout.secrets, name));
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: realNodeAddress,
    port: nodePorts.kubelet,
    healthzPort: nodePorts.kubeletHealth,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: secret('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: secret('kubelet.crt'),
    tlsPrivateKeyFile: secret('kubelet.key'),
    containerRuntimeEndpoint: `unix://${insideFiles.containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupName(layout.folder)}`,
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    // The host's resolvers cannot be reached from the node's network.
    resolvConf: '',
    failSwapOn: false,
    failCgroupV1: false,
    oomScoreAdj: 0,
    // How full the host's disk is says nothing about the sandbox.
    localStorageCapacityIsolation: false,
    evictionHard: { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    serializeImagePulls: false,
  };
}

const proxy = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  clientConnection: { kubeconfig: `${insideFolder}/secrets/kube-proxy.kubeconfig` },
  mode: 'iptables',
  hostnameOverride: realNodeName,
  healthzBindAddress: `127.0.0.1:${nodePorts.proxyHealth}`,
  metricsBindAddress: '127.0.0.1:10249',
  // These settings belong to the whole machine, and a network namespace may not change them.
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
};
