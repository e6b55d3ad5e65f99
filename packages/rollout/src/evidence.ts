import { escapeMarkdown, type KubeObject, type KubeRef, type Ports } from '@zakenak/core';
import { podsOf } from './culprit.ts';
import { judgeHealth } from './health.ts';
import { containerStatuses } from './health-pod.ts';
import { numberAt, recordAt, textAt } from './json.ts';
import { describe, refOf } from './object.ts';

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

/** Gathers reason, events and the last log lines of the failing containers. What cannot be read is left out: evidence never hides the failure. */
export async function collectEvidence(ref: KubeRef, reason: string, ports: EvidencePorts): Promise<Evidence> {
  const object = await quietly(() => ports.kube.get(ref));
  const pods = object ? await failingPods(object, ports) : [];
  const subjects = [ref, ...pods.map(refOf), ...(object ? await owned(object, ports) : [])];
  const events = await Promise.all(subjects.map((subject) => eventsOf(subject, ports)));
  const logs = await Promise.all(pods.map((pod) => logsOf(pod, ports)));
  const { redact } = ports.redactor;
  return {
    object: describe(ref),
    reason: redact(reason),
    events: [...new Set(events.flat())].slice(-mostEvents).map(redact),
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

async function eventsOf(ref: KubeRef, ports: EvidencePorts): Promise<readonly string[]> {
  const fieldSelector = `involvedObject.kind=${ref.kind},involvedObject.name=${ref.name}`;
  const selector = { apiVersion: 'v1', kind: 'Event', namespace: ref.namespace ?? 'default', fieldSelector };
  const found = await quietly(() => ports.kube.list(selector));
  const timeOf = (event: KubeObject): string => textAt(event, 'lastTimestamp') || textAt(event, 'eventTime');
  return [...(found?.items ?? [])]
    .sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
    .map(
      (event) =>
        `${ref.kind} ${ref.name}: ${textAt(event, 'type')} ${textAt(event, 'reason')}: ${textAt(event, 'message')}`,
    );
}

async function logsOf(pod: KubeObject, ports: EvidencePorts): Promise<Evidence['logs']> {
  const { name, namespace = '' } = pod.metadata;
  const logs = containerStatuses(pod).map(async (status) => {
    const container = textAt(status, 'name');
    const previous = numberAt(status, 0, 'restartCount') > 0;
    const read = (former: boolean): Promise<string | undefined> =>
      quietly(() => ports.kube.logs({ namespace, pod: name, container, previous: former, tailLines }));
    const before = previous ? await read(true) : undefined;
    const lines = before || (await read(false));
    return lines ? [{ pod: name, container, previous: Boolean(before), lines: lines.trimEnd() }] : [];
  });
  return (await Promise.all(logs)).flat();
}

async function quietly<T>(body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch {
    return undefined;
  }
}
