import {
  createFinding,
  createReport,
  type Finding,
  type KubeRef,
  type Ports,
  type Report,
} from '@zakenak/core';
import type { RunPorts } from '../apply/run-context.ts';
import { rolloutUnfinished } from '../errors.ts';
import { describe, keyOf } from '../objects/object.ts';
import { isNoop } from '../plan/plan.ts';
import { addHeldRules, mindingHeld, removeHeldRules } from '../policy/held-rules.ts';
import type { TransactionOptions } from '../request.ts';
import { statePlaceOf } from '../state/state-place.ts';
import { transact } from '../transaction/transaction.ts';
import type { ComparedRelease } from './compare-releases.ts';
import { type Correction, type CorrectionRequest, prepareCorrection } from './correction.ts';
import type { ObjectDrift } from './drift.ts';
import { describeDrift, driftOutput, driftSection } from './drift-text.ts';
import { holdObject } from './hold-object.ts';

/**
 * What is done about drift. `report`: it is told, and fails the run. `correct`: it is put back as a transaction. `hold`: it is kept: no sync, deploy or rollback moves
 * these fields until they are released.
 */
export type SyncMode = 'report' | 'correct' | 'hold';

/** What is synced. */
export interface SyncRequest extends CorrectionRequest, TransactionOptions {
  readonly mode: SyncMode;
  /** Give up first what earlier runs hold. */
  readonly unhold?: boolean;
}

/** The ports that a sync reaches. */
export type SyncPorts = RunPorts & Pick<Ports, 'kube' | 'redactor' | 'clock'>;

/**
 * Looks for drift once, and does about it what the mode says. A correction runs under the set's lock and journal, waits until everything is ready, and is put
 * back as a whole where it fails; it writes no revision, since what is deployed does not change. Throws ZakenakError `rollout/unfinished` and what a deploy throws.
 */
export async function syncRollout(
  request: SyncRequest,
  ports: SyncPorts,
  signal?: AbortSignal,
): Promise<Report> {
  const whole = mindingHeld(request, ports);
  if (request.unhold) await removeHeldRules(statePlaceOf(request, ports), ports);
  const correction = await prepareCorrection(whole, ports, signal);
  if (request.mode === 'hold') return hold(whole, correction, ports);
  if (request.mode === 'report' || isNoop(correction.prepared.plan))
    return reportDrift(whole, correction, ports);
  return correct(whole, correction, ports, signal);
}

function reportDrift({ set, mode }: SyncRequest, { compared, stuck }: Correction, ports: SyncPorts): Report {
  const now = ports.clock.now();
  const findings = mode === 'correct' ? stuckFindings(stuck, now) : driftFindings(compared, now);
  const missing = compared.length === 0 ? ['Nothing of the set is deployed yet.'] : [];
  return createReport({
    tool: 'sync',
    summary: `${summaryOf(set, compared)}${mode === 'correct' && stuck.length > 0 ? ' None of it can be put back.' : ''}`,
    findings,
    ...detailsOf(set, mode, compared, now),
    caveats: missing,
  });
}

async function hold(
  request: SyncRequest,
  { compared, stuck }: Correction,
  ports: SyncPorts,
): Promise<Report> {
  const { set, mode, holder = 'zakenak' } = request;
  const now = ports.clock.now();
  const why = `since ${now.toISOString()} by ${holder}`;
  const rules = compared.flatMap(({ objects }) => objects.flatMap((object) => holdObject(object, why)));
  if (rules.length > 0) await addHeldRules(rules, statePlaceOf(request, ports), ports);
  const unknown = stuck.filter(({ object }) => object.state === 'unknown');
  return createReport({
    tool: 'sync',
    summary:
      rules.length > 0
        ? `What drifted of ${set} is held: ${rules.length} ${rules.length === 1 ? 'object keeps' : 'objects keep'} it until zakenak sync --unhold.`
        : summaryOf(set, compared),
    findings: stuckFindings(unknown, now),
    ...detailsOf(set, mode, compared, now),
  });
}

async function correct(
  request: SyncRequest,
  first: Correction,
  ports: SyncPorts,
  signal?: AbortSignal,
): Promise<Report> {
  let correction: Correction | undefined;
  const prepare = async () => {
    // Made a moment ago; what comes later is a look after the lock was waited for.
    correction = correction ? await prepareCorrection(request, ports, signal) : first;
    return correction.prepared;
  };
  const approve = (
    _: unknown,
    interrupted:
      | { readonly startedAt: string; readonly releases: readonly { readonly keepsRevision?: true }[] }
      | undefined,
  ): void => {
    if (interrupted?.releases.some(({ keepsRevision }) => !keepsRevision))
      throw rolloutUnfinished(request.set, interrupted.startedAt);
  };
  const report = await transact(
    { ...request, tool: 'sync', verb: 'sync', look: async () => prepare, approve },
    ports,
    signal,
  );
  const { compared, stuck } = correction ?? first;
  const now = ports.clock.now();
  const isCorrected = report.verdict === 'passed' || report.verdict === 'simulated';
  const fought = isCorrected ? await findFights(request, { compared, stuck }, ports, signal) : [];
  const left = [...stuckFindings(stuck, now), ...fought];
  const { outputs, sections } = detailsOf(request.set, request.mode, compared, now);
  const count =
    compared.flatMap(({ objects }) => objects).filter(({ cure }) => cure).length -
    stuck.filter(({ object }) => object.cure).length;
  const done = `${count} ${count === 1 ? 'object was' : 'objects were'} put back`;
  return {
    ...report,
    verdict: isCorrected && left.length > 0 ? 'failed' : report.verdict,
    summary: isCorrected ? `${done}${remains(stuck.length, fought.length).join('')}.` : report.summary,
    findings: [...report.findings, ...left],
    outputs: { ...report.outputs, ...outputs },
    sections: [...sections, ...report.sections],
  };
}

