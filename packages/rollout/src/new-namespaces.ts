import type { Ports } from '@zakenak/core';
import { namespaceEnding, requestOf } from './errors.ts';
import type { Intent } from './plan-rollout.ts';
import type { RenderedRelease, RenderedRollout } from './render.ts';

/** The namespaces that are not there yet. Throws `rollout/namespace-ending` for one that is being deleted, unless what it holds is to go anyway. */
export async function findNewNamespaces(
  rendered: RenderedRollout,
  intents: ReadonlyMap<string, Intent>,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const stays = ({ name }: RenderedRelease): boolean => !('uninstall' in (intents.get(name) ?? {}));
  const staying = new Set(rendered.releases.filter(stays).map(({ namespace }) => namespace));
  for (const { kind, metadata } of rendered.releases.flatMap(({ objects }) => objects))
    if (kind === 'Namespace') staying.add(metadata.name);
  const wanted = new Set([...staying, ...rendered.releases.map(({ namespace }) => namespace)]);
  const missing = await Promise.all(
    [...wanted].map(async (name) => {
      const ref = { apiVersion: 'v1', kind: 'Namespace', name };
      const live = await requestOf(`Reading namespace ${name}`, () => ports.kube.get(ref, signal));
      if (live?.metadata.deletionTimestamp && staying.has(name)) throw namespaceEnding(name);
      return live ? [] : [name];
    }),
  );
  return new Set(missing.flat());
}
