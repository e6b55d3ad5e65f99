import { type KubeObject, type KubeRef, KubeStatusError, type Ports } from '@zakenak/core';
import { tryApply } from '../fields/claimed-fields.ts';
import { type FieldWriter, isMadeByOthers, writerOf } from '../fields/field-writer.ts';
import { foreignFields, leavingFields } from '../fields/foreign-fields.ts';
import { isApplied } from '../fields/is-applied.ts';
import type { LiveObjects } from '../fields/live-objects.ts';
import { fieldManager, type Owner, ownerOf, sameOwner } from '../fields/ownership.ts';
import { refilledFields } from '../fields/remove-fields.ts';
import { strayFields } from '../fields/server-fields.ts';
import type { Tolerance } from '../fields/tolerance.ts';
import { type StayingField, withWhatStays } from '../fields/what-stays.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { dataKinds } from '../objects/data-kinds.ts';
import { differencesOf, type FieldDifference, showDifference } from '../objects/diff.ts';
import { endedByItself, removesItself } from '../objects/ended-job.ts';
import { type FieldPath, pathText, pointerText, valueAtPath } from '../objects/field-path.ts';
import { refOf } from '../objects/object.ts';
import { isSilentApi, isUnserved, whyUnserved } from '../objects/unserved.ts';
import { isImmutable } from '../plan/dry-run.ts';

/** `unknown`: it could not be compared, which is never in sync. */
export type DriftState = 'in-sync' | 'drifted' | 'unknown';

/** A field that is not as it was deployed. Values are text, already masked; absent: the field is not there. */
export interface DriftedField {
  readonly path: string;
  /** JSON pointer, as an ignore rule takes it. */
  readonly pointer: string;
  readonly deployed?: string;
  readonly found?: string;
  readonly writer?: FieldWriter;
  /** The rule by which it is left alone; absent: it counts. */
  readonly rule?: string;
  /** What besides the release sets it, though its present value counts: an autoscaler, and what that would leave. */
  readonly steeredBy?: string;
}

/** How one object of a deployed revision stands. */
export interface ObjectDrift {
  readonly ref: KubeRef;
  readonly state: DriftState;
  /** What is the matter besides single fields, one phrase; '' where nothing is. */
  readonly reason: string;
  /** What differs and counts. */
  readonly fields: readonly DriftedField[];
  /** What differs and is left alone. */
  readonly ignored: readonly DriftedField[];
  /** How it can be put back; absent where there is nothing to put back, or no way. */
  readonly cure?: 'create' | 'apply' | 'recreate';
  /** Fields that nobody deployed, to be taken away. */
  readonly foreign: readonly FieldPath[];
  /** Fields that are left as they are in the cluster. */
  readonly kept: readonly FieldPath[];
  readonly desired: KubeObject;
  readonly live?: KubeObject;
}

/** Whose object is compared, and by which rules. */
export interface DriftContext {
  readonly owner: Owner;
  readonly kinds: Kinds;
  readonly tolerance: Tolerance;
  /** What is there. */
  readonly live: LiveObjects;
}

type DriftPorts = Pick<Ports, 'kube' | 'redactor'>;

/**
 * Compares a deployed object with the cluster: by its managed fields where they prove that it is the same, else by a server-side apply as dry run that takes every
 * field, so that defaults, quantities and webhooks are the server's. Whatever keeps it from being compared is `unknown`. Nothing is written.
 */
export async function compareObject(
  desired: KubeObject,
  context: DriftContext,
  ports: DriftPorts,
  signal?: AbortSignal,
): Promise<ObjectDrift> {
  const ref = refOf(desired);
  const base = { ref, desired, reason: '', fields: [], ignored: [], foreign: [], kept: [] } as const;
  if (!context.kinds.find(desired))
    return { ...base, state: 'unknown', reason: await whyUnserved(ref, ports) };
  let live: KubeObject | undefined;
  try {
    // A list finds only what bears Helm's label, which may be what was taken away.
    live = (await context.live.find(ref, signal)) ?? (await ports.kube.get(ref, signal));
    if (!live) return judgeMissing(base, context);
    const other = ownerOf(live);
    if (other && !sameOwner(other, context.owner))
      return {
        ...base,
        live,
        state: 'drifted',
        reason: `it belongs to the release ${other.namespace}/${other.name}`,
      };
    if (live.metadata.deletionTimestamp)
      return { ...base, live, state: 'drifted', reason: 'it is being deleted' };
    if (isApplied(desired, live)) return await judgeFields(base, live, live, context, ports, signal);
    const stays = withWhatStays(desired, live);
    const sought = stays?.object ?? desired;
    const isInTheWay = leavingFields(sought, live, sought).size > 0;
    const wanted =
      isInTheWay || strayFields(sought, live)
        ? await tryApply(sought, live, { force: true, former: sought }, ports, signal)
        : await ports.kube.apply(sought, { fieldManager, dryRun: true, force: true }, signal);
    const found = live;
    const ignored = (stays?.fields ?? []).map((field) => stayingField(field, ref, found, ports));
    return await judgeFields({ ...base, ignored }, live, wanted, context, ports, signal);
  } catch (error) {
    return judgeError({ ...base, ...(live ? { live } : {}) }, error, context, ports);
  }
}