function remains(stuck: number, fought: number): readonly string[] {
  if (stuck + fought === 0) return [', and everything is ready'];
  return [
    ...(stuck > 0 ? [`; ${stuck} cannot be`] : []),
    ...(fought > 0 ? [`; ${fought} ${fought === 1 ? 'is' : 'are'} changed again already`] : []),
  ];
}

/** What was put back and is changed again by now. A watch looks at it itself. */
async function findFights(
  request: SyncRequest,
  { compared, stuck }: Pick<Correction, 'compared' | 'stuck'>,
  ports: SyncPorts,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  if (request.only) return [];
  const left = new Set(stuck.map(({ object }) => keyOf(object.ref)));
  const cured = compared.flatMap(({ objects }) => objects.filter(({ cure }) => cure));
  const put = new Set(cured.map(({ ref }) => keyOf(ref)).filter((key) => !left.has(key)));
  const only = (ref: KubeRef): boolean => put.has(keyOf(ref));
  const again = await prepareCorrection({ ...request, only }, ports, signal);
  const now = ports.clock.now();
  return again.compared.flatMap(({ rendered, objects }) =>
    objects.flatMap((drift) => (drift.cure ? [foughtOver(rendered.name, drift, 1, now)] : [])),
  );
}

/** The finding of an object that somebody changed again after it was put back. */
export function foughtOver(release: string, drift: ObjectDrift, rounds: number, now: Date): Finding {
  const managers = new Set(drift.fields.flatMap(({ writer }) => writer?.manager ?? []));
  const writers = [...managers].join(', ') || 'somebody';
  const times = rounds === 1 ? '' : ` ${rounds} times`;
  return createFinding({
    ruleId: 'rollout/fought-over',
    severity: 'high',
    message: `${release}: ${describe(drift.ref)}: ${writers} changed it again after it was put back${times}: ${describeDrift(drift, now)}.`,
    identity: keyOf(drift.ref),
    remedy: 'Stop the one that is named, or leave the fields to it by a drift.ignore rule in zakenak.yaml.',
    tool: 'zakenak',
  });
}

type Compared = Pick<ComparedRelease, 'objects'> & { readonly rendered: { readonly name: string } };

/** How the set stands, in a sentence. */
export function summaryOf(set: string, compared: readonly Compared[]): string {
  const objects = compared.flatMap((release) => release.objects);
  const count = (state: string): number => objects.filter((object) => object.state === state).length;
  const [drifted, unknown] = [count('drifted'), count('unknown')];
  if (drifted + unknown === 0) return `All ${objects.length} objects of ${set} are as they were deployed.`;
  const doubt = unknown > 0 ? `; ${unknown} cannot be compared` : '';
  return `${drifted} of ${objects.length} objects of ${set} drifted${doubt}.`;
}

/** Outputs and section of a sync. */
export function detailsOf(set: string, mode: SyncMode, compared: readonly Compared[], now: Date) {
  const named = compared.map(({ rendered, objects }) => ({ name: rendered.name, objects }));
  const section = driftSection(set, named, now);
  return {
    outputs: { set, mode, drift: named.flatMap(({ name, objects }) => driftOutput(name, objects)) },
    sections: section ? [section] : [],
  };
}

/** One finding for each object that drifted or cannot be compared. */
export function driftFindings(compared: readonly Compared[], now: Date): readonly Finding[] {
  return compared.flatMap(({ rendered, objects }) =>
    objects
      .filter(({ state }) => state !== 'in-sync')
      .map((object) =>
        createFinding({
          ruleId: object.state === 'unknown' ? 'rollout/unknown-drift' : 'rollout/drifted',
          severity: 'high',
          message: `${rendered.name}: ${describe(object.ref)}: ${describeDrift(object, now)}.`,
          identity: `${rendered.name} ${describe(object.ref)}`,
          remedy:
            object.state === 'unknown'
              ? 'Mend what keeps the API server from trying the object.'
              : 'Put it back with zakenak sync --mode correct, keep it with --mode hold, or take the change into the chart.',
          tool: 'zakenak',
        }),
      ),
  );
}

function stuckFindings(stuck: Correction['stuck'], now: Date): readonly Finding[] {
  return stuck.map(({ release, object, why }) =>
    createFinding({
      ruleId: object.state === 'unknown' ? 'rollout/unknown-drift' : 'rollout/not-correctable',
      severity: 'high',
      message: `${release}: ${describe(object.ref)}: ${describeDrift(object, now)}; it cannot be put back: ${why}.`,
      identity: `${release} ${describe(object.ref)}`,
      remedy:
        'Make the one that is named let go of it, or leave the field to it by a drift.ignore rule in zakenak.yaml.',
      tool: 'zakenak',
    }),
  );
}
