import { readFile } from 'node:fs/promises';
import { identify, type ProcessIdentity } from '@zakenak/machine';
import { programKubeconfig } from './daemons.ts';
import type { Fleet } from './fleet.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Layout } from './layout.ts';
import { makeCgroups } from './node-cgroups.ts';
import { nodeFilesOf, writeNodeConfiguration } from './node-configuration.ts';
import { describeNodeDaemons } from './node-daemons.ts';
import { writeNodeImages } from './node-images.ts';
import type { NodePrograms } from './real-node.ts';
import type { SandboxPorts } from './sandbox-ports.ts';

/** What starting the real node takes. */
export interface NodeSetting {
  readonly layout: Layout;
  readonly ports: SandboxPorts;
  readonly fleet: Pick<Fleet, 'start' | 'run'>;
  readonly programs: NodePrograms;
  /** Absolute path of the multi-call program. */
  readonly kubernetes: string;
  /** Resolves when the daemon of that name serves. */
  readonly serve: (name: string) => Promise<void>;
  /** Told of the process with which the node ends, before anything runs in it. */
  readonly onInit: (init: ProcessIdentity) => Promise<void>;
}

/** Writes what the node's programs and the API server read about each other. To be done before either is started. */
export async function prepareNode({ layout, ports, programs }: NodeSetting): Promise<void> {
  const server = `https://127.0.0.1:${ports.apiServer}`;
  const users = ['kubelet', 'kube-proxy'];
  await writeNodeConfiguration(layout, programs, ports);
  await Promise.all([
    makeCgroups(layout.folder),
    writeNodeImages(layout, programs),
    ...users.map((user) => writeKubeconfig(layout, { path: programKubeconfig(layout, user), user, server })),
  ]);
}

/** Starts the namespaces and containerd with its images; needs no API server. Rejects with DaemonFailure. */
export async function startContainers(setting: NodeSetting): Promise<void> {
  const { layout, fleet, programs, kubernetes, serve, onInit } = setting;
  const { holder, containerd, importImages } = describeNodeDaemons(layout, programs, kubernetes);
  fleet.start(holder);
  await serve(holder.name);
  const init = identify(Number(await readFile(nodeFilesOf(layout).initPid, 'utf8')));
  if (init) await onInit(init);
  fleet.start(containerd);
  await serve(containerd.name);
  await fleet.run(importImages);
}

/** Starts the kubelet and kube-proxy; needs the API server and `startContainers`. Rejects with DaemonFailure. */
export async function joinCluster({
  layout,
  fleet,
  programs,
  kubernetes,
  serve,
}: NodeSetting): Promise<void> {
  const { kubelet, proxy } = describeNodeDaemons(layout, programs, kubernetes);
  fleet.start(kubelet);
  fleet.start(proxy);
  await Promise.all([serve(kubelet.name), serve(proxy.name)]);
}
