import type { KubeObject, KubeRef, Ports } from '@zakenak/core';
import { KubeStatusError } from '@zakenak/core';
import type { Tolerance } from '../fields/tolerance.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { type FieldPath, valueAtPath } from '../objects/field-path.ts';
import { listAt, numberAt, recordAt, textAt } from '../objects/json.ts';
import { describe, groupOf, refOf } from '../objects/object.ts';
import { covers, parsePointer } from './drift-rules.ts';

/** How one kind of autoscaler tells what it steers. */
interface AutoscalerKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** What it steers of its target. */
  readonly pointers: readonly string[];
  target(object: KubeObject): Partial<KubeRef>;
  /** True where the autoscaler would leave the live value as it is. */
  accepts(object: KubeObject, value: unknown): boolean;
  /** What it leaves as it is, in words. */
  bounds(object: KubeObject): string;
  /** True for one that steers nothing; never where absent. */
  isOff?(object: KubeObject): boolean;
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
    bounds: (object) =>
      `${numberAt(object, 1, 'spec', 'minReplicas')} to ${numberAt(object, 1, 'spec', 'maxReplicas')}`,
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
    bounds: (object) => {
      const idle = numberAt(object, -1, 'spec', 'idleReplicaCount');
      const [least, most] = [
        numberAt(object, 0, 'spec', 'minReplicaCount'),
        numberAt(object, 100, 'spec', 'maxReplicaCount'),
      ];
      return `${idle >= 0 ? `${idle}, or ` : ''}${least} to ${most}`;
    },
  },
  {
    apiVersion: 'autoscaling.k8s.io/v1',
    kind: 'VerticalPodAutoscaler',
    pointers: ['/spec/template/spec/containers/*/resources', '/spec/containers/*/resources'],
    target: (object) => targetRef(object, 'targetRef'),
    accepts: () => true,
    bounds: () => 'anything',
    isOff: (object) => textAt(object, 'spec', 'updatePolicy', 'updateMode') === 'Off',
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

/** Whose autoscalers are read. */
interface AutoscalerScope {
  /** What may be steered, autoscalers of the set among it as they are to be. */
  readonly objects: readonly KubeObject[];
  readonly served: Kinds;
  /** True for a live object that the plan removes; none where absent. */
  readonly isLeaving?: ((live: KubeObject) => boolean) | undefined;
}

/**
 * Tolerates what the autoscalers of the cluster, and those of the set that are not there yet, steer: a live value within an autoscaler's bounds is the
 * autoscaler's, not drift. One that the set turns off or removes steers nothing any more, and neither does what it made. One LIST for each namespace with something to scale and
 * each kind of autoscaler that is served. Where listing is forbidden only the set's own count.
 */
export async function readAutoscalers(
  { objects, served, isLeaving = () => false }: AutoscalerScope,
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
  const by = (object: KubeObject) => known.find((kind) => isOf(object, kind));
  const own = objects.filter(by);
  const isOff = (object: KubeObject): boolean => by(object)?.isOff?.(object) ?? false;
  const live = lists.flat();
  const leaving = new Set(live.filter(isLeaving).map(({ metadata }) => metadata.uid));
  const stays = (object: KubeObject): boolean =>
    !leaving.has(object.metadata.uid) &&
    !makersOf(object).some((uid) => leaving.has(uid)) &&
    !own.some((wanted) => isSame(wanted, object) && isOff(wanted));
  const scalersOf = (objects: readonly KubeObject[]): readonly Scaler[] =>
    objects.flatMap((object) => known.filter((kind) => isOf(object, kind)).map((by) => ({ object, by })));
  return toleranceOf(
    scalersOf([...live.filter(stays), ...own].filter((object) => !isOff(object))),
    scalersOf(live.filter((object) => !stays(object))),
  );
}

/** The uids of what made an object: KEDA makes an autoscaler of Kubernetes' own. */
function makersOf(object: KubeObject): readonly string[] {
  return listAt(object, 'metadata', 'ownerReferences').map((owner) => textAt(owner, 'uid'));
}

/** An autoscaler and how its kind is read. */
interface Scaler {
  readonly object: KubeObject;
  readonly by: AutoscalerKind;
}

/** A pointer as an apply conflict names the field: the elements of a list by their keys. */
function fitsField(pointer: string, field: string): boolean {
  const names = parsePointer(pointer).map((key) => (key === undefined ? '\\[[^\\]]*\\]' : `\\.${key}`));
  return new RegExp(`^${names.join('')}(?:[.[]|$)`).test(field);
}

function toleranceOf(scalers: readonly Scaler[], former: readonly Scaler[]): Tolerance {
  const steering = (ref: KubeRef) => scalers.filter(({ object, by }) => steers(object, by, ref));
  const steeringField = (ref: KubeRef, path: FieldPath) =>
    steering(ref).filter(({ by }) => by.pointers.some((pointer) => covers(parsePointer(pointer), path)));
  return {
    concerns: ({ ref }) => steering(ref).length > 0,
    ruleFor({ ref }, { path, before }) {
      // As it is and as the set wants it: what either leaves as it is, is its own.
      const found = steeringField(ref, path).find(({ object, by }) => by.accepts(object, before));
      return found && `steered by ${describe(refOf(found.object))}`;
    },
    freedBy({ ref }, field) {
      const found = former.find(
        ({ object, by }) =>
          steers(object, by, ref) && by.pointers.some((pointer) => fitsField(pointer, field)),
      );
      return found && describe(refOf(found.object));
    },
    masterOf({ ref }, path) {
      const [found] = steeringField(ref, path);
      return found && `${describe(refOf(found.object))}, which leaves ${found.by.bounds(found.object)}`;
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
