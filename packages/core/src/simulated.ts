import type { KubeObject } from './ports/kube.ts';

/** Label and annotation of what is not real: nodes of our sandbox and what stands on them. */
export const simulatedMark = 'zakenak.dev/simulated';
/** KWOK's own (https://kwok.sigs.k8s.io/docs/user/configuration/). */
const kwokMark = 'kwok.x-k8s.io/node';

/** True for a node that runs no container. */
export function isSimulatedNode({ metadata }: KubeObject): boolean {
  const { labels = {}, annotations = {} } = metadata;
  return (
    labels[simulatedMark] === 'true' ||
    annotations[simulatedMark] === 'true' ||
    kwokMark in annotations ||
    kwokMark in labels
  );
}
