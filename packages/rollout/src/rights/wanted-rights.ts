import type { KubeObject, KubeRef } from '@zakenak/core';
import { isWorkload } from '../health/culprit.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { listAt } from '../objects/json.ts';
import { groupOf, placeObject, refOf } from '../objects/object.ts';
import type { PlannedObject } from '../plan/plan.ts';
import type { PreparedRelease, PreparedRollout } from '../plan/prepared.ts';
import { type HookEvent, hasDeletePolicy, hookObject, hooksFor } from '../render/hook.ts';
import type { OnFailure, TransactionOptions } from '../request.ts';
import type { JournalPlace } from '../state/journal.ts';
import { judgeAnswered, waitModeOf } from '../wait/wait-mode.ts';
import { isGranted, type Right, type RightRule } from './right.ts';

/** How a plan is carried out. */
export interface Carrying {
  readonly set: string;
  /** Namespace of the set's Lease and journal. */
  readonly namespace: string;
  readonly onFailure: OnFailure;
  /** Nothing is carried out: only what planning itself was refused counts. */
  readonly dryRun: boolean;
}

const core = { group: '' };

/**
 * The rights that carrying out a plan certainly takes: what it writes, waits for and keeps of itself, and, unless failures are left for a look, what taking back
 * what it creates takes. Left out is what cannot be known beforehand: rights in namespaces that the plan creates (a cluster may grant them with the namespace), to
 * kinds that it defines, and what its own roles grant.
 */
export function wantedRights(
  { releases, rendered: { kinds } }: Pick<PreparedRollout, 'releases' | 'rendered'>,
  carrying: Carrying,
): readonly Right[] {
  const changed = releases.filter(({ planned }) => planned.action !== 'noop');
  const created = new Set(
    releases.flatMap(({ planned }) => [
      ...(planned.createsNamespace ? [planned.namespace] : []),
      ...planned.objects
        .filter(({ ref, action }) => ref.kind === 'Namespace' && action === 'create')
        .map(({ ref }) => ref.name),
    ]),
  );
  const granted = changed.flatMap(({ objects }) => objects.flatMap(({ desired }) => rulesOf(desired)));
  const all = carrying.dryRun
    ? changed.flatMap((release) => objectRights(release, kinds, carrying, (one) => one.action === 'unknown'))
    : [
        ...(changed.length > 0 ? stateRights(carrying) : []),
        ...changed.flatMap((release) => [
          ...recordRights(release, carrying),
          ...objectRights(release, kinds, carrying, () => true),
          ...hookRights(release, kinds),
        ]),
      ];
  return all.filter(
    (right) => !(right.namespace !== undefined && created.has(right.namespace)) && !isGranted(right, granted),
  );
}

/** The Lease is taken, renewed and given back; the journal is written, marked and removed. */
function stateRights({ set, namespace }: Carrying): readonly Right[] {
  const lease = { group: 'coordination.k8s.io', resource: 'leases', namespace };
  const secrets = { ...core, resource: 'secrets', namespace };
  return [
    { ...lease, verb: 'get', name: `zakenak.${set}` },
    { ...lease, verb: 'create' },
    { ...lease, verb: 'update', name: `zakenak.${set}` },
    ...['list', 'create'].map((verb) => ({ ...secrets, verb })),
    ...['update', 'delete'].map((verb) => ({ ...secrets, verb, name: `zakenak.journal.${set}` })),
  ];
}

/** Helm's records, and the namespace that they lie in. */
function recordRights({ planned, history }: PreparedRelease, { onFailure }: Carrying): readonly Right[] {
  const { name, namespace, action, toRevision, createsNamespace } = planned;
  const secrets = { ...core, resource: 'secrets', namespace };
  const record = `sh.helm.release.v1.${name}.v${toRevision || (history.at(-1)?.version ?? 1)}`;
  const isRevision = action !== 'correct' && action !== 'noop';
  return [
    { ...secrets, verb: 'list' },
    ...(isRevision && action !== 'uninstall' ? [{ ...secrets, verb: 'create' }] : []),
    ...(isRevision ? [{ ...secrets, verb: 'update', name: record }] : []),
    ...(action === 'install' && onFailure !== 'keep' ? [{ ...secrets, verb: 'delete', name: record }] : []),
    ...(createsNamespace ? [{ ...core, resource: 'namespaces', verb: 'create' }] : []),
  ];
}

