import { join } from 'node:path';

/** Where everything of one sandbox lies. All paths are absolute and below `folder`. */
export interface Layout {
  readonly folder: string;
  /** What runs: written by the supervisor, read by everybody. */
  readonly state: string;
  /** What the supervisor is to run. */
  readonly launch: string;
  readonly kubeconfig: string;
  readonly auditLog: string;
  /** Keys, certificates, kubeconfigs and configuration of the programs. */
  readonly secrets: string;
  readonly configuration: string;
  readonly logs: string;
  readonly etcd: string;
  readonly registry: string;
  /** What the real node writes, where there is one. */
  readonly node: string;
  /** Home and temporary folder of the programs. */
  readonly home: string;
}

/** The layout of a sandbox in an absolute folder. */
export function layoutOf(folder: string): Layout {
  return {
    folder,
    state: join(folder, 'sandbox.json'),
    launch: join(folder, 'launch.json'),
    kubeconfig: join(folder, 'kubeconfig'),
    auditLog: join(folder, 'audit.log'),
    secrets: join(folder, 'secrets'),
    configuration: join(folder, 'configuration'),
    logs: join(folder, 'logs'),
    etcd: join(folder, 'etcd'),
    registry: join(folder, 'registry'),
    node: join(folder, 'node'),
    home: join(folder, 'home'),
  };
}

/** Path of a key or certificate: `pathIn(layout, 'apiserver.key')`. */
export function secretPath(layout: Layout, name: string): string {
  return join(layout.secrets, name);
}
