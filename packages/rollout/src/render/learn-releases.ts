import type { Redactor } from '@zakenak/core';
import { learnFromObjects, learnFromValues } from '../objects/learn-secrets.ts';
import { lookInto } from '../state/damaged-record.ts';
import type { HelmHistory, HelmRecord } from '../state/helm-record.ts';
import { recordedManifests } from '../state/helm-release.ts';
import { keptFailure, newest } from '../state/helm-storage.ts';
import { hookObject } from './hook.ts';
import type { RenderedRelease } from './rendered.ts';

type Learned = Pick<RenderedRelease, 'name' | 'namespace' | 'objects' | 'hooks' | 'values' | 'chart'>;

/** Makes what a release holds of secrets known to the redactor. */
export function learnFromRelease(release: Learned, redactor: Pick<Redactor, 'add'>): void {
  learnFromValues([release.chart.values, release.values], redactor);
  const hooks = release.hooks.flatMap((hook) => hookObject(hook) ?? []);
  learnFromObjects([...release.objects, ...hooks], redactor, [release.name, release.namespace]);
}

/** The same for what a release was before: a password that was changed is in the "before" of everything that it was in. */
export function learnFromFormer(
  rendered: RenderedRelease,
  history: HelmHistory,
  redactor: Pick<Redactor, 'add'>,
): void {
  const former = newest(history, 'deployed') ?? newest(history);
  if (former && (former.release().manifest !== rendered.manifest || rendered.objects.length === 0))
    learnFromRecord(former, redactor);
  learnFromKept(history, redactor);
}

/** The same for a revision that failed and was kept, whose values may live still; one that cannot be read tells nothing. */
export function learnFromKept(history: HelmHistory, redactor: Pick<Redactor, 'add'>): void {
  const kept = keptFailure(history);
  if (kept) lookInto(kept, () => learnFromRecord(kept, redactor));
}

/** The same for a stored revision. */
export function learnFromRecord(record: HelmRecord, redactor: Pick<Redactor, 'add'>): void {
  const release = record.release();
  const { hooks, config, chart, name, namespace } = release;
  const objects = recordedManifests(release).map(({ object }) => object);
  learnFromRelease({ name, namespace, objects, hooks: hooks ?? [], values: config ?? {}, chart }, redactor);
}
