import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adminName } from './kubeconfig.ts';
import type { Layout } from './layout.ts';
import { stages } from './stages.ts';

/** Paths of the configuration files that do not depend on ports. */
export interface Configuration {
  readonly auditPolicy: string;
  readonly kwok: string;
}

/** Where the files of `writeConfiguration` lie. */
export function configurationOf(layout: Layout): Configuration {
  return {
    auditPolicy: join(layout.configuration, 'audit-policy.json'),
    kwok: join(layout.configuration, 'kwok.yaml'),
  };
}

/** Writes the audit policy and KWOK's rules. */
export async function writeConfiguration(layout: Layout): Promise<void> {
  const paths = configurationOf(layout);
  const podLog = join(layout.configuration, 'simulated-pod.log');
  await mkdir(layout.configuration, { recursive: true, mode: 0o700 });
  await Promise.all([
    writeFile(paths.auditPolicy, JSON.stringify(auditPolicy), { mode: 0o600 }),
    writeFile(paths.kwok, [...stages, podLogs(podLog)].map((part) => JSON.stringify(part)).join('\n---\n'), {
      mode: 0o600,
    }),
    // One line in the container runtimes' format: the only thing a pod without a container can say.
    writeFile(
      podLog,
      '2000-01-01T00:00:00.000000000Z stdout F zakenak sandbox: this pod is simulated and writes no log\n',
    ),
  ]);
}

/** Every request with its verb, user agent and user; only the cluster's own lease renewals and events are left out, they would drown the rest. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Metadata', users: [adminName] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    {
      level: 'None',
      resources: [
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*'] },
    { level: 'Metadata' },
  ],
};

function podLogs(logsFile: string): unknown {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterLogs',
    metadata: { name: 'simulated-pods' },
    spec: { logs: [{ logsFile, previousLogsFile: logsFile, follow: false }] },
  };
}

/** Writes the registry's configuration: files below the sandbox, deletion allowed, no authentication, loopback only. Returns its path. */
export async function writeRegistryConfiguration(layout: Layout, address: string): Promise<string> {
  const path = join(layout.configuration, 'registry.json');
  const configuration = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      delete: { enabled: true },
      filesystem: { rootdirectory: layout.registry },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: address },
  };
  await writeFile(path, JSON.stringify(configuration), { mode: 0o600 });
  return path;
}
