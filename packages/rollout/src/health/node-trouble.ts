import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { conditionOf } from '../objects/condition.ts';
import { listAt, recordAt, textAt, valueAt } from '../objects/json.ts';

const mostNodes = 3;

/**
 * What is wrong with the node of a pod, or, where it has none yet, with the nodes that its node selector asks for: `node gpu-1 is not ready: Kubelet stopped posting node status.` Undefined where
 * nothing is, or where nodes may not be read.
 */
export async function describeNodes(
  pod: KubeObject,
  { kube }: Pick<Ports, 'kube'>,
): Promise<string | undefined> {
  const name = textAt(pod, 'spec', 'nodeName');
  try {
    if (name !== '') {
      const node = await kube.get({ apiVersion: 'v1', kind: 'Node', name });
      return node ? notReady(node) : `node ${name} is gone`;
    }
    const { items } = await kube.list({ apiVersion: 'v1', kind: 'Node' });
    const selector = Object.entries(recordAt(pod, 'spec', 'nodeSelector'));
    const asked = items.filter(({ metadata }) =>
      selector.every(([key, value]) => metadata.labels?.[key] === value),
    );
    const texts = asked.flatMap((node) => notReady(node) ?? closedTo(node, pod) ?? []);
    const more = texts.length > mostNodes ? [`and ${texts.length - mostNodes} more take none either`] : [];
    return [...texts.slice(0, mostNodes), ...more].join('; ') || undefined;
  } catch (error) {
    if (error instanceof KubeStatusError) return undefined;
    throw error;
  }
}

function notReady(node: KubeObject): string | undefined {
  const ready = conditionOf(node, 'Ready');
  if (ready?.status === 'True') return undefined;
  const why = (ready?.message || ready?.reason)?.replace(/\.$/, '');
  return `node ${node.metadata.name} is not ready${why ? `: ${why}` : ''}`;
}

/** Why a node that is ready does not take the pod. */
function closedTo(node: KubeObject, pod: KubeObject): string | undefined {
  const { name } = node.metadata;
  if (valueAt(node, 'spec', 'unschedulable') === true)
    return `node ${name} is cordoned: it takes pods again after kubectl uncordon ${name}`;
  const tolerations = listAt(pod, 'spec', 'tolerations');
  const taint = listAt(node, 'spec', 'taints').find(
    (taint) =>
      textAt(taint, 'effect') !== 'PreferNoSchedule' && !tolerations.some((one) => tolerates(one, taint)),
  );
  if (!taint) return undefined;
  const [key, value] = [textAt(taint, 'key'), textAt(taint, 'value')];
  return `node ${name} has the taint ${key}${value && `=${value}`}:${textAt(taint, 'effect')}`;
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
function tolerates(toleration: unknown, taint: unknown): boolean {
  const same = (field: string): boolean => textAt(toleration, field) === textAt(taint, field);
  const isAny = textAt(toleration, 'operator') === 'Exists';
  return (
    (textAt(toleration, 'effect') === '' || same('effect')) &&
    ((isAny && textAt(toleration, 'key') === '') || same('key')) &&
    (isAny || same('value'))
  );
}
