import type { RenderedRelease } from '../render/rendered.ts';
import type { HelmHistory } from '../state/helm-record.ts';
import type { HelmRelease, HelmStatus } from '../state/helm-release.ts';
import { newest } from '../state/helm-storage.ts';

/** The revision that carrying out a release's plan begins with: what was rendered, or the target of a rollback once more. */
export function nextRevisionOf(
  {
    rendered,
    history,
    target,
  }: {
    readonly rendered: RenderedRelease;
    readonly history: HelmHistory;
    readonly target: HelmRelease | undefined;
  },
  now: Date,
): HelmRelease {
  return target ? rollbackRevisionOf(target, history, now) : firstRevisionOf(rendered, history, now);
}

function firstRevisionOf(rendered: RenderedRelease, history: HelmHistory, now: Date): HelmRelease {
  const upgrade = newest(history, 'deployed') !== undefined;
  return {
    name: rendered.name,
    info: {
      first_deployed: firstDeployed(history) ?? now.toISOString(),
      last_deployed: now.toISOString(),
      description: upgrade ? 'Preparing upgrade' : 'Initial install underway',
      status: upgrade ? 'pending-upgrade' : 'pending-install',
    },
    chart: rendered.chart,
    config: rendered.values,
    manifest: rendered.manifest,
    hooks: rendered.hooks,
    version: nextVersion(history),
    namespace: rendered.namespace,
    apply_method: 'ssa',
  };
}

/** A new revision with the content of an older one. */
export function rollbackRevisionOf(target: HelmRelease, history: HelmHistory, now: Date): HelmRelease {
  const status: HelmStatus = 'pending-rollback';
  return {
    ...target,
    info: {
      ...target.info,
      last_deployed: now.toISOString(),
      description: `Rollback to ${target.version} by zakenak`,
      status,
      rollback_revision: target.version,
    },
    version: nextVersion(history),
    apply_method: 'ssa',
  };
}

function nextVersion(history: HelmHistory): number {
  return (newest(history)?.version ?? 0) + 1;
}

/** Told by every revision, as Helm does (helm: pkg/action/upgrade.go): an old one need not be readable. */
function firstDeployed(history: HelmHistory): string | undefined {
  return (newest(history, 'deployed') ?? newest(history))?.release().info.first_deployed;
}
