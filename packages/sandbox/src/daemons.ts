import { join } from 'node:path';
import { configurationOf } from './configuration.ts';
import { type Layout, secretPath } from './layout.ts';
import { nodeFilesOf } from './node-configuration.ts';
import { realNodeAddress, serviceRange } from './real-node.ts';
import type { SandboxPorts } from './sandbox-ports.ts';
import { kwokNodeAnnotation } from './simulated-node.ts';
import type { Launch } from './state.ts';

/** How to see that a daemon serves. */
export interface Probe {
  readonly url: string;
  /** File name of the authority that signed the server's certificate. */
  readonly authority?: 'ca' | 'etcd-ca';
  /** File name of the client certificate to show. */
  readonly client?: string;
  /** Absolute path of the socket of a proxy that reaches `url`; a `url` that is a path asks the proxy itself. */
  readonly through?: string;
}

/** One program to run. */
export interface Daemon {
  readonly name: string;
  /** `holder`: the program of the real node. */
  readonly program: keyof Launch['programs'] | 'holder';
  readonly args: readonly string[];
  readonly probe: Probe;
  /** Started only when the API server is ready: it would lose time in its own back-off otherwise. */
  readonly needsApi: boolean;
  /** Other processes end with it, and it ends by SIGTERM when they are gone. */
  readonly endsOthers?: boolean;
}

/** Where the programs' kubeconfigs lie. */
export function programKubeconfig(layout: Layout, user: string): string {
  return join(layout.secrets, `${user}.kubeconfig`);
}

interface Setting {
  readonly layout: Layout;
  readonly ports: SandboxPorts;
  readonly launch: Launch;
  readonly registryConfiguration: string;
}

/** The programs of a simulated cluster with its registry. */
export function describeDaemons(setting: Setting): readonly Daemon[] {
  return [
    etcd(setting),
    apiServer(setting),
    registry(setting),
    controllerManager(setting),
    scheduler(setting),
    kwok(setting),
  ];
}

const loopback = '127.0.0.1';

