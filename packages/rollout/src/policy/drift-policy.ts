import type { KubeObject, Ports } from '@zakenak/core';
import { isHand, writerOf } from '../fields/field-writer.ts';
import { fieldManager } from '../fields/ownership.ts';
import { joinTolerances, type Tolerance } from '../fields/tolerance.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { readAutoscalers } from './autoscalers.ts';
import { covers, type DriftSettings, parsePointer, toleranceOfRules } from './drift-rules.ts';
import { readHeldRules } from './held-rules.ts';

/** What is tolerated for these objects: by the project's rules, by what is held, by autoscalers, and by what every cluster does. Reads autoscalers only where something can be scaled;
 * those that are leaving (`isLeaving`) count no more. */
export async function readTolerance(
  settings: DriftSettings & { readonly isLeaving?: (live: KubeObject) => boolean },
  objects: readonly KubeObject[],
  served: Kinds,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Tolerance> {
  const { ignore = [], heldAt, autoscalers, isLeaving } = settings;
  const [held, steered] = await Promise.all([
    heldAt ? readHeldRules(heldAt, ports, signal) : [],
    readAutoscalers({ objects, served, isLeaving }, ports, signal),
  ]);
  return joinTolerances([
    toleranceOfRules(ignore),
    toleranceOfRules(held, 'held'),
    autoscalers === 'report' ? { ...steered, ...nothingLeft } : steered,
    filledIn,
    restarts,
  ]);
}

/** Its differences count, and it is still known who else sets them. */
const nothingLeft: Pick<Tolerance, 'concerns' | 'ruleFor'> = {
  concerns: () => false,
  ruleFor: () => undefined,
};

const certificate = 'a certificate that is injected';
const bundles = [{ pointer: '/webhooks/*/clientConfig/caBundle', what: certificate }];

/** Fields that charts leave open, often with an empty value, for a controller to fill in. */
const openFields: Readonly<Record<string, readonly { readonly pointer: string; readonly what: string }[]>> = {
  ValidatingWebhookConfiguration: bundles,
  MutatingWebhookConfiguration: bundles,
  CustomResourceDefinition: [
    { pointer: '/spec/conversion/webhook/clientConfig/caBundle', what: certificate },
  ],
  APIService: [{ pointer: '/spec/caBundle', what: certificate }],
  ClusterRole: [{ pointer: '/rules', what: 'rules that are aggregated' }],
};

/** What a controller wrote into such a field is the controller's; what a person did is not. */
const filledIn: Tolerance = {
  concerns: ({ ref }) => Object.hasOwn(openFields, ref.kind),
  ruleFor({ ref }, { path }, live) {
    const field = openFields[ref.kind]?.find(({ pointer }) => covers(parsePointer(pointer), path));
    const writer = field && live && writerOf(live, path);
    if (!writer || isHand(writer.manager) || writer.manager === fieldManager) return undefined;
    return `${field.what} (by ${writer.manager})`;
  },
};

const restartedAt = parsePointer('/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt');

/** A restart is no change of what was deployed. */
const restarts: Tolerance = {
  concerns: () => false,
  ruleFor: (_subject, { path }) =>
    covers(restartedAt, path) ? 'a restart (kubectl rollout restart)' : undefined,
};
