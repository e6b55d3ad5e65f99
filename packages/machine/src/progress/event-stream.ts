import type {
  Clock,
  EventSink,
  Progress,
  ProgressEvent,
  Redactor,
  RunEvent,
  StepEvent,
  VerdictEvent,
} from '@zakenak/core';

/** The one stream of a run: engines emit into it, sinks hear of it. */
export interface EventStream extends Progress {
  /** Hears of everything from now on. */
  attach(sink: EventSink): void;
  /** The run begins. */
  begin(run: { readonly verb: string; readonly version: string }): void;
  /** The run ended; nothing is passed on afterwards. */
  end(verdict: Pick<VerdictEvent, 'verdict' | 'exitCode' | 'summary' | 'errorCode'>): void;
  /** Milliseconds since the run began. */
  elapsedMs(): number;
}

/** What a stream is made of. */
export interface StreamOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly redactor: Redactor;
  readonly runId: string;
}

/**
 * Stamps every event with its place in the run and takes secrets out of its free text before any sink sees it. An event that says what the one before it said of the
 * same stage and subject is dropped.
 */
export function createEventStream({ clock, redactor, runId }: StreamOptions): EventStream {
  const sinks: EventSink[] = [];
  const last = new Map<string, { readonly event: ProgressEvent; readonly sinceMs: number }>();
  const startedAt = clock.monotonicMs();
  let sequence = 0;
  let isOver = false;
  const elapsedMs = (): number => Math.max(0, Math.round(clock.monotonicMs() - startedAt));
  const stamp = () => {
    sequence += 1;
    return {
      schemaVersion: 1,
      runId,
      sequence,
      time: clock.now().toISOString(),
      elapsedMs: elapsedMs(),
    } as const;
  };
  const tell = (event: RunEvent): void => {
    for (const sink of sinks) sink.see(event);
  };
  const clean = (text: string): string => redactor.redact(text);
  return {
    attach: (sink) => void sinks.push(sink),
    elapsedMs,
    begin: (run) => tell({ ...stamp(), type: 'started', ...run }),
    emit(event) {
      if (isOver) return;
      const key = `${event.set ?? ''}\n${event.release ?? ''}\n${event.stage}\n${event.subject}`;
      const before = last.get(key);
      if (before && sameEvent(before.event, event)) return;
      const now = elapsedMs();
      const isNew = !before || event.state === 'started' || isFinal(before.event);
      const sinceMs = isNew ? now : before.sinceMs;
      last.set(key, { event, sinceMs });
      tell({ ...stamp(), type: 'progress', ...redactEvent(event, clean), sinceMs: now - sinceMs });
    },
    end({ summary, ...verdict }) {
      if (isOver) return;
      isOver = true;
      tell({ ...stamp(), type: 'verdict', ...verdict, summary: clean(summary) });
    },
  };
}

/** True where the two tell the same of the same subject. */
function sameEvent(one: ProgressEvent, other: ProgressEvent): boolean {
  const [a, b] = [one.waitingFor ?? [], other.waitingFor ?? []];
  return (
    one.state === other.state &&
    one.message === other.message &&
    one.count?.done === other.count?.done &&
    one.count?.total === other.count?.total &&
    one.waitingForTotal === other.waitingForTotal &&
    a.length === b.length &&
    a.every(({ name, reason }, index) => name === b[index]?.name && reason === b[index]?.reason)
  );
}

/** True for an event after which its subject does nothing more in that stage. */
export function isFinal({ state }: Pick<StepEvent, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'skipped';
}

/** Names may hold secrets as well as messages do. */
function redactEvent(event: ProgressEvent, clean: (text: string) => string): ProgressEvent {
  const { subject, message, waitingFor, object, release } = event;
  return {
    ...event,
    subject: clean(subject),
    ...(release === undefined ? {} : { release: clean(release) }),
    ...(message === undefined ? {} : { message: clean(message) }),
    ...(object === undefined ? {} : { object: { ...object, name: clean(object.name) } }),
    ...(waitingFor === undefined
      ? {}
      : {
          waitingFor: waitingFor.map(({ kind, name, reason }) => ({
            kind,
            name: clean(name),
            ...(reason === undefined ? {} : { reason: clean(reason) }),
          })),
        }),
  };
}