function etcd({ layout, ports }: Setting): Daemon {
  const client = `https://${loopback}:${ports.etcd}`;
  const peer = `https://${loopback}:${ports.etcdPeer}`;
  const [certificate, key, authority] = ['etcd.crt', 'etcd.key', 'etcd-ca.crt'].map((name) =>
    secretPath(layout, name),
  );
  return {
    name: 'etcd',
    program: 'kubernetes',
    needsApi: false,
    probe: { url: `${client}/health`, authority: 'etcd-ca', client: 'apiserver-etcd-client' },
    args: [
      'etcd',
      '--name=sandbox',
      `--data-dir=${layout.etcd}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=sandbox=${peer}`,
      `--cert-file=${certificate}`,
      `--key-file=${key}`,
      `--trusted-ca-file=${authority}`,
      '--client-cert-auth',
      `--peer-cert-file=${certificate}`,
      `--peer-key-file=${key}`,
      `--peer-trusted-ca-file=${authority}`,
      '--peer-client-cert-auth',
      // The data lives no longer than the processes: nothing is gained by waiting for the disk.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
  };
}

function apiServer({ layout, ports, launch }: Setting): Daemon {
  const secret = (name: string) => secretPath(layout, name);
  return {
    name: 'kube-apiserver',
    program: 'kubernetes',
    needsApi: false,
    probe: { url: `https://${loopback}:${ports.apiServer}/readyz`, authority: 'ca', client: 'admin' },
    args: [
      'kube-apiserver',
      `--bind-address=${loopback}`,
      `--secure-port=${ports.apiServer}`,
      `--tls-cert-file=${secret('apiserver.crt')}`,
      `--tls-private-key-file=${secret('apiserver.key')}`,
      `--client-ca-file=${secret('ca.crt')}`,
      `--etcd-servers=https://${loopback}:${ports.etcd}`,
      `--etcd-cafile=${secret('etcd-ca.crt')}`,
      `--etcd-certfile=${secret('apiserver-etcd-client.crt')}`,
      `--etcd-keyfile=${secret('apiserver-etcd-client.key')}`,
      `--kubelet-client-certificate=${secret('apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${secret('apiserver-kubelet-client.key')}`,
      `--kubelet-certificate-authority=${secret('ca.crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${secret('service-account.pub')}`,
      `--service-account-signing-key-file=${secret('service-account.key')}`,
      `--service-cluster-ip-range=${serviceRange}`,
      ...advertisement(layout, launch),
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      ...(launch.admissionWebhooks
        ? []
        : ['--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook']),
      '--allow-privileged=true',
      `--audit-policy-file=${configurationOf(layout).auditPolicy}`,
      `--audit-log-path=${layout.auditLog}`,
      '--audit-log-format=json',
      '--profiling=false',
      '--shutdown-delay-duration=0s',
    ],
  };
}

/** How pods find the API server, and how it finds kubelets and webhooks. */
function advertisement(layout: Layout, launch: Launch): readonly string[] {
  // Endpoints may not hold a loopback address: the service `kubernetes` stays without any.
  if (!launch.realNode) return [`--advertise-address=${loopback}`, '--endpoint-reconciler-type=none'];
  return [
    `--advertise-address=${realNodeAddress}`,
    '--endpoint-reconciler-type=lease',
    `--egress-selector-config-file=${nodeFilesOf(layout).egress}`,
  ];
}

function clientFlags(layout: Layout, user: string): readonly string[] {
  const path = programKubeconfig(layout, user);
  return [
    `--kubeconfig=${path}`,
    `--authentication-kubeconfig=${path}`,
    `--authorization-kubeconfig=${path}`,
    `--tls-cert-file=${secretPath(layout, 'loopback.crt')}`,
    `--tls-private-key-file=${secretPath(layout, 'loopback.key')}`,
    `--bind-address=${loopback}`,
    '--leader-elect=false',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ];
}

function controllerManager({ layout, ports }: Setting): Daemon {
  const secret = (name: string) => secretPath(layout, name);
  return {
    name: 'kube-controller-manager',
    program: 'kubernetes',
    needsApi: true,
    probe: { url: `https://${loopback}:${ports.controllerManager}/healthz`, authority: 'ca' },
    args: [
      'kube-controller-manager',
      ...clientFlags(layout, 'controller-manager'),
      `--secure-port=${ports.controllerManager}`,
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${secret('service-account.key')}`,
      `--root-ca-file=${secret('ca.crt')}`,
      `--cluster-signing-cert-file=${secret('ca.crt')}`,
      `--cluster-signing-key-file=${secret('ca.key')}`,
      `--flex-volume-plugin-dir=${join(layout.home, 'volume-plugins')}`,
    ],
  };
}

function scheduler({ layout, ports }: Setting): Daemon {
  return {
    name: 'kube-scheduler',
    program: 'kubernetes',
    needsApi: true,
    probe: { url: `https://${loopback}:${ports.scheduler}/healthz`, authority: 'ca' },
    args: ['kube-scheduler', ...clientFlags(layout, 'scheduler'), `--secure-port=${ports.scheduler}`],
  };
}

function kwok({ layout, ports }: Setting): Daemon {
  return {
    name: 'kwok',
    program: 'kwok',
    needsApi: true,
    probe: { url: `https://${loopback}:${ports.kwok}/healthz`, authority: 'ca' },
    args: [
      `--config=${configurationOf(layout).kwok}`,
      `--kubeconfig=${programKubeconfig(layout, 'kwok')}`,
      `--manage-nodes-with-annotation-selector=${kwokNodeAnnotation}=fake`,
      // Without leases the controller manager takes the nodes for dead after a minute.
      '--node-lease-duration-seconds=40',
      `--node-ip=${loopback}`,
      `--node-port=${ports.kwok}`,
      `--server-address=${loopback}:${ports.kwok}`,
      `--tls-cert-file=${secretPath(layout, 'loopback.crt')}`,
      `--tls-private-key-file=${secretPath(layout, 'loopback.key')}`,
      '--cidr=10.244.0.1/16',
    ],
  };
}

function registry({ ports, registryConfiguration }: Setting): Daemon {
  return {
    name: 'registry',
    program: 'registry',
    needsApi: false,
    probe: { url: `http://${loopback}:${ports.registry}/v2/` },
    args: ['serve', registryConfiguration],
  };
}
