import { isSimulatedNode, type KubeObject, KubeStatusError, type Ports, ZakenakError } from '@zakenak/core';
import { textAt } from '../objects/json.ts';
import type { Plan } from './plan.ts';

/** Whether what is deployed ran at all. */
export interface Simulation {
  readonly isSimulated: boolean;
  /** One sentence at most, for the report. */
  readonly remarks: readonly string[];
}

const none: Simulation = { isSimulated: false, remarks: [] };

/** Tells where pods in the set's namespaces stand on simulated nodes: what is "ready" there was never run. By then all is done: where the server does not tell, the report says so. */
export async function describeSimulation(plan: Plan, { kube }: Pick<Ports, 'kube'>): Promise<Simulation> {
  try {
    const { items: nodes } = await kube.list({ apiVersion: 'v1', kind: 'Node' });
    const simulated = new Set(nodes.filter(isSimulatedNode).map(({ metadata }) => metadata.name));
    if (simulated.size === 0) return none;
    const namespaces = new Set(
      plan.releases.flatMap(({ namespace, objects }) => [
        namespace,
        ...objects.flatMap(({ ref }) => ref.namespace ?? []),
      ]),
    );
    const lists = await Promise.all(
      [...namespaces].map((namespace) => kube.list({ apiVersion: 'v1', kind: 'Pod', namespace })),
    );
    const isOn = (pod: KubeObject): boolean => simulated.has(textAt(pod, 'spec', 'nodeName'));
    const count = lists.flatMap(({ items }) => items).filter(isOn).length;
    if (count === 0) return none;
    const remark = `${count} pod${count === 1 ? ' is' : 's are'} on simulated nodes (${[...simulated].sort().join(', ')}): no container ran, ready is what the simulation says.`;
    return { isSimulated: true, remarks: [remark] };
  } catch (error) {
    // Whoever may not list nodes deploys to a cluster of somebody else's: that is no sandbox.
    if (error instanceof KubeStatusError && error.status === 403) return none;
    if (!(error instanceof KubeStatusError || error instanceof ZakenakError)) throw error;
    const remark = `Whether pods are on simulated nodes, where no container runs, is not known: ${error.message.replace(/\.?$/, '.')}`;
    return { isSimulated: false, remarks: [remark] };
  }
}
