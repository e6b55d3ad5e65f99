import { readFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { badKubeconfig, contextOutsidePod, noKubeconfig } from './errors.ts';
import {
  chooseContext,
  type Kubeconfig,
  mergeKubeconfigs,
  parseKubeconfig,
  type Target,
} from './kubeconfig.ts';

/** Where a pod finds its service account (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What chooses the cluster. */
export interface LocateOptions {
  /** One file instead of KUBECONFIG and ~/.kube/config. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Replaces the in-cluster folder, for tests. */
  readonly serviceAccount?: string;
}

/**
 * Finds the cluster to talk to: the named file, else the files of KUBECONFIG, else ~/.kube/config, else the pod's service account.
 * Throws `kube/no-kubeconfig`, `kube/bad-kubeconfig` and `kube/unknown-context`.
 */
export async function locateTarget(options: LocateOptions): Promise<Target> {
  const { kubeconfig, context, env } = options;
  const paths = kubeconfig ? [resolve(kubeconfig)] : defaultPaths(env);
  const files = (await Promise.all(paths.map(readKubeconfig))).filter((file) => file !== undefined);
  if (files.length > 0) return chooseContext(mergeKubeconfigs(files), context);
  const inCluster = kubeconfig ? undefined : await serviceAccountTarget(options);
  // As kubectl: another cluster was named.
  if (inCluster && context !== undefined && context !== inCluster.context)
    throw contextOutsidePod(context, inCluster.context, paths);
  if (inCluster) return inCluster;
  throw noKubeconfig([...paths, ...(kubeconfig ? [] : ['the service account of a pod'])]);
}

function defaultPaths(env: LocateOptions['env']): readonly string[] {
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter(Boolean);
  if (listed.length > 0) return listed.map((path) => resolve(path));
  const home = env.HOME || env.USERPROFILE;
  return home ? [join(home, '.kube', 'config')] : [];
}

async function readKubeconfig(path: string): Promise<Kubeconfig | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if ((cause as NodeJS.ErrnoException).code === 'EISDIR')
      throw badKubeconfig(path, 'it is a folder', `Name the file in it: ${join(path, 'config')}.`, cause);
    throw badKubeconfig(path, 'the file cannot be read', `Give this user the right to read ${path}.`, cause);
  }
  return parseKubeconfig(text, path);
}

async function serviceAccountTarget(options: LocateOptions): Promise<Target | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = options.env;
  const folder = options.serviceAccount ?? serviceAccountFolder;
  if (!host) return undefined;
  const read = (name: string) => readFile(join(folder, name), 'utf8').catch(() => undefined);
  if ((await read('token')) === undefined) return undefined;
  return {
    path: folder,
    context: 'in-cluster',
    inCluster: true,
    namespace: (await read('namespace'))?.trim() || 'default',
    cluster: {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      'certificate-authority': join(folder, 'ca.crt'),
    },
    user: { tokenFile: join(folder, 'token') },
  };
}
