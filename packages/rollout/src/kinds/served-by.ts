import type { KubeObject } from '@zakenak/core';
import { listAt, recordAt, textAt } from '../objects/json.ts';

/** The workloads among `objects` that the API server will call through the Services that a webhook configuration or an APIService names. */
export function backersOf(object: KubeObject, objects: readonly KubeObject[]): readonly KubeObject[] {
  return servicesOf(object).flatMap(({ namespace, name }) => {
    const service = objects.find(
      (candidate) =>
        candidate.kind === 'Service' &&
        candidate.metadata.name === name &&
        candidate.metadata.namespace === namespace,
    );
    const selector = Object.entries(recordAt(service, 'spec', 'selector'));
    if (selector.length === 0) return [];
    return objects.filter((candidate) => {
      if (!workloads.has(candidate.kind) || candidate.metadata.namespace !== namespace) return false;
      const labels = recordAt(candidate, 'spec', 'template', 'metadata', 'labels');
      return selector.every(([key, value]) => labels[key] === value);
    });
  });
}

const workloads: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

function servicesOf(object: KubeObject): readonly { readonly namespace: string; readonly name: string }[] {
  const configs =
    object.kind === 'APIService'
      ? [recordAt(object, 'spec', 'service')]
      : /^(?:Mutating|Validating)WebhookConfiguration$/.test(object.kind)
        ? listAt(object, 'webhooks').map((webhook) => recordAt(webhook, 'clientConfig', 'service'))
        : [];
  return configs
    .map((service) => ({ namespace: textAt(service, 'namespace'), name: textAt(service, 'name') }))
    .filter(({ name }) => name !== '');
}