type Base = Omit<ObjectDrift, 'state' | 'cure'>;

function judgeMissing(base: Base, { owner, tolerance }: DriftContext): ObjectDrift {
  const whole = { path: [], before: undefined, after: base.desired };
  const rule = removesItself(base.desired)
    ? endedByItself
    : tolerance.ruleFor({ release: owner.name, ref: base.ref }, whole, undefined);
  if (rule === undefined) return { ...base, state: 'drifted', reason: 'it is gone', cure: 'create' };
  return { ...base, state: 'in-sync', ignored: [{ path: '', pointer: '', rule }], kept: [[]] };
}

async function judgeFields(
  base: Base,
  live: KubeObject,
  wanted: KubeObject,
  { owner, tolerance }: DriftContext,
  ports: DriftPorts,
  signal?: AbortSignal,
): Promise<ObjectDrift> {
  const subject = { release: owner.name, ref: base.ref };
  const judge = (difference: FieldDifference) => {
    const rule = tolerance.ruleFor(subject, difference, live);
    const writer = writerOf(live, difference.path);
    const master = rule === undefined ? tolerance.masterOf?.(subject, difference.path) : undefined;
    const field = fieldOf(difference, base.ref, writer, rule, ports);
    return { path: difference.path, field: master ? { ...field, steeredBy: master } : field };
  };
  const changed = differencesOf(live, wanted).map(judge);
  const added = foreignFields(live, base.desired)
    .filter(({ path }) => !changed.some((other) => pathText(other.path) === pathText(path)))
    .map(({ path, value }) => judge({ path, before: value, after: undefined }));
  const counted = added.filter(({ field }) => field.rule === undefined).map(({ path }) => path);
  const refilled = await refilledFields(live, counted, ports, signal);
  const foreign = added.filter(({ path }) => !refilled.has(pathText(path)));
  const [left, counting] = [
    [...changed, ...foreign].filter(({ field }) => field.rule !== undefined),
    [...changed, ...foreign].filter(({ field }) => field.rule === undefined),
  ];
  const reason = isMadeByOthers(live) ? 'it was replaced by another object' : '';
  const isDrifted = counting.length > 0 || reason !== '';
  return {
    ...base,
    live,
    reason,
    state: isDrifted ? 'drifted' : 'in-sync',
    fields: counting.map(({ field }) => field),
    ignored: [...base.ignored, ...left.map(({ field }) => field)],
    foreign: foreign.filter(({ field }) => field.rule === undefined).map(({ path }) => path),
    kept: left.map(({ path }) => path),
    ...(isDrifted ? { cure: 'apply' as const } : {}),
  };
}

/** What the server lets nobody take back is no drift that could be put back. */
function stayingField(
  { path, rule, wanted }: StayingField,
  ref: KubeRef,
  live: KubeObject,
  ports: DriftPorts,
): DriftedField {
  const difference = { path, before: valueAtPath(live, path), after: wanted };
  return fieldOf(difference, ref, writerOf(live, path), rule, ports);
}

function fieldOf(
  difference: FieldDifference,
  { kind }: KubeRef,
  writer: FieldWriter | undefined,
  rule: string | undefined,
  { redactor }: DriftPorts,
): DriftedField {
  const { before: found, after: deployed } = showDifference(kind, difference, redactor);
  return {
    path: pathText(difference.path),
    pointer: pointerText(difference.path),
    ...(deployed === undefined ? {} : { deployed }),
    ...(found === undefined ? {} : { found }),
    ...(writer ? { writer } : {}),
    ...(rule === undefined ? {} : { rule }),
  };
}

function judgeError(base: Base, error: unknown, context: DriftContext, ports: DriftPorts): ObjectDrift {
  if (!(error instanceof KubeStatusError || isUnserved(error) || isSilentApi(error))) throw error;
  const message = ports.redactor.redact(error.message);
  const { live, desired } = base;
  if (!live || !isImmutable(error) || dataKinds.has(base.ref.kind))
    return { ...base, state: 'unknown', reason: message };
  // The server does not say what would come of it: only what was asked for is compared.
  const fields = differencesOf(live, desired).filter(({ after }) => after !== undefined);
  const judged = fields.map((field) =>
    fieldOf(
      field,
      base.ref,
      writerOf(live, field.path),
      context.tolerance.ruleFor({ release: context.owner.name, ref: base.ref }, field, live),
      ports,
    ),
  );
  return {
    ...base,
    state: 'drifted',
    reason: `a field of it cannot be changed in place: ${message}`,
    fields: judged.filter(({ rule }) => rule === undefined),
    ignored: judged.filter(({ rule }) => rule !== undefined),
    cure: 'recreate',
  };
}
