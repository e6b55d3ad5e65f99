import { exitCodes, KubeStatusError, nearest, ZakenakError } from '@zakenak/core';
import { describeRights, groupRights, type Right, ruleOf } from './rights/right.ts';

/** Releases that need each other in a circle. */
export function needsCycle(cycle: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'rollout/needs-cycle',
    message: `The releases need each other in a circle: ${[...cycle, cycle[0]].join(' -> ')}.`,
    remedy: 'Remove one of these `needs`.',
    exitCode: exitCodes.badInput,
  });
}

/** A release that is named but not in the set. */
export function unknownRelease(name: string, known: readonly string[], by?: string): ZakenakError {
  const near = nearest(name, known);
  return new ZakenakError({
    code: 'rollout/unknown-release',
    message: `${by ? `The release '${by}' needs '${name}', which` : `'${name}'`} is no release of the set${near ? `; did you mean '${near}'` : ''}.`,
    remedy: `Name one of the set's releases: ${known.join(', ') || '(it has none)'}.`,
    exitCode: exitCodes.badInput,
  });
}

/** Two releases with one name. */
export function duplicateRelease(name: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/duplicate-release',
    message: `Two releases of the set are called '${name}'.`,
    remedy: 'Give each release a name of its own.',
    exitCode: exitCodes.badInput,
  });
}

/** An object that two releases render, or one of them twice. */
export function twoOwners(object: string, releases: readonly [string, string]): ZakenakError {
  const [one, other] = releases;
  const isOne = one === other;
  return new ZakenakError({
    code: 'rollout/two-owners',
    message: isOne
      ? `${object} is rendered twice by the release '${one}'.`
      : `${object} is rendered by more than one release: ${one}, ${other}.`,
    remedy: isOne
      ? 'Remove one of the two from the chart, or rename it.'
      : 'Leave the object to one release, or rename it in the others.',
    exitCode: exitCodes.badInput,
  });
}

/** An object in which Zakenak or Helm keep what they know of the set. */
export function ownBooks(object: string, release: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/own-books',
    message: `The release '${release}' renders ${object}, in which Zakenak or Helm keep the state of releases.`,
    remedy: 'Rename the object in the chart.',
    exitCode: exitCodes.badInput,
  });
}

/** YAML that cannot be read; `position` is `path:line:column`. */
export function badYaml(position: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/bad-yaml',
    message: `${position}: ${reason}`,
    remedy: 'Correct the YAML at that position.',
    exitCode: exitCodes.badInput,
  });
}

/** A values file that sops cannot decrypt; `reason` is its own text. */
export function sopsFailed(file: string, reason: string): ZakenakError {
  const isForged = /MAC mismatch|Could not decrypt with AES_GCM|^its metadata/i.test(reason);
  return new ZakenakError({
    code: 'rollout/sops-failed',
    message: `${file} cannot be decrypted: ${reason.trim().replace(/\s+/g, ' ').slice(0, 1_000)}`,
    remedy: isForged
      ? 'Do not use it: it was changed after it was encrypted. Take it from the repository again, or encrypt it anew with sops.'
      : 'Make one of its keys known to sops on this machine: SOPS_AGE_KEY_FILE, a GnuPG key, or the cloud’s credentials.',
    exitCode: exitCodes.missing,
  });
}

/** A chart that does not render; `reason` is helm's own text. */
export function renderFailed(release: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/render-failed',
    message: `The release '${release}' does not render: ${reason}`,
    remedy: 'Mend the chart or its values; `zakenak lint` shows file and line.',
    exitCode: exitCodes.badInput,
  });
}

/** A chart whose `kubeVersion` leaves out the cluster's version. */
export function incompatibleKubernetes(release: string, asked: string, found: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/incompatible-kubernetes',
    message: `The chart of the release '${release}' asks for Kubernetes ${asked}, and the cluster runs ${found}.`,
    remedy: 'Upgrade the cluster, or take a version of the chart that is made for it.',
    exitCode: exitCodes.missing,
  });
}

/** Plain manifests that are not there. */
export function noManifests(path: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/no-manifests',
    message: `There is no file or folder of manifests '${path}'.`,
    remedy: 'Name a YAML or JSON file of the workspace, or a folder of them.',
    exitCode: exitCodes.badInput,
  });
}

/** The approved plan is not what would be done now. */
export function planMoved(moved: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'rollout/plan-moved',
    message: `The approved plan no longer holds: ${moved.join('; ')}.`,
    remedy: 'Make a new plan and have it approved.',
    exitCode: exitCodes.refused,
  });
}

