import { type KubeObject, KubeStatusError } from '@zakenak/core';
import { requestOf } from '../errors.ts';
import { Halted, ReleaseFailure } from '../failure.ts';
import { collectEvidence, type Evidence } from '../health/evidence.ts';
import { dataKinds } from '../objects/data-kinds.ts';
import type { PreparedObject } from '../plan/dry-run.ts';
import { deletionInProgress, takenOver } from '../plan/helm-at-work.ts';
import { hookEvents, runsTests } from '../plan/plan-rollout.ts';
import type { PreparedRelease } from '../plan/prepared.ts';
import { nextRevisionOf } from '../plan/revision.ts';
import type { HookEvent } from '../render/hook.ts';
import { lookInto } from '../state/damaged-record.ts';
import type { HelmRecord } from '../state/helm-record.ts';
import { type HelmHook, isPending } from '../state/helm-release.ts';
import {
  createRecord,
  labelRecord,
  newest,
  removedBy,
  settleHistory,
  standing,
  updateRecord,
} from '../state/helm-storage.ts';
import { aboutRelease } from '../wait/release-progress.ts';
import { waitReady } from '../wait/wait.ts';
import { applyStages, establish, removeStages } from './apply-stages.ts';
import { waitForGpus } from './gpu-gate.ts';
import { explainByNamespace } from './lost-namespaces.ts';
import type { RunContext } from './run-context.ts';
import { type EndedHooks, removeFormerHooks, runHooks } from './run-hooks.ts';

/** A failure with what was seen at the time. */
export interface FailedRelease {
  readonly release: string;
  readonly failure: ReleaseFailure;
  readonly evidence?: Evidence;
}

/**
 * Carries out one release's plan: record, definitions, hooks, objects in Helm's order, pruning, readiness, hooks, record. A release that needs nothing
 * is only waited for. Throws ReleaseFailure after the record says `failed`; `onFailure` is called first, while everything is still there to be looked at.
 */
export async function runRelease(
  prepared: PreparedRelease,
  base: RunContext,
  onFailure: (failed: FailedRelease) => void,
): Promise<void> {
  const { rendered, planned } = prepared;
  const context = {
    ...aboutRelease(rendered.name, base),
    isRollback: planned.action === 'rollback',
  };
  const fail = async (failure: ReleaseFailure): Promise<void> => {
    const evidence = failure.ref && (await collectEvidence(failure.ref, failure.message, context.ports));
    onFailure({ release: rendered.name, failure, ...(evidence ? { evidence } : {}) });
  };
  context.ports.progress.emit({ stage: 'apply', subject: rendered.name, state: 'started' });
  let record: HelmRecord | undefined;
  let reported = false;
  const failOnce = async (failure: ReleaseFailure): Promise<void> => {
    if (!reported) await fail(failure);
    reported = true;
  };
  try {
    checkSignal(context);
    if (rendered.gpu) await waitForGpus(prepared, rendered.gpu, context);
    if (planned.action === 'noop') {
      const deployed = newest(prepared.history, 'deployed');
      if (deployed && context.resumed?.has(rendered.name))
        await settleHistory(prepared.history, deployed, context);
      await waitReady(rendered.name, liveObjects(prepared.objects), rendered.timeoutMs, context);
    } else if (planned.action === 'correct') {
      const applied = await applyStages(rendered, prepared.objects, context);
      await waitReady(rendered.name, applied, rendered.timeoutMs, context);
    } else {
      record = await beginRevision(prepared, context);
      const endedHooks = followHooks(record, prepared, context, (now) => {
        record = now;
      });
      const hooks = await applyRelease(prepared, { ...context, endedHooks }, failOnce);
      await finishRevision(prepared, record, hooks, context);
    }
    context.ports.progress.emit({ stage: 'apply', subject: rendered.name, state: 'done' });
  } catch (thrown) {
    // Where the release was still to make its namespace, that there is none explains nothing.
    const isThere = !planned.createsNamespace || base.namespaces.has(rendered.namespace);
    const error = isThere ? await explainByNamespace(thrown, rendered.namespace, context.ports) : thrown;
    if (!(error instanceof ReleaseFailure || error instanceof Halted)) throw error;
    if (error instanceof ReleaseFailure) await failOnce(error);
    const description = `${done[planned.action].split(' ')[0]} failed: ${context.ports.redactor.redact(error.message)}`;
    // What could not go stays `uninstalling`, as with Helm: the next run goes on with it, and a rollback knows that it was begun.
    if (record && planned.action !== 'uninstall')
      await updateRecord(
        record,
        { status: 'failed', description: description.slice(0, 1_000) },
        context.ports,
      ).catch(async (failure: unknown) => {
        // The record went with its namespace, which has been told or is the end of others.
        const cause = await explainByNamespace(failure, rendered.namespace, context.ports);
        if (!(cause instanceof ReleaseFailure)) throw failure;
      });
    context.ports.progress.emit({
      stage: 'apply',
      subject: rendered.name,
      state: error instanceof Halted ? 'skipped' : 'failed',
      message: error.message,
    });
    throw error;
  }
}

/** Writes that are under way are let finish; the next one is not begun. */
export function checkSignal({ signal }: { readonly signal: AbortSignal }): void {
  if (signal.aborted) throw signal.reason;
}

