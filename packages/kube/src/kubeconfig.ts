import { dirname, isAbsolute, join } from 'node:path';
import { nearest } from '@zakenak/core';
import { load } from 'js-yaml';
import { badKubeconfig, unknownContext } from './errors.ts';
import { checkEntries } from './kubeconfig-shape.ts';

/** A cluster entry, as https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ describes it. Paths are absolute after parsing. */
export interface ClusterEntry {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'tls-server-name'?: string;
  readonly 'proxy-url'?: string;
}

/** A credential plugin of the kubeconfig. */
export interface ExecEntry {
  readonly apiVersion?: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
}

/** A user entry. Paths are absolute after parsing. */
export interface UserEntry {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly 'as-uid'?: string;
  readonly 'as-groups'?: readonly string[];
  readonly 'as-user-extra'?: Readonly<Record<string, readonly string[]>>;
  readonly exec?: ExecEntry;
  readonly 'auth-provider'?: unknown;
}

/** One or several kubeconfig files as one. */
export interface Kubeconfig {
  /** The files, for messages. */
  readonly path: string;
  readonly currentContext?: string;
  readonly contexts: ReadonlyMap<string, ContextEntry>;
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
}

/** A context entry. */
interface ContextEntry {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

/** The one context that a connection uses. */
export interface Target {
  readonly path: string;
  readonly context: string;
  /** A pod's own service account, and no kubeconfig. */
  readonly inCluster?: true;
  readonly namespace: string;
  readonly cluster: ClusterEntry & { readonly server: string };
  readonly user: UserEntry;
}

const pathKeys = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

/** Parses one kubeconfig file (YAML, or JSON without the YAML parser's cost). Relative paths count from its folder. Throws `kube/bad-kubeconfig`. */
export function parseKubeconfig(text: string, path: string): Kubeconfig {
  const document = readDocument(text, path);
  const folder = dirname(path);
  const current = document['current-context'];
  return {
    path,
    ...(typeof current === 'string' && current !== '' ? { currentContext: current } : {}),
    contexts: readEntries(document.contexts, 'context', path),
    clusters: readEntries(document.clusters, 'cluster', path, folder),
    users: readEntries(document.users, 'user', path, folder),
  };
}

/** Merges files as kubectl does: the first to set a value wins (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/). */
export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  const current = files.find((file) => file.currentContext)?.currentContext;
  const lastFirst = [...files].reverse();
  return {
    path: files.map(({ path }) => path).join(', '),
    ...(current ? { currentContext: current } : {}),
    contexts: new Map(lastFirst.flatMap((file) => [...file.contexts])),
    clusters: new Map(lastFirst.flatMap((file) => [...file.clusters])),
    users: new Map(lastFirst.flatMap((file) => [...file.users])),
  };
}

/** Picks the named or the current context with its cluster and user. Throws `kube/unknown-context` and `kube/bad-kubeconfig`. */
export function chooseContext(config: Kubeconfig, wanted?: string): Target {
  const name = wanted ?? config.currentContext;
  const known = [...config.contexts.keys()].sort();
  const context = name === undefined ? undefined : config.contexts.get(name);
  if (name === undefined || !context) throw unknownContext(name, known, name && nearest(name, known));
  const cluster = config.clusters.get(context.cluster ?? '');
  if (!cluster?.server) {
    const reason = `context '${name}' names the cluster '${context.cluster ?? ''}', which has no entry with a server`;
    throw badKubeconfig(config.path, reason, 'Add the cluster with its server, or choose another context.');
  }
  const user = config.users.get(context.user ?? '');
  if (!user && context.user) {
    const reason = `context '${name}' names the user '${context.user}', which has no entry`;
    throw badKubeconfig(config.path, reason, 'Add the user, or choose another context.');
  }
  checkEntries(config.path, cluster, user ?? {});
  const target = { path: config.path, context: name, namespace: context.namespace || 'default' };
  return { ...target, cluster: { ...cluster, server: cluster.server }, user: user ?? {} };
}

function readDocument(text: string, path: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = text.trimStart().startsWith('{') ? JSON.parse(text) : load(text);
  } catch (cause) {
    // The parser's own message may quote a line with a credential; only the place is handed on.
    const line = (cause as { mark?: { line?: number } }).mark?.line;
    const reason = `not readable as YAML${line === undefined ? '' : ` (line ${line + 1})`}`;
    throw badKubeconfig(path, reason, 'Correct the file, or fetch it anew from the cluster.');
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== 'object' || Array.isArray(document))
    throw badKubeconfig(path, 'not a kubeconfig', 'Name a kubeconfig file (kind: Config).');
  return document as Record<string, unknown>;
}

function readEntries<T>(list: unknown, key: string, path: string, folder?: string): Map<string, T> {
  const entries = new Map<string, T>();
  if (list === null || list === undefined) return entries;
  if (!Array.isArray(list))
    throw badKubeconfig(
      path,
      `'${key}s' is not a list`,
      'Correct the file, or fetch it anew from the cluster.',
    );
  for (const item of list as readonly Record<string, unknown>[]) {
    const value = item?.[key];
    if (typeof item?.name !== 'string' || entries.has(item.name)) continue;
    const fields = value && typeof value === 'object' ? (value as Record<string, unknown>) : {};
    entries.set(item.name, (folder === undefined ? fields : absolute(fields, folder)) as T);
  }
  return entries;
}

function absolute(fields: Record<string, unknown>, folder: string): Record<string, unknown> {
  const fixed = { ...fields };
  for (const key of pathKeys) {
    const value = fixed[key];
    if (typeof value === 'string' && value !== '' && !isAbsolute(value)) fixed[key] = join(folder, value);
  }
  const exec = fixed.exec as ExecEntry | undefined;
  const command: unknown = exec?.command;
  // A command with a slash counts from the file's folder, one without is looked up on PATH.
  if (typeof command === 'string' && /[\\/]/.test(command) && !isAbsolute(command))
    fixed.exec = { ...exec, command: join(folder, command) };
  return fixed;
}
