/** TCP ports of 127.0.0.1. */
export interface SandboxPorts {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
  readonly controllerManager: number;
  readonly scheduler: number;
  readonly kwok: number;
  readonly registry: number;
}

/** Ports of a sandbox in the order of their names. */
export function assignPorts(free: readonly number[]): SandboxPorts {
  const [
    etcd = 0,
    etcdPeer = 0,
    apiServer = 0,
    controllerManager = 0,
    scheduler = 0,
    kwok = 0,
    registry = 0,
  ] = free;
  return { etcd, etcdPeer, apiServer, controllerManager, scheduler, kwok, registry };
}

/** How many ports a sandbox takes. */
export const portCount = 7;