/** The approved plan is one of another cluster; uids are those of its namespace kube-system. */
export function otherCluster(approved: string, found: string, context: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/other-cluster',
    message: `The approved plan was made for the cluster ${approved}, and the context '${context}' leads to the cluster ${found}.`,
    remedy: 'Choose the context of the plan’s cluster, or make a plan for this one and have it approved.',
    exitCode: exitCodes.refused,
  });
}

/** Objects of kinds that neither the cluster serves nor the set defines; `elsewhere` are the versions in which a kind is served. */
export function unknownKinds(
  missing: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly objects: readonly string[];
    readonly elsewhere: readonly string[];
  }[],
): ZakenakError {
  const kinds = missing.map(({ apiVersion, kind, objects, elsewhere }) => {
    const near = elsewhere.length > 0 ? `, but in ${elsewhere.join(', ')}` : '';
    return `no ${apiVersion} ${kind}${near} (${objects.join('; ')})`;
  });
  return new ZakenakError({
    code: 'rollout/unknown-kind',
    message: `The cluster serves ${kinds.join('; ')}, and nothing of the set defines it.`,
    remedy:
      'Install the CustomResourceDefinition first or with the set, or take a version of the chart that is made for this cluster.',
    exitCode: exitCodes.badInput,
  });
}

/** A namespace in which the set is to write is on its way out. */
export function namespaceEnding(namespace: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/namespace-ending',
    message: `The namespace ${namespace} is being deleted: the API server takes nothing new into it.`,
    remedy: `Wait until it is gone: its status.conditions (kubectl get namespace ${namespace} -o yaml) tell what holds it up.`,
    exitCode: exitCodes.outside,
  });
}

/** A CEL expression that cannot be used. */
export function badExpression(where: string, text: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/bad-expression',
    message: `The expression of ${where} cannot be used: ${reason.split('\n')[0]} (${text})`,
    remedy: "Write it in CEL over the object's fields: status.phase == 'Running'.",
    exitCode: exitCodes.badInput,
  });
}

/** A revision without a release: taken for a rollback of the whole set it would do what nobody asked for. */
export function revisionOfNone(revision: number): ZakenakError {
  return new ZakenakError({
    code: 'rollout/revision-without-release',
    message: `Revision ${revision} of which release? Each release counts its own.`,
    remedy: 'Name it with --release, or leave --revision out to take the last rollout back.',
    exitCode: exitCodes.badInput,
  });
}

/** A revision that Helm's records do not hold. */
export function unknownRevision(
  release: string,
  revision: number | undefined,
  known: readonly number[],
): ZakenakError {
  return new ZakenakError({
    code: 'rollout/unknown-revision',
    message: `The release '${release}' has no ${revision === undefined ? 'earlier revision' : `revision ${revision}`} to go back to.`,
    remedy: `Choose one of its revisions: ${known.join(', ') || '(it has none)'}.`,
    exitCode: exitCodes.badInput,
  });
}

/** No release of the set was deployed by a rollout. */
export function nothingDeployed(set: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/unknown-revision',
    message: `No rollout of '${set}' is there that could be taken back.`,
    remedy: 'Look at zakenak status; what Helm deployed by hand goes back with --release.',
    exitCode: exitCodes.badInput,
  });
}

/** The last rollout deployed what had been deployed before. */
export function sameBefore(set: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/unknown-revision',
    message: `The last rollout of '${set}' deployed what had been deployed before: nothing of it has to be taken back.`,
    remedy:
      'To go further back name a release and its revision with --release and --revision; zakenak history shows them.',
    exitCode: exitCodes.badInput,
  });
}

/** The last deploy was put back, and what is there is the first rollout of the set. */
export function nothingBefore(set: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/unknown-revision',
    message: `The last deploy of '${set}' was put back, and what is deployed is its first rollout: there is nothing before it.`,
    remedy:
      'Nothing has to be put back; to remove releases take them out of zakenak.yaml and deploy with --prune.',
    exitCode: exitCodes.badInput,
  });
}

/** The cluster refused a request for lack of rights; the server's text names verb and resource. */
function forbidden(reason: string, cause: KubeStatusError): ZakenakError {
  return new ZakenakError({
    code: 'rollout/forbidden',
    message: reason,
    cause,
    remedy: 'Grant the deploying account the verb and resource named above.',
    exitCode: exitCodes.outside,
  });
}

