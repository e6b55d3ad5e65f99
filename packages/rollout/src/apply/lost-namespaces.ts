import { type Ports, ZakenakError } from '@zakenak/core';
import { ReleaseFailure } from '../failure.ts';
import { readNamespaces } from '../objects/namespaces.ts';
import type { JournalRelease } from '../state/journal-shape.ts';

/**
 * Namespaces of a rollout that are gone, or going, with all that was in them: nothing in them can be put back. One that the account may not read counts as there.
 * One GET for each.
 */
export async function findLost(
  releases: readonly Pick<JournalRelease, 'namespace' | 'baseline'>[],
  ports: Pick<Ports, 'kube'>,
): Promise<ReadonlySet<string>> {
  const names = releases.flatMap(({ namespace, baseline }) => [
    namespace,
    ...baseline.flatMap(({ ref }) => ref.namespace ?? []),
  ]);
  const states = await readNamespaces(new Set(names), ports);
  const lost = [...states].filter(([, { state }]) => state === 'absent' || state === 'ending');
  return new Set(lost.map(([name]) => name));
}

/** The release without what went with a namespace. */
export function withoutLost<T extends Pick<JournalRelease, 'baseline'>>(
  release: T,
  lost: ReadonlySet<string>,
): T {
  return { ...release, baseline: release.baseline.filter(({ ref }) => !lost.has(ref.namespace ?? '')) };
}

/** Of these, what was there before the rollout, whose loss no rollback mends: not what the rollout made, or was still to make, itself. `releases` as they were journalled. */
export function lostForGood(
  releases: readonly Pick<JournalRelease, 'namespace' | 'newNamespaces' | 'baseline'>[],
  lost: ReadonlySet<string>,
): readonly string[] {
  const baseline = releases.flatMap((release) => release.baseline);
  const made = new Set([
    ...releases.flatMap(({ newNamespaces }) => newNamespaces),
    ...baseline.flatMap(({ ref, before }) => (ref.kind === 'Namespace' && !before ? [ref.name] : [])),
  ]);
  const held = new Set([
    ...releases.map(({ namespace }) => namespace),
    ...baseline.flatMap(({ ref, before }) => (before ? [ref.namespace] : [])),
  ]);
  return [...lost].filter((name) => held.has(name) && !made.has(name)).sort();
}

/** What is told of them, as a sentence. */
export function describeLost(names: readonly string[]): string {
  const [is, it] = names.length === 1 ? ['namespace', 'was in it'] : ['namespaces', 'was in them'];
  return `What ${it} went with the ${is} ${names.join(', ')}, which somebody deleted, and does not come back; everything else is as it was before.`;
}

/** What went wrong with a release, told as the end of its namespace where that is what is behind it; else as it was thrown. */
export async function explainByNamespace(
  thrown: unknown,
  namespace: string,
  ports: Pick<Ports, 'kube'>,
): Promise<unknown> {
  const isRefused =
    thrown instanceof ZakenakError &&
    (thrown.code === 'rollout/server-refused' || thrown.code === 'rollout/namespace-ending');
  if (!isRefused && !(thrown instanceof ReleaseFailure)) return thrown;
  const states = await readNamespaces(new Set([namespace]), ports).catch(() => undefined);
  const state = states?.get(namespace)?.state;
  if (state !== 'absent' && state !== 'ending') return thrown;
  const what = state === 'absent' ? 'is gone' : 'is being deleted';
  return new ReleaseFailure('rollout/namespace-ending', `its namespace ${namespace} ${what}`);
}
