import type { KubeObject, KubeRef } from '@zakenak/core';
import { ownerOf } from '../fields/ownership.ts';
import { withWhatStays } from '../fields/what-stays.ts';
import { fieldsDropped, fieldsFilledIn } from '../objects/changed-schema.ts';
import { dataKinds } from '../objects/data-kinds.ts';
import { listAt, numberAt, recordAt, textAt, valueAt } from '../objects/json.ts';
import type { PreparedObject } from './dry-run.ts';
import { isToStay } from './prune.ts';

/** What of an object no rollback puts back as it was. */
export interface Loss {
  /** What happens to the object, as the rest of a sentence that begins with its name. */
  readonly what: string;
  readonly why: string;
  /** Data goes with it. */
  readonly losesData?: true;
}

/** What carrying out an object's plan loses for good; empty for nearly every object. */
export function lossesOf(object: PreparedObject): readonly Loss[] {
  const { action } = object.planned;
  if (action === 'noop' || action === 'keep' || action === 'unknown') return [];
  return rules.flatMap((rule) => rule(object));
}

type Rule = (object: PreparedObject) => readonly Loss[];

const verbs = { recreate: 'is deleted and created again', delete: 'is deleted' } as const;

/** What happens to an object that goes, for now or for good; undefined for one that stays. */
function goingOf({ planned: { action } }: PreparedObject): string | undefined {
  return action === 'recreate' || action === 'delete' ? verbs[action] : undefined;
}

const held: Rule = ({ planned: { ref, action } }) =>
  action === 'delete' && dataKinds.has(ref.kind)
    ? [{ what: verbs.delete, why: 'what it holds is deleted with it', losesData: true }]
    : [];

const remade: Rule = ({ planned: { ref, action }, live, desired }) =>
  action === 'recreate' && !runs(ref, live) && !runs(ref, desired)
    ? [{ what: verbs.recreate, why: 'a rollback recreates it once more, under another uid' }]
    : [];

/** True for a Job that runs where it is made, as a hook does. */
function runs({ kind }: KubeRef, job: KubeObject | undefined): boolean {
  return kind === 'Job' && job !== undefined && valueAt(job, 'spec', 'suspend') !== true;
}

/** A Job of the manifest runs where it is made, and where a rollback makes it once more. */
const run: Rule = (object) => {
  const { planned, desired, live } = object;
  const isMade = planned.action === 'create' || planned.action === 'recreate';
  const going = goingOf(object);
  const again = going && runs(planned.ref, live) ? 'a rollback runs the former one once more' : '';
  if (isMade && runs(planned.ref, desired))
    return [{ what: 'runs', why: `what a Job did cannot be undone${again && `, and ${again}`}` }];
  return going && again ? [{ what: going, why: again }] : [];
};

const retention = ['spec', 'persistentVolumeClaimRetentionPolicy'];

/** Claims that a StatefulSet made go with it, or with a replica, where it says so (kubernetes: pkg/controller/statefulset). */
const claims: Rule = (object) => {
  const { live, desired, planned } = object;
  if (planned.ref.kind !== 'StatefulSet' || !live) return [];
  const going = goingOf(object);
  if (going)
    return textAt(live, ...retention, 'whenDeleted') === 'Delete'
      ? [{ what: going, why: 'its claims go with it (whenDeleted: Delete)', losesData: true }]
      : [];
  const replicas = numberAt(live, 1, 'spec', 'replicas');
  const isLess = numberAt(desired, replicas, 'spec', 'replicas') < replicas;
  const policy = textAt(desired, ...retention, 'whenScaled') || textAt(live, ...retention, 'whenScaled');
  if (!isLess || policy !== 'Delete') return [];
  const why = 'the claims of the replicas that go are deleted (whenScaled: Delete)';
  return [{ what: 'is scaled down', why, losesData: true }];
};

/** Kubernetes' own, of what is told by another rule or comes back. */
const plainFinalizers =
  /^(?:kubernetes\.io\/|service\.kubernetes\.io\/|batch\.kubernetes\.io\/|foregroundDeletion$|orphan$)/;

const finalized: Rule = (object) => {
  const going = goingOf(object);
  if (!going || dataKinds.has(object.planned.ref.kind)) return [];
  const names = listAt(object.live, 'metadata', 'finalizers')
    .map(String)
    .filter((name) => !plainFinalizers.test(name));
  if (names.length === 0) return [];
  const why = `what its finalizers clear away elsewhere (${names.join(', ')}) does not come back`;
  return [{ what: going, why }];
};