async function beginRevision(prepared: PreparedRelease, context: RunContext): Promise<HelmRecord> {
  const { rendered, planned, history, target, recorded } = prepared;
  const { ports } = context;
  if (planned.createsNamespace) await ensureNamespace(rendered.namespace, context);
  const going = planned.action === 'uninstall' ? standing(history) : undefined;
  for (const stale of history.filter((record) => isPending(record.status) && record !== going)) {
    const remark = takenOver(stale, ports.clock.now(), context);
    if (remark) context.warn?.(remark);
    const description = 'Interrupted; taken up again by zakenak';
    // Of a record that cannot be read nobody knows what it ran.
    const { value: former = [] } = lookInto(stale, ({ hooks }) => hooks ?? []);
    await removeFormerHooks(
      { ...rendered, kinds: context.kinds },
      [...eventsOf(planned), 'test'],
      former,
      context,
    );
    await updateRecord(stale, { status: 'failed', description }, ports);
  }
  if (going) return beginRemoval(prepared, going, context);
  const { chart } = recorded ?? rendered;
  const revision = { ...nextRevisionOf({ rendered, history, target }, ports.clock.now()), chart };
  const { set, rollout } = context;
  const { needs, timeoutMs, inputs } = rendered;
  // What goes back has other needs than it asked for: they are turned round.
  const asked = target ? rendered.asked : { needs, timeoutMs };
  return createRecord(revision, { set, rollout, inputs, asked }, ports);
}

/** The revision of a release that goes. What was deployed bears the rollout that removes it: taking that one back brings the release back. */
async function beginRemoval(
  { history, triedSince }: PreparedRelease,
  going: HelmRecord,
  { rollout, ports }: RunContext,
): Promise<HelmRecord> {
  const isBegun = going.status === 'uninstalling';
  if (isBegun && (triedSince !== undefined || removedBy(history) === rollout)) return going;
  const by = triedSince === undefined ? { removedBy: rollout } : {};
  return updateRecord(going, { status: 'uninstalling', description: deletionInProgress }, ports, by);
}

/** Events whose hooks have all ended, told by a label of the record that is under way: by `<rollout>.<digest of the hooks>`. */
function followHooks(
  begun: HelmRecord,
  { history }: PreparedRelease,
  { rollout, ports }: RunContext,
  onChange: (record: HelmRecord) => void,
): EndedHooks {
  const labelOf = (event: HookEvent): string => `zakenak.dev/ended-${event}`;
  let record = begun;
  return {
    has: (event, hooks) =>
      [...history, record].some(
        ({ secret }) => secret.metadata.labels?.[labelOf(event)] === `${rollout}.${hooks}`,
      ),
    async add(event, hooks) {
      record = await labelRecord(record, { [labelOf(event)]: `${rollout}.${hooks}` }, ports);
      onChange(record);
    },
  };
}

/** Created once in a run, and never applied: an apply by the same manager would take away what a Namespace object of the set has put there meanwhile. */
function ensureNamespace(name: string, { ports: { kube }, namespaces }: RunContext): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  const making =
    namespaces.get(name) ??
    requestOf(`Creating namespace ${name}`, async () => {
      try {
        await kube.create(namespace, { fieldManager: 'helm' });
      } catch (error) {
        if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
      }
    });
  namespaces.set(name, making);
  return making;
}

/** The events whose hooks run before and after the release's objects. */
function eventsOf({ action }: PreparedRelease['planned']): readonly [HookEvent, HookEvent] {
  return hookEvents(action === 'noop' || action === 'correct' ? 'upgrade' : action);
}

async function applyRelease(
  { rendered, planned, crds, objects }: PreparedRelease,
  context: RunContext & { readonly endedHooks: EndedHooks },
  fail: (failure: ReleaseFailure) => Promise<void>,
): Promise<readonly HelmHook[]> {
  const owner = { ...rendered, kinds: context.kinds };
  const [before, after] = eventsOf(planned);
  await establish(rendered, crds, context);
  const afterPre = await runHooks(owner, before, context, fail);
  const applied = await applyStages(rendered, objects, context);
  const removed = objects.filter(
    ({ planned }) => planned.action === 'delete' && !dataKinds.has(planned.ref.kind),
  );
  await removeStages(rendered, removed, context);
  await waitReady(rendered.name, applied, rendered.timeoutMs, context);
  const afterPost = await runHooks({ ...owner, hooks: afterPre }, after, context, fail);
  if (!runsTests(planned.action, rendered)) return afterPost;
  return runHooks({ ...owner, hooks: afterPost }, 'test', context, fail);
}

/** Helm's own words (helm: pkg/action). */
const done: Readonly<Record<PreparedRelease['planned']['action'], string>> = {
  install: 'Install complete',
  upgrade: 'Upgrade complete',
  rollback: 'Rollback complete',
  uninstall: 'Uninstallation complete',
  correct: 'Correction complete',
  noop: '',
};

async function finishRevision(
  { planned, history }: PreparedRelease,
  record: HelmRecord,
  hooks: readonly HelmHook[],
  context: RunContext,
): Promise<void> {
  const { ports } = context;
  if (planned.action === 'uninstall') {
    const deleted = ports.clock.now().toISOString();
    await updateRecord(record, { status: 'uninstalled', description: done.uninstall, deleted }, ports);
    return;
  }
  const description = planned.action === 'rollback' ? {} : { description: done[planned.action] };
  // Before the former one is superseded: there is a deployed revision at any moment, and the next run an upgrade.
  const deployed = await updateRecord(record, { status: 'deployed', ...description }, ports, { hooks });
  await settleHistory(history, deployed, context);
}

function liveObjects(objects: readonly PreparedObject[]): readonly KubeObject[] {
  return objects.flatMap(({ planned, live }) => (live && planned.action !== 'keep' ? [live] : []));
}
