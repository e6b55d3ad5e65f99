import type { Ports } from '@zakenak/core';
import { namespaceEnding } from '../errors.ts';
import { readNamespaces } from '../objects/namespaces.ts';
import type { RenderedRelease, RenderedRollout } from '../render/rendered.ts';
import type { Intent } from './prepared.ts';

/** Namespaces that hooks make before the release's objects. */
function madeByHooks({ hooks }: RenderedRelease): readonly string[] {
  return hooks
    .filter(
      ({ kind, events }) => kind === 'Namespace' && events.some((event) => /^pre-(?!delete)/.test(event)),
    )
    .map(({ name }) => name);
}

/** The namespaces that are not there yet. Throws `rollout/namespace-ending` for one that is being deleted, unless what it holds is to go anyway, and `rollout/forbidden` for one that the account may not read: what is made in it is not known. */
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
  const wanted = new Set([
    ...staying,
    ...rendered.releases.map(({ namespace }) => namespace),
    ...rendered.releases.filter(stays).flatMap(madeByHooks),
  ]);
  const states = await readNamespaces(wanted, ports, signal);
  const missing = [...states].flatMap(([name, found]) => {
    if (found.state === 'unseen') throw found.refusal;
    if (found.state === 'ending' && staying.has(name)) throw namespaceEnding(name);
    return found.state === 'absent' ? [name] : [];
  });
  return new Set(missing);
}