/** A Service's addresses are anybody's as soon as it does without them. */
const addresses: Rule = (object) => {
  const { live, planned } = object;
  if (planned.ref.kind !== 'Service' || planned.ref.apiVersion !== 'v1' || !live) return [];
  const going = goingOf(object);
  const gone = (path: string, before: string): boolean =>
    going !== undefined ||
    planned.diff.some((field) => field.path === path && field.before === before && field.after !== before);
  const ip = textAt(live, 'spec', 'clusterIP');
  const ports = listAt(live, 'spec', 'ports').flatMap((port, at) => {
    const number = String(numberAt(port, 0, 'nodePort'));
    const isGone = [textAt(port, 'name') || at, at].some((key) =>
      gone(`spec.ports[${key}].nodePort`, number),
    );
    return number !== '0' && isGone ? [`node port ${number}`] : [];
  });
  const outside = listAt(live, 'status', 'loadBalancer', 'ingress').flatMap(
    (one) => textAt(one, 'ip') || textAt(one, 'hostname') || [],
  );
  const given = [
    ...(ip !== '' && ip !== 'None' && gone('spec.clusterIP', ip) ? [`address ${ip}`] : []),
    ...ports,
    ...(outside.length > 0 && gone('spec.type', 'LoadBalancer')
      ? [`load balancer ${outside.join(', ')}`]
      : []),
  ];
  if (given.length === 0) return [];
  const why = 'it comes back only where the deploy itself fails, and nobody else has it by then';
  return [{ what: `gives up its ${given.join(', ')}`, why }];
};

/** What is changed now and cannot be changed back. */
const oneWay: Rule = ({ planned: { action }, desired, live }) => {
  if (action !== 'apply' || !desired || !live) return [];
  if (desired['immutable'] === true && live['immutable'] !== true)
    return [{ what: 'cannot be changed any more', why: 'a rollback deletes it and creates it again' }];
  // As a rollback will find it: what was there, over what will be there.
  const stays = withWhatStays(live, afterwards(desired, live));
  return (stays?.fields ?? []).map(({ rule }) => ({
    what: 'changes',
    why: `${rule}: a rollback leaves that as it is`,
  }));
};

const mostNamed = 3;

/** Objects of a definition lose what their schema knows no more, and keep what it has filled in. */
const reshaped: Rule = ({ planned: { ref, action }, desired, live }) => {
  if (ref.kind !== 'CustomResourceDefinition' || action !== 'apply' || !desired || !live) return [];
  const [lost, kept] = [fieldsDropped(live, desired), fieldsFilledIn(live, desired)].map(nameSome);
  return [
    ...(lost ? [{ what: `drops ${lost}`, why: `${written} lose what they hold there` }] : []),
    ...(kept ? [{ what: `fills in ${kept}`, why: `${written} keep it` }] : []),
  ];
};

const written = 'objects that are written until a rollback';

function nameSome(fields: readonly string[]): string {
  const more = fields.length - mostNamed;
  return [...fields.slice(0, mostNamed), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** What lives when `desired` is applied, as far as what stays of it is concerned. */
function afterwards(desired: KubeObject, live: KubeObject): KubeObject {
  if (desired.kind === 'PersistentVolumeClaim') {
    const currentVolumeAttributesClassName = textAt(desired, 'spec', 'volumeAttributesClassName');
    return { ...desired, status: { currentVolumeAttributesClassName } };
  }
  if (desired.kind !== 'CustomResourceDefinition') return desired;
  const stored = listAt(desired, 'spec', 'versions').filter(
    (version) => valueAt(version, 'storage') === true,
  );
  const storedVersions = [
    ...listAt(live, 'status', 'storedVersions'),
    ...stored.map((version) => textAt(version, 'name')),
  ];
  return { ...desired, status: { storedVersions } };
}

/** Helm's records hold what the chart said, not what others wrote beside it. */
const filledIn: Rule = (object) => {
  const { live, former, planned } = object;
  const going = goingOf(object);
  if (!going || !live || !former || !['Secret', 'ConfigMap'].includes(planned.ref.kind)) return [];
  const parts = ['data', 'binaryData', 'stringData'];
  const own = new Set(parts.flatMap((part) => Object.keys(recordAt(former, part))));
  const keys = parts.flatMap((part) => Object.keys(recordAt(live, part))).filter((key) => !own.has(key));
  if (keys.length === 0) return [];
  const why = `what others wrote into it (${keys.join(', ')}) comes back only where the deploy itself fails`;
  return [{ what: going, why }];
};

/** It is the release's from now on, and goes with it: no record tells how it was before. */
const takenOver: Rule = ({ planned: { action }, desired, live, former }) =>
  action === 'apply' && live && !former && !ownerOf(live) && desired && !isToStay(desired) && !isToStay(live)
    ? [{ what: 'is taken over', why: 'a rollback of what is deployed then removes it' }]
    : [];

const rules: readonly Rule[] = [
  held,
  remade,
  run,
  claims,
  finalized,
  addresses,
  oneWay,
  reshaped,
  filledIn,
  takenOver,
];
