import { resolve } from 'node:path';
import type { KubeApi, ProcessRunner, Progress } from '@zakenak/core';
import { createCredentials } from './credentials.ts';
import { createHoldUps } from './hold-ups.ts';
import { createKubeApi } from './kube-api.ts';
import { type LocateOptions, locateTarget } from './locate-kubeconfig.ts';
import { createRequester, type RetryPolicy } from './requester.ts';
import { createTransport } from './transport.ts';
import type { WatchPolicy } from './watch.ts';

/** Which cluster, and how patient. */
export interface ConnectOptions extends LocateOptions {
  /** Runs the kubeconfig's credential plugin; without it such a context is refused. */
  readonly process?: ProcessRunner;
  readonly retries?: RetryPolicy;
  readonly watch?: WatchPolicy;
  /** The run's: nobody waits for the server's version and kinds any longer when it fires. Every other call has a signal of its own. */
  readonly signal?: AbortSignal;
  /** Hears of tokens, passwords and keys before they are used, so that they are shown nowhere. */
  readonly learn?: (secret: string) => void;
  /** Hears of requests that are tried again for more than a moment. */
  readonly progress?: Progress;
}

/**
 * The API server of a kubeconfig's context (see `locateTarget` for where it is looked for). Reads files only: the first request is the first connection.
 * Throws `kube/no-kubeconfig`, `kube/unknown-context`, `kube/bad-kubeconfig`.
 */
export async function connectKube(options: ConnectOptions): Promise<KubeApi> {
  const located = await locateTarget(options);
  const credentials = createCredentials(located, options.env, options.process, options.learn);
  const transport = await createTransport(located, credentials);
  const { context, namespace, cluster } = located;
  const leads = {
    ...(options.kubeconfig ? { kubeconfig: resolve(options.kubeconfig) } : {}),
    ...(located.inCluster ? {} : { context }),
  };
  const target = { context, server: cluster.server, namespace, leads };
  const requester = createRequester(
    transport,
    target,
    options.retries,
    createHoldUps(context, options.progress),
  );
  return createKubeApi(target, requester, options.watch, options.signal);
}
