import { type Ports, ZakenakError } from '@zakenak/core';
import { requestOf } from '../errors.ts';

/** How a namespace stands. `unseen`: the account may not read it. */
export type NamespaceState =
  | { readonly state: 'absent' | 'there' | 'ending' }
  | { readonly state: 'unseen'; readonly refusal: ZakenakError };

/** How each of the namespaces stands: one GET for each. Throws `rollout/server-refused`. */
export async function readNamespaces(
  names: ReadonlySet<string>,
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, NamespaceState>> {
  const read = async (name: string): Promise<NamespaceState> => {
    const ref = { apiVersion: 'v1', kind: 'Namespace', name };
    const live = await requestOf(`Reading namespace ${name}`, () => kube.get(ref, signal)).catch(
      (thrown: unknown) => {
        if (thrown instanceof ZakenakError && thrown.code === 'rollout/forbidden') return thrown;
        throw thrown;
      },
    );
    if (live instanceof ZakenakError) return { state: 'unseen', refusal: live };
    return { state: !live ? 'absent' : live.metadata.deletionTimestamp ? 'ending' : 'there' };
  };
  return new Map(await Promise.all([...names].map(async (name) => [name, await read(name)] as const)));
}