/** The account lacks rights that the deploy needs: all of them, and what to write into which role. */
export function forbiddenRights(account: string, missing: readonly Right[]): ZakenakError {
  const groups = groupRights(missing);
  const places = Map.groupBy(groups, ({ namespace }) => namespace);
  const roles = [...places].map(([namespace, rights]) => {
    const role = namespace === undefined ? 'a ClusterRole' : `a Role in ${namespace}`;
    return [`${role}:`, ...rights.map(ruleOf)].join('\n');
  });
  return new ZakenakError({
    code: 'rollout/forbidden',
    message: `${account} lacks rights that this takes: ${groups.map(describeRights).join('; ')}.`,
    remedy: `Have somebody who may grant them add to roles that are bound to ${account}, in ${roles.join('\n')}.`,
    exitCode: exitCodes.outside,
  });
}

/** The namespace that the server takes nothing into because it is being deleted (NamespaceTerminatingCause of k8s.io/api/core/v1). */
export function endingNamespace({ causes }: KubeStatusError): string | undefined {
  const cause = causes.find(({ reason }) => reason === 'NamespaceTerminating');
  return cause && (/^namespace (\S+)/.exec(cause.message ?? '')?.[1] ?? '');
}

/** An error status of the API server that we do not know how to answer. */
function serverRefused(doing: string, error: KubeStatusError): ZakenakError {
  const ending = endingNamespace(error);
  if (ending !== undefined) return namespaceEnding(ending);
  if (error.status === 403) return forbidden(`${doing}: ${error.message}`, error);
  return new ZakenakError({
    code: 'rollout/server-refused',
    message: `${doing}: ${error.message} (${error.status} ${error.reason})`,
    remedy: 'Look at the API server, then run the same command again.',
    exitCode: exitCodes.outside,
    cause: error,
  });
}

/** Runs a request, turning an unexpected error status into `rollout/server-refused` or `rollout/forbidden`. */
export async function requestOf<T>(doing: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof KubeStatusError ? serverRefused(doing, error) : error;
  }
}

/** Something that Zakenak itself keeps in the cluster and cannot read any more. */
export function damagedState(object: string, remedy: string, cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'rollout/damaged-state',
    message: `${object} cannot be read: it was changed by hand, or part of it is gone.`,
    remedy,
    exitCode: exitCodes.outside,
    cause,
  });
}

/** A record that no Secret can hold; sizes in bytes. */
export function recordTooLarge(release: string, size: number, limit: number): ZakenakError {
  const kib = (bytes: number): string => `${Math.ceil(bytes / 1_024)} KiB`;
  return new ZakenakError({
    code: 'rollout/record-too-large',
    message: `Helm’s record of '${release}' takes ${kib(size)}, packed and without the chart's files, templates and schema; ${kib(limit)} fit into a Secret.`,
    remedy:
      'Split the chart into several releases, or move large data out of its objects, into an image or a volume.',
    exitCode: exitCodes.badInput,
  });
}

/** The cluster is older than the environment accepts. */
export function clusterTooOld(found: string, wanted: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/cluster-too-old',
    message: `The cluster runs Kubernetes ${found}, and the environment wants ${wanted} or later.`,
    remedy: 'Upgrade the cluster, or lower cluster.minVersion of the environment.',
    exitCode: exitCodes.missing,
  });
}

/** A plan file that cannot be read. */
export function planUnreadable(path: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/bad-plan',
    message: `The plan ${path} cannot be used: ${reason}.`,
    remedy: 'Make one with zakenak plan --plan-file.',
    exitCode: exitCodes.badInput,
  });
}

/** A correction, or the rollback of one release, while a rollout is unfinished. */
export function rolloutUnfinished(set: string, since: string): ZakenakError {
  return new ZakenakError({
    code: 'rollout/unfinished',
    message: `A rollout of ${set} that began ${since} did not finish: what is deployed is not known yet.`,
    remedy:
      'Run zakenak deploy to go on with it, or zakenak rollback to put the set back; then run the same command again.',
    exitCode: exitCodes.refused,
  });
}

/** Holding whatever comes would make every drift the wanted state. */
export function cannotWatchAndHold(): ZakenakError {
  return new ZakenakError({
    code: 'rollout/watch-and-hold',
    message: 'What drifts later cannot be held beforehand.',
    remedy: 'Use --watch with --mode report or --mode correct, and --mode hold without --watch.',
    exitCode: exitCodes.badInput,
  });
}
