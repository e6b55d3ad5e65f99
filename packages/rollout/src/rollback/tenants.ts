import {
  createLimiter,
  type KubeObject,
  type KubeResource,
  type KubeSelector,
  KubeStatusError,
  type Ports,
} from '@zakenak/core';
import { hookRunOf } from '../apply/run-hooks.ts';
import { isHand, managedEntries } from '../fields/field-writer.ts';
import { fieldManager, type Owner, ownerOf, sameOwner } from '../fields/ownership.ts';
import { definedKinds } from '../kinds/kinds.ts';
import { listAt } from '../objects/json.ts';
import { describe, groupOf, refOf } from '../objects/object.ts';
import { isSilentApi, isUnserved } from '../objects/unserved.ts';

/** Who goes: the releases, their set and the rollout whose hooks are theirs. */
interface Leaving {
  readonly releases: readonly Owner[];
  readonly set: string;
  readonly rollout: string;
}

const parallelLists = 16;

/**
 * What others have in a namespace, in words: objects and records of other releases, the state of other sets, and what people made by hand. What controllers
 * made there is nobody's; a kind that cannot be listed may hold something. Asks for every kind once.
 */
export async function findTenants(
  namespace: string,
  leaving: Leaving,
  { kube }: Pick<Ports, 'kube'>,
): Promise<readonly string[]> {
  const selectors = listable(await kube.resources()).map(({ apiVersion, kind }) => ({
    apiVersion,
    kind,
    namespace,
  }));
  const silent = (await kube.unavailableApis()).map(
    (api) => `objects of ${api}, whose server does not answer`,
  );
  return [...(await lookAt(selectors, leaving, kube)), ...silent];
}

/** The same for what others have of the kind that a definition brings, wherever it is. */
export function findInstances(
  definition: KubeObject,
  leaving: Leaving,
  { kube }: Pick<Ports, 'kube'>,
): Promise<readonly string[]> {
  return lookAt(definedKinds([definition]).slice(0, 1), leaving, kube);
}

async function lookAt(
  selectors: readonly KubeSelector[],
  leaving: Leaving,
  kube: Ports['kube'],
): Promise<readonly string[]> {
  const limit = createLimiter(parallelLists);
  const look = async (selector: KubeSelector): Promise<readonly string[]> => {
    const { apiVersion, kind } = selector;
    const seen = await kube.list(selector).catch((error: unknown) => unseen(kind, error));
    if (typeof seen === 'string') return [seen];
    return seen.items
      .map((item) => ({ ...item, apiVersion, kind }))
      .filter((object) => isTenant(object, leaving))
      .map((object) => describe(refOf(object)));
  };
  return (await Promise.all(selectors.map((selector) => limit(() => look(selector))))).flat().sort();
}

/** Nothing of a kind that is not served any more; of one that could not be listed it is not known, and what is not known keeps its place. */
function unseen(kind: string, error: unknown): string | { readonly items: readonly KubeObject[] } {
  if (isUnserved(error) || (error instanceof KubeStatusError && error.status === 404)) return { items: [] };
  if (error instanceof KubeStatusError)
    return `${kind} objects that cannot be listed (${error.reason || error.status})`;
  if (isSilentApi(error)) return `${kind} objects that cannot be listed (its server does not answer)`;
  throw error;
}

/** Each kind in one of its versions. */
function listable(resources: readonly KubeResource[]): readonly KubeResource[] {
  const kinds = new Map<string, KubeResource>();
  for (const resource of resources) {
    const key = `${groupOf(resource.apiVersion)}/${resource.kind}`;
    if (resource.namespaced && resource.verbs.includes('list') && !kinds.has(key)) kinds.set(key, resource);
  }
  return [...kinds.values()];
}

/** Deployers beside us, and the clients of people's scripts, as they name themselves to the API server: HashiCorp is Terraform, OpenAPI-Generator Ansible and Python. */
const deployers =
  /^(?:zakenak|argocd|kustomize-controller|helm-controller|terraform|hashicorp|pulumi|kapp|kluctl|timoni|werf|nelm|fleet|rancher|openapi-generator|curl|python)/i;

function isTenant(object: KubeObject, { releases, set, rollout }: Leaving): boolean {
  const { metadata } = object;
  if (metadata.deletionTimestamp || listAt(metadata, 'ownerReferences').length > 0) return false;
  const owner = recordOwner(object) ?? ownerOf(object);
  if (owner) return !releases.some((release) => sameOwner(release, owner));
  if (isStateOf(object, set) || hookRunOf(object)?.startsWith(`${rollout}.`)) return false;
  return managedEntries(object).some(
    ({ writer: { manager } }) => manager === fieldManager || isHand(manager) || deployers.test(manager),
  );
}

/** The release that a record of Helm tells of. */
function recordOwner({ kind, metadata }: KubeObject): Owner | undefined {
  const { owner, name, status } = metadata.labels ?? {};
  if (kind !== 'Secret' || owner !== 'helm' || name === undefined || status === 'uninstalled')
    return undefined;
  return { name, namespace: metadata.namespace ?? '' };
}

/** The lock, the journal, the audit trail and what is held. */
function isStateOf({ metadata: { name } }: KubeObject, set: string): boolean {
  return ['', 'journal.', 'audit.', 'held.'].some((what) => `${name}.`.startsWith(`zakenak.${what}${set}.`));
}
