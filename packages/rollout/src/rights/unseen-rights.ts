import type { KubeObject } from '@zakenak/core';
import { refOf } from '../objects/object.ts';
import type { PreparedObject } from '../plan/dry-run.ts';
import type { PlanPorts } from '../plan/plan-rollout.ts';
import { hooksFor } from '../render/hook.ts';
import { renderRollout } from '../render/render.ts';
import type { RenderedRollout } from '../render/rendered.ts';
import type { DeployRequest } from '../request.ts';
import { statePlaceOf } from '../state/state-place.ts';
import type { Right } from './right.ts';
import { type Carrying, carryingOf, wantedRights } from './wanted-rights.ts';

/** For one who may not even look: the rights that deploying everything takes, so that all that lack are told at once. None where the set cannot be rendered either. */
export async function rightsUnseen(
  request: DeployRequest,
  ports: PlanPorts,
  signal?: AbortSignal,
): Promise<readonly Right[]> {
  const rendered = await renderRollout(request, ports, signal ? { signal } : {}).catch(() => undefined);
  if (!rendered) return [];
  const carrying = carryingOf(request, statePlaceOf(request, ports));
  return [...rightsToLook(rendered, carrying), ...wantedRights(unseenRollout(rendered, carrying), carrying)];
}

/** What planning reads whatever the set holds. */
function rightsToLook(
  { releases }: Pick<RenderedRollout, 'releases'>,
  { set, namespace }: Carrying,
): readonly Right[] {
  const core = { group: '' };
  const get = { ...core, verb: 'get' };
  const names = new Set(['kube-system', ...releases.map((release) => release.namespace)]);
  const places = new Set(releases.map((release) => release.namespace));
  return [
    ...[...names].map((name) => ({ ...get, resource: 'namespaces', namespace: name, name })),
    ...[...places].map((place) => ({ ...core, verb: 'list', resource: 'secrets', namespace: place })),
    { ...get, resource: 'configmaps', namespace, name: `zakenak.held.${set}` },
    { ...get, group: 'coordination.k8s.io', resource: 'leases', namespace, name: `zakenak.${set}` },
    { ...core, verb: 'list', resource: 'secrets', namespace },
  ];
}

/** A set of which nothing is seen in the cluster, as if none of it were there. */
function unseenRollout(rendered: RenderedRollout, { dryRun }: Carrying): Parameters<typeof wantedRights>[0] {
  const action = dryRun ? ('unknown' as const) : ('create' as const);
  const prepare = (object: KubeObject): PreparedObject => ({
    planned: { ref: refOf(object), action, reason: '', diff: [], conflicts: [] },
    desired: object,
  });
  const releases = rendered.releases.map((release) => {
    const [crds, objects] = [release.crds.map(prepare), release.objects.map(prepare)];
    const { name, namespace, needs, digests, hooks } = release;
    const planned = {
      ...{ name, namespace, needs, digests, action: 'install' as const, reason: '', chart: '' },
      ...{ fromRevision: 0, toRevision: 1, createsNamespace: false },
      objects: [...crds, ...objects].map((object) => object.planned),
      hooks: (['pre-install', 'post-install'] as const).flatMap((event) =>
        hooksFor(hooks, event).map((hook) => ({ event, kind: hook.kind, name: hook.name })),
      ),
    };
    return { rendered: release, planned, history: [], crds, objects };
  });
  return { rendered, releases };
}