function objectRights(
  { planned, crds, objects }: PreparedRelease,
  kinds: Kinds,
  carrying: Carrying,
  counts: (object: PlannedObject) => boolean,
): readonly Right[] {
  const desired = new Map([...crds, ...objects].map((object) => [object.planned.ref, object]));
  return planned.objects.filter(counts).flatMap((object) => {
    const prepared = desired.get(object.ref);
    return [
      ...rightsTo(object.ref, verbsFor(object, prepared?.live !== undefined, carrying), kinds),
      ...(isWaitedFor(object) ? waitRights(prepared?.desired, kinds) : []),
    ];
  });
}

/** Server-side apply of an object that is not there takes `create` beside `patch`. */
function verbsFor({ action }: PlannedObject, lives: boolean, { onFailure }: Carrying): readonly string[] {
  const isPutBack = onFailure !== 'keep';
  switch (action) {
    case 'create':
      return ['get', 'patch', 'create', ...(isPutBack ? ['delete'] : [])];
    case 'apply':
      return ['get', 'patch'];
    case 'recreate':
      return ['get', 'delete', 'patch', 'create'];
    case 'delete':
      return ['get', 'delete', ...(isPutBack ? ['create'] : [])];
    case 'unknown':
      return ['get', 'patch', ...(lives ? [] : ['create'])];
    default:
      return [];
  }
}

/** Only a change that makes the object's controller work is certainly waited for. */
function isWaitedFor({ action, diff }: PlannedObject): boolean {
  if (action === 'create' || action === 'recreate') return true;
  return action === 'apply' && diff.some(({ path }) => path.startsWith('spec'));
}

function waitRights(object: KubeObject | undefined, kinds: Kinds): readonly Right[] {
  if (!object || waitModeOf(object) === 'ignore' || judgeAnswered(object, kinds).state === 'ready') return [];
  const { namespace } = object.metadata;
  const pods = ['list', 'watch'].map((verb) => ({
    ...core,
    resource: 'pods',
    verb,
    ...(namespace ? { namespace } : {}),
  }));
  return [...rightsTo(refOf(object), ['list', 'watch'], kinds), ...(isWorkload(object) ? pods : [])];
}

function hookRights({ rendered, planned }: PreparedRelease, kinds: Kinds): readonly Right[] {
  const events = new Set(planned.hooks.map(({ event }) => event as HookEvent));
  const hooks = new Set([...events].flatMap((event) => hooksFor(rendered.hooks, event)));
  return [...hooks].flatMap((hook) => {
    const object = hookObject(hook);
    if (!object) return [];
    const placed = placeObject(object, rendered.namespace, kinds.find(object));
    const { name: _name, ...any } = refOf(placed);
    const isRemoved =
      hasDeletePolicy(hook, 'hook-succeeded') ||
      (hasDeletePolicy(hook, 'before-hook-creation') && planned.fromRevision > 0);
    return [
      ...rightsTo(any, ['create'], kinds),
      ...rightsTo(refOf(placed), ['get', ...(isRemoved ? ['delete'] : [])], kinds),
      ...waitRights(placed, kinds),
    ];
  });
}

const unnamed = new Set(['list', 'watch']);

function rightsTo(
  { apiVersion, kind, namespace, name }: Omit<KubeRef, 'name'> & { readonly name?: string },
  verbs: readonly string[],
  kinds: Kinds,
): readonly Right[] {
  const known = kinds.find({ apiVersion, kind });
  if (!known || known.from === 'set') return [];
  // The API server takes a namespace's own name for its place.
  const isNamespace = apiVersion === 'v1' && kind === 'Namespace' && name !== undefined;
  return verbs.map((verb) => ({
    verb,
    group: groupOf(apiVersion),
    resource: known.resource,
    ...(known.namespaced && namespace !== undefined ? { namespace } : {}),
    ...(isNamespace && verb !== 'create' && !unnamed.has(verb) ? { namespace: name } : {}),
    ...(name === undefined || unnamed.has(verb) ? {} : { name }),
  }));
}

function rulesOf(object: KubeObject | undefined): readonly RightRule[] {
  if (object?.apiVersion !== 'rbac.authorization.k8s.io/v1') return [];
  return object.kind === 'Role' || object.kind === 'ClusterRole'
    ? (listAt(object, 'rules') as readonly RightRule[])
    : [];
}

/** How a transaction carries its plan out. */
export function carryingOf(
  { onFailure = 'set', dryRun = false }: TransactionOptions,
  place: JournalPlace,
): Carrying {
  return { ...place, onFailure, dryRun };
}
