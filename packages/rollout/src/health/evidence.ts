import { escapeMarkdown, type KubeObject, type KubeRef, type Ports } from '@zakenak/core';
import { numberAt, recordAt, textAt, valueAt } from '../objects/json.ts';
import { describe, refOf } from '../objects/object.ts';
import { readEvents, type SeenEvent, sortEvents } from '../objects/warning-event.ts';
import { findUnbound } from './blockage.ts';
import { podsOf } from './culprit.ts';
import { judgeHealth } from './health.ts';
import { containerStatuses } from './health-pod.ts';

/** What was seen of a failed object before anything was put back. All texts are redacted. */
export interface Evidence {
  readonly object: string;
  readonly reason: string;
  /** Newest last: `Warning FailedScheduling: 0/1 nodes are available`. */
  readonly events: readonly string[];
  readonly logs: readonly {
    readonly pod: string;
    readonly container: string;
    readonly previous: boolean;
    readonly lines: string;
  }[];
}

type EvidencePorts = Pick<Ports, 'kube' | 'redactor'>;

const mostEvents = 20;
const mostPods = 3;
const tailLines = 50;
/** A kubelet that does not answer holds no rollback up. */
const logPatienceMs = 5_000;

/** Gathers reason, events and the last log lines of the failing containers. What cannot be read is left out: evidence never hides the failure. */
export async function collectEvidence(ref: KubeRef, reason: string, ports: EvidencePorts): Promise<Evidence> {
  const object = await quietly(() => ports.kube.get(ref));
  const pods = object ? await failingPods(object, ports) : [];
  const claims = await Promise.all(pods.map((pod) => quietly(() => findUnbound(pod, ports))));
  const owners = object ? await owned(object, ports) : [];
  const subjects = [ref, ...owners, ...pods.map(refOf), ...claims.flatMap((refs) => refs ?? [])];
  const events = await Promise.all(subjects.map((subject) => quietly(() => readEvents(subject, ports))));
  const logs = await Promise.all(pods.map((pod) => logsOf(pod, ports)));
  const { redact } = ports.redactor;
  return {
    object: describe(ref),
    reason: redact(reason),
    events: eventLines(events.flatMap((seen) => seen ?? [])).map(redact),
    logs: logs.flat().map((log) => ({ ...log, lines: redact(log.lines) })),
  };
}

/** Evidence as Markdown: reason, events and logs in foldable blocks. */
export function renderEvidence(evidence: Evidence): string {
  const blocks = [`**${evidence.object}**: ${escapeMarkdown(evidence.reason.replace(/\s+/g, ' '))}`];
  if (evidence.events.length > 0) blocks.push(fold('Events', evidence.events.join('\n')));
  for (const { pod, container, previous, lines } of evidence.logs)
    blocks.push(fold(`Last lines of ${pod}/${container}${previous ? ' (previous run)' : ''}`, lines));
  return blocks.join('\n\n');
}

/** Evidence for a terminal. */
export function renderEvidenceText(evidence: Evidence): string {
  const lines = [`evidence of ${evidence.object}`, ...evidence.events.map((event) => `  ${event}`)];
  for (const { pod, container, previous, lines: text } of evidence.logs)
    lines.push(
      `  last lines of ${pod}/${container}${previous ? ' (previous run)' : ''}:`,
      ...text.split('\n').map((line) => `  | ${line}`),
    );
  return lines.join('\n');
}

function fold(title: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `<details><summary>${title}</summary>\n\n${fence}\n${text}\n${fence}\n\n</details>`;
}

async function failingPods(object: KubeObject, ports: EvidencePorts): Promise<readonly KubeObject[]> {
  const pods = object.kind === 'Pod' ? [object] : ((await quietly(() => podsOf(object, ports))) ?? []);
  return pods.filter((pod) => judgeHealth(pod).state !== 'ready').slice(0, mostPods);
}

/** ReplicaSets hold the events about pods that could not be made. */
async function owned(object: KubeObject, ports: EvidencePorts): Promise<readonly KubeRef[]> {
  if (object.kind !== 'Deployment') return [];
  const { namespace = '' } = object.metadata;
  const labels = Object.entries(recordAt(object, 'spec', 'selector', 'matchLabels'));
  const labelSelector = labels.map(([key, value]) => `${key}=${value}`).join(',');
  const found = await quietly(() =>
    ports.kube.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet', namespace, labelSelector }),
  );
  return (found?.items ?? []).slice(-mostPods).map(refOf);
}

/** Newest last; what a pod's warnings say is worth more than that many pods were made. */
function eventLines(events: readonly SeenEvent[]): readonly string[] {
  const lines = sortEvents(events).map(
    ({ ref, type, reason, message }) => `${ref.kind} ${ref.name}: ${type} ${reason}: ${message}`,
  );
  return [...new Set(lines)].slice(-mostEvents);
}

async function logsOf(pod: KubeObject, ports: EvidencePorts): Promise<Evidence['logs']> {
  const statuses = containerStatuses(pod);
  const failing = statuses.filter(isFailing);
  const logs = (failing.length > 0 ? failing : statuses).map((status) => containerLogs(pod, status, ports));
  return (await Promise.all(logs)).flat();
}

/** A container beside the failing one has nothing to say about it. */
function isFailing(status: unknown): boolean {
  const ended = valueAt(status, 'state', 'terminated') !== undefined;
  return ended ? numberAt(status, 0, 'state', 'terminated', 'exitCode') !== 0 : !valueAt(status, 'ready');
}

async function containerLogs(
  pod: KubeObject,
  status: unknown,
  { kube }: EvidencePorts,
): Promise<Evidence['logs']> {
  const { name, namespace = '' } = pod.metadata;
  const container = textAt(status, 'name');
  const read = async (previous: boolean): Promise<string> => {
    const at = { namespace, pod: name, container, previous, tailLines };
    const text = await quietly(() => kube.logs(at, AbortSignal.timeout(logPatienceMs)));
    return text?.trimEnd() ?? '';
  };
  const before = numberAt(status, 0, 'restartCount') > 0 ? await read(true) : '';
  const now = await read(false);
  // While a container waits for its next start the kubelet answers both with the same run.
  return [
    ...(before ? [{ pod: name, container, previous: true, lines: before }] : []),
    ...(now && now !== before ? [{ pod: name, container, previous: false, lines: now }] : []),
  ];
}

async function quietly<T>(body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch {
    return undefined;
  }
}
