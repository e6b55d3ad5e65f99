import { exitCodes, ZakenakError } from '@zakenak/core';

/** An input does not mean anything. */
export function badInput(input: string, value: string, wanted: string): ZakenakError {
  return new ZakenakError({
    code: 'gpu/bad-input',
    message: `'${input}' is ${JSON.stringify(value.slice(0, 80))}, but has to be ${wanted}.`,
    remedy: `Set '${input}' to ${wanted}.`,
    exitCode: exitCodes.badInput,
  });
}

/** The level asks for a cluster and the run has none. */
export function noCluster(level: string): ZakenakError {
  return new ZakenakError({
    code: 'gpu/no-cluster',
    message: `Level ${level} needs a cluster, and this run has none.`,
    remedy: 'Name a kubeconfig and a context, or ask for level container.',
    exitCode: exitCodes.badInput,
  });
}

/** The cluster does not let us make or look at the probe. */
export function forbidden(what: string, message: string): ZakenakError {
  return new ZakenakError({
    code: 'gpu/forbidden',
    message: `The cluster does not allow to ${what}: ${message}`,
    remedy:
      'Give the kubeconfig’s user the right to list nodes and to create, watch, delete and read the logs of pods.',
    exitCode: exitCodes.outside,
  });
}

/** The probe's namespace is not there. */
export function noNamespace(namespace: string): ZakenakError {
  return new ZakenakError({
    code: 'gpu/no-namespace',
    message: `The namespace '${namespace}' for the probe pod does not exist.`,
    remedy: "Create it, or set 'namespace' to one that exists.",
    exitCode: exitCodes.badInput,
  });
}

/** The cluster refused or failed a request in another way. */
export function clusterFailed(what: string, message: string): ZakenakError {
  return new ZakenakError({
    code: 'gpu/cluster-failed',
    message: `The cluster failed to ${what}: ${message}`,
    remedy: 'Look at the API server’s state, then run the same command again.',
    exitCode: exitCodes.outside,
  });
}
