import { createLimiter, type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { forbiddenRights } from '../errors.ts';
import { listAt, textAt, valueAt } from '../objects/json.ts';
import { isUnserved } from '../objects/unserved.ts';
import { isGranted, type Right, type RightRule } from './right.ts';

type RightPorts = Pick<Ports, 'kube'>;

/**
 * Throws ZakenakError `rollout/forbidden`, naming every right of `wanted` that the account does not have. The API server itself says no to each of them
 * (SelfSubjectAccessReview): rules (SelfSubjectRulesReview) are only read to ask for less, since they may be incomplete. One request where everything is allowed.
 * Whoever may not ask about his own rights is not refused for that.
 */
export async function requireRights(
  wanted: readonly Right[],
  ports: RightPorts,
  signal?: AbortSignal,
): Promise<void> {
  const missing = await findMissing(wanted, ports, signal).catch((error: unknown) => {
    const cannotAsk =
      (error instanceof KubeStatusError && [403, 404, 405].includes(error.status)) || isUnserved(error);
    if (cannotAsk) return [];
    throw error;
  });
  if (missing.length > 0) throw forbiddenRights(await whoAmI(ports, signal), missing);
}

const parallelQuestions = 32;

async function findMissing(
  wanted: readonly Right[],
  ports: RightPorts,
  signal?: AbortSignal,
): Promise<readonly Right[]> {
  const everything = { verb: '*', group: '*', resource: '*' };
  if (wanted.length === 0 || (await isAllowed(everything, ports, signal))) return [];
  const namespaces = [...new Set(wanted.flatMap(({ namespace }) => namespace ?? []))];
  const rules = new Map(
    await Promise.all(namespaces.map(async (name) => [name, await readRules(name, ports, signal)] as const)),
  );
  // What a role of a namespace grants holds for nothing outside of it.
  const open = wanted.filter((right) => !isGranted(right, rules.get(right.namespace ?? '') ?? []));
  const limit = createLimiter(parallelQuestions);
  const ask = (right: Right): Promise<boolean> => limit(() => isAllowed(right, ports, signal));
  const alike = Map.groupBy(open, ({ name: _name, ...right }) =>
    JSON.stringify(Object.entries(right).sort()),
  );
  const denied = [...alike.values()].map(async (same): Promise<readonly Right[]> => {
    const { name: _name, ...right } = same[0] as Right;
    if (await ask(right)) return [];
    const single = [...new Map(same.map((one) => [one.name, one])).values()];
    const allowed = await Promise.all(single.map((one) => one.name !== undefined && ask(one)));
    const left = single.filter((_, index) => !allowed[index]);
    // Where no object at all is allowed their names say nothing.
    return left.length === single.length && left.length > 0 ? [right] : left;
  });
  return (await Promise.all(denied)).flat();
}

async function isAllowed(
  { verb, group, resource, namespace, name }: Right,
  ports: RightPorts,
  signal?: AbortSignal,
): Promise<boolean> {
  const [plural, subresource] = resource.split('/');
  const resourceAttributes = { verb, group, resource: plural, subresource, namespace, name };
  const review = await ask('SelfSubjectAccessReview', { resourceAttributes }, ports, signal);
  return valueAt(review, 'status', 'allowed') === true;
}

async function readRules(
  namespace: string,
  ports: RightPorts,
  signal?: AbortSignal,
): Promise<readonly RightRule[]> {
  const review = await ask('SelfSubjectRulesReview', { namespace }, ports, signal);
  return listAt(review, 'status', 'resourceRules') as readonly RightRule[];
}

/** The account as the API server knows it, where it tells (Kubernetes 1.28). */
async function whoAmI({ kube }: RightPorts, signal?: AbortSignal): Promise<string> {
  const review = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: { name: '' },
  };
  const answer = await kube.create(review, {}, signal).catch(() => undefined);
  const name = textAt(answer, 'status', 'userInfo', 'username');
  return name || `the user of context '${kube.target.context}'`;
}

function ask(kind: string, spec: unknown, { kube }: RightPorts, signal?: AbortSignal): Promise<KubeObject> {
  return kube.create(
    { apiVersion: 'authorization.k8s.io/v1', kind, metadata: { name: '' }, spec },
    {},
    signal,
  );
}
