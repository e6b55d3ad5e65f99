import type { KubeObject, KubeRef, Ports } from '@zakenak/core';
import { KubeStatusError } from '@zakenak/core';
import { covers, parsePointer } from './drift-rules.ts';
import { valueAtPath } from './field-path.ts';
import { numberAt, recordAt, textAt } from './json.ts';
import type { Kinds } from './kinds.ts';
import { describe, groupOf, refOf } from './object.ts';
import type { Tolerance } from './tolerance.ts';

/** How one kind of autoscaler tells what it steers. */
interface AutoscalerKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** What it steers of its target. */
  readonly pointers: readonly string[];
  target(object: KubeObject): Partial<KubeRef>;
  /** True where the autoscaler would leave the live value as it is. */
  accepts(object: KubeObject, value: unknown): boolean;
}

const targetRef = (object: KubeObject, field: string, fallback: Partial<KubeRef> = {}): Partial<KubeRef> => ({
  ...fallback,
  ...recordAt(object, 'spec', field),
});

const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most;

/** Where KEDA holds a count while it is paused, whatever its bounds (keda: apis/keda/v1alpha1/scaledobject_types.go). */
const pausedReplicas = 'autoscaling.keda.sh/paused-replicas';

const kinds: readonly AutoscalerKind[] = [
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    pointers: ['/spec/replicas'],
    target: (object) => targetRef(object, 'scaleTargetRef'),
    accepts: (object, value) =>
      within(value, numberAt(object, 1, 'spec', 'minReplicas'), numberAt(object, 1, 'spec', 'maxReplicas')),
  },
  {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    pointers: ['/spec/replicas'],
    target: (object) => targetRef(object, 'scaleTargetRef', { apiVersion: 'apps/v1', kind: 'Deployment' }),
    accepts: (object, value) =>
      value === numberAt(object, -1, 'spec', 'idleReplicaCount') ||
      String(value) === textAt(object, 'metadata', 'annotations', pausedReplicas) ||
      within(
        value,
        numberAt(object, 0, 'spec', 'minReplicaCount'),
        numberAt(object, 100, 'spec', 'maxReplicaCount'),
      ),
  },
  {
    apiVersion: 'autoscaling.k8s.io/v1',
    kind: 'VerticalPodAutoscaler',
    pointers: ['/spec/template/spec/containers/*/resources', '/spec/containers/*/resources'],
    target: (object) => targetRef(object, 'targetRef'),
    accepts: (object) => textAt(object, 'spec', 'updatePolicy', 'updateMode') !== 'Off',
  },
];

/** Kinds that no autoscaler steers, told without asking the cluster. */
const neverScaled = new Set(['ConfigMap', 'Secret', 'Service', 'ServiceAccount', 'Namespace', 'Ingress']);

/** What can be scaled: it has replicas or a pod template of its own. */
function isScalable(object: KubeObject): boolean {
  return (
    !neverScaled.has(object.kind) &&
    (numberAt(object, -1, 'spec', 'replicas') >= 0 ||
      valueAtPath(object, [{ key: 'spec' }, { key: 'template' }]) !== undefined)
  );
}

/**
 * Tolerates what the autoscalers of the cluster, and those of the set that are not there yet, steer: a live value within an autoscaler's bounds is the
 * autoscaler's, not drift. One LIST for each namespace with something to scale and each kind of autoscaler that is served. Where listing is forbidden only the
 * set's own count.
 */
export async function readAutoscalers(
  objects: readonly KubeObject[],
  served: Kinds,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<Tolerance> {
  const scalable = objects.filter(isScalable);
  const namespaces = [...new Set(scalable.flatMap(({ metadata }) => metadata.namespace ?? []))];
  const known = kinds.filter((kind) => served.find(kind));
  const lists = await Promise.all(
    namespaces.flatMap((namespace) =>
      known.map(async ({ apiVersion, kind }) =>
        listIfAllowed({ apiVersion, kind, namespace }, ports, signal),
      ),
    ),
  );
  const own = objects.filter((object) => known.some(({ kind }) => kind === object.kind));
  const live = lists.flat();
  const all = [...live, ...own.filter((object) => !live.some((other) => isSame(other, object)))];
  return toleranceOf(
    all.flatMap((object) => known.filter((kind) => isOf(object, kind)).map((by) => ({ object, by }))),
  );
}

function toleranceOf(
  scalers: readonly { readonly object: KubeObject; readonly by: AutoscalerKind }[],
): Tolerance {
  const steering = (ref: KubeRef) => scalers.filter(({ object, by }) => steers(object, by, ref));
  return {
    concerns: ({ ref }) => steering(ref).length > 0,
    ruleFor({ ref }, { path, before }) {
      const found = steering(ref).find(
        ({ object, by }) =>
          by.pointers.some((pointer) => covers(parsePointer(pointer), path)) && by.accepts(object, before),
      );
      return found && `steered by ${describe(refOf(found.object))}`;
    },
  };
}

function steers(object: KubeObject, by: AutoscalerKind, ref: KubeRef): boolean {
  const { apiVersion = '', kind, name } = by.target(object);
  return (
    object.metadata.namespace === ref.namespace &&
    kind === ref.kind &&
    name === ref.name &&
    groupOf(apiVersion) === groupOf(ref.apiVersion)
  );
}

function isOf(object: KubeObject, { apiVersion, kind }: AutoscalerKind): boolean {
  return object.kind === kind && groupOf(object.apiVersion) === groupOf(apiVersion);
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return (
    a.kind === b.kind && a.metadata.name === b.metadata.name && a.metadata.namespace === b.metadata.namespace
  );
}

async function listIfAllowed(
  selector: Parameters<Ports['kube']['list']>[0],
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly KubeObject[]> {
  try {
    return (await ports.kube.list(selector, signal)).items;
  } catch (error) {
    if (error instanceof KubeStatusError && [403, 404].includes(error.status)) return [];
    throw error;
  }
}
