import type { KubeObject } from '@zakenak/core';
import { conditionOf, type Health } from '../objects/condition.ts';
import { listAt, numberAt, textAt, valueAt } from '../objects/json.ts';

/** Waiting reasons that do not pass by themselves. */
const hopeless = new Set([
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);
// One crash may be a race at the start; the kubelet's second back-off is not. Memory that was too little twice stays too little.
const crashesEndured = 2;
const memoryCrashesEndured = 1;
// Two and a half minutes of trying: a database takes less than that.
const crashesBesideOthers = 5;
// It looks at what it has put off every ten to fifteen seconds.
const restartMs = 20_000;

/**
 * A pod by its phase and containers (Argo CD's rules: a failed pod is a failure, not an end; one that is not restarted for ever has to come to its end).
 */
export function judgePod(pod: KubeObject): Health {
  const phase = textAt(pod, 'status', 'phase');
  if (phase === 'Succeeded') return { state: 'ready', reason: 'succeeded' };
  if (phase === 'Failed')
    return {
      state: 'failed',
      reason: textAt(pod, 'status', 'message') || lastWords(pod) || 'the pod failed',
    };
  const stuck = stuckContainer(pod);
  if (stuck) return stuck;
  if (conditionOf(pod, 'Ready')?.status === 'True')
    return endsByItself(pod)
      ? { state: 'progressing', reason: 'it runs and has not ended yet' }
      : { state: 'ready', reason: 'ready' };
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False')
    return { state: 'progressing', reason: `not scheduled: ${scheduled.message.replace(/\.$/, '')}` };
  return {
    state: 'progressing',
    reason:
      waitingReason(pod) ||
      lastWords(pod) ||
      untaken(pod) ||
      conditionOf(pod, 'Initialized')?.message ||
      conditionOf(pod, 'Ready')?.message ||
      `phase ${phase || 'unknown'}`,
  };
}

/** All container states of a pod: init containers first. */
export function containerStatuses(pod: KubeObject): readonly unknown[] {
  return [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')];
}

/** Pods of hooks, mostly; of a workload every pod is always restarted. */
function endsByItself(pod: KubeObject): boolean {
  return ['Never', 'OnFailure'].includes(textAt(pod, 'spec', 'restartPolicy'));
}

function stuckContainer(pod: KubeObject): Health | undefined {
  for (const status of containerStatuses(pod)) {
    const reason = textAt(status, 'state', 'waiting', 'reason');
    const name = textAt(status, 'name');
    const message = textAt(status, 'state', 'waiting', 'message');
    if (hopeless.has(reason)) return { state: 'failed', reason: `container ${name}: ${reason}: ${message}` };
    const end = lastEnd(status);
    const endured = end.startsWith('OOMKilled') ? memoryCrashesEndured : crashesEndured;
    if (reason === 'CrashLoopBackOff' && numberAt(status, 0, 'restartCount') >= endured)
      return {
        state: 'failed',
        reason: `container ${name}: CrashLoopBackOff: ${end || (endedWell(status) ? 'it ends by itself, again and again (exit code 0)' : message)}`,
      };
  }
  return undefined;
}

/** True for a pod of which a container has ended badly, the last time or the time before. */
export function hasCrashed(pod: KubeObject): boolean {
  return lastWords(pod) !== '';
}

/** True for a pod that only lacks a ConfigMap or Secret that its containers take: it goes on by itself when somebody makes that. */
export function lacksInput(pod: KubeObject): boolean {
  return isStuckBy(
    pod,
    (status) =>
      textAt(status, 'state', 'waiting', 'reason') === 'CreateContainerConfigError' &&
      /not found|couldn't find key/.test(textAt(status, 'state', 'waiting', 'message')),
  );
}

/** True for a pod that has crashed less than five times, and not for want of memory: what it needs may be on its way yet. */
export function mayLackOthers(pod: KubeObject): boolean {
  return isStuckBy(
    pod,
    (status) =>
      textAt(status, 'state', 'waiting', 'reason') === 'CrashLoopBackOff' &&
      numberAt(status, 0, 'restartCount') < crashesBesideOthers &&
      !lastEnd(status).startsWith('OOMKilled'),
  );
}

/**
 * Milliseconds until the kubelet has tried a crashing pod once more: it waits ten seconds, twice as long each time, five minutes at most (kubernetes: pkg/kubelet/kubelet.go). 0 where that is past, or not told.
 */
export function untilTriedMs(pod: KubeObject, nowMs: number): number {
  const due = containerStatuses(pod).map((status) => {
    const endedAt = Date.parse(textAt(status, 'lastState', 'terminated', 'finishedAt'));
    const waits = Math.min(10_000 * 2 ** (numberAt(status, 1, 'restartCount') - 1), 300_000);
    return Number.isNaN(endedAt) ? 0 : endedAt + waits + restartMs - nowMs;
  });
  return Math.max(0, ...due);
}

function isStuckBy(pod: KubeObject, isCause: (status: unknown) => boolean): boolean {
  const stuck = containerStatuses(pod).filter((status) => {
    const reason = textAt(status, 'state', 'waiting', 'reason');
    return hopeless.has(reason) || reason === 'CrashLoopBackOff';
  });
  return stuck.length > 0 && stuck.every(isCause);
}

function waitingReason(pod: KubeObject): string {
  for (const status of containerStatuses(pod)) {
    const reason = textAt(status, 'state', 'waiting', 'reason');
    if (reason === '' || reason === 'PodInitializing') continue;
    const end = reason === 'CrashLoopBackOff' ? lastEnd(status) : '';
    return `container ${textAt(status, 'name')}: ${reason}${end && `: ${end}`}`;
  }
  return '';
}

/** A kubelet that lives tells of a pod of its node within a second. */
function untaken(pod: KubeObject): string {
  const node = textAt(pod, 'spec', 'nodeName');
  const isTold = containerStatuses(pod).length > 0 || textAt(pod, 'status', 'startTime') !== '';
  return node === '' || isTold ? '' : `node ${node} has not begun with it yet`;
}

/** The first container that ended badly: `container web: OOMKilled (exit code 137)`. */
function lastWords(pod: KubeObject): string {
  for (const status of containerStatuses(pod)) {
    const end = lastEnd(status);
    if (end !== '') return `container ${textAt(status, 'name')}: ${end}`;
  }
  return '';
}

function endedWell(status: unknown): boolean {
  return valueAt(status, 'lastState', 'terminated', 'exitCode') === 0;
}

/** How a container ended last, where it ended badly: `OOMKilled (exit code 137)`. */
function lastEnd(status: unknown): string {
  for (const state of ['state', 'lastState']) {
    const reason = textAt(status, state, 'terminated', 'reason');
    const exit = numberAt(status, 0, state, 'terminated', 'exitCode');
    if (reason !== '' && exit !== 0) return `${reason} (exit code ${exit})`;
  }
  return '';
}
