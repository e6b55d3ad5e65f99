import type { ProgressEvent } from './ports/log.ts';
import type { Verdict } from './report.ts';

/** What every event of a run bears. */
interface Stamp {
  readonly schemaVersion: 1;
  /** Tells the lines of one run from those of others in the same file. */
  readonly runId: string;
  /** 1, 2, 3… without a gap within a run. */
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Milliseconds since the run began, by a clock that never runs backwards. */
  readonly elapsedMs: number;
}

/** The first event of a run. */
export interface StartedEvent extends Stamp {
  readonly type: 'started';
  readonly verb: string;
  readonly version: string;
}

/** A step of work. */
export interface StepEvent extends Stamp, ProgressEvent {
  readonly type: 'progress';
  /** Milliseconds since this stage of this subject began. */
  readonly sinceMs: number;
}

/** The last event of a run: after it nothing comes. */
export interface VerdictEvent extends Stamp {
  readonly type: 'verdict';
  readonly verdict: Verdict;
  readonly exitCode: number;
  readonly summary: string;
  /** Code of the error, where the run could not look or act. */
  readonly errorCode?: string;
}

/** One line of the event stream, as docs/events.schema.json describes it. Free text is redacted. */
export type RunEvent = StartedEvent | StepEvent | VerdictEvent;

/** What hears of every event of a run. */
export interface EventSink {
  see(event: RunEvent): void;
}

const text = (description: string) => ({ type: 'string', description }) as const;
const whole = (description: string, minimum = 0) => ({ type: 'integer', minimum, description }) as const;
const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  ({ type: 'string', enum: values, description }) as const;

const stamp = {
  schemaVersion: {
    const: 1,
    description: 'Grows when a field changes its meaning or goes; new fields may come',
  },
  runId: text('Tells the lines of one run from those of others in the same file'),
  sequence: whole('1, 2, 3… without a gap within a run', 1),
  time: { type: 'string', format: 'date-time', description: 'When, ISO 8601 in UTC' },
  elapsedMs: whole('Milliseconds since the run began, by a clock that never runs backwards'),
} as const;

const object = <const P extends Readonly<Record<string, unknown>>>(
  properties: P,
  optional: readonly string[] = [],
) =>
  ({
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
  }) as const;

const started = object({
  ...stamp,
  type: { const: 'started', description: 'The first event of a run' },
  verb: text('The verb: `deploy`'),
  version: text('Version of Zakenak'),
});

const waitedFor = object(
  {
    kind: oneOf(['release', 'object', 'gpu', 'lock'], 'What it is'),
    name: text('A release’s or a set’s name, an object as `Deployment shop/web`, GPUs in words'),
    reason: text('Why it is not there yet, in its own words'),
  },
  ['reason'],
);

const kubeRef = object(
  {
    apiVersion: text('`apps/v1`'),
    kind: text('`Deployment`'),
    namespace: text('Absent for what is in none'),
    name: text('Name of the object'),
  },
  ['namespace'],
);

const progress = object(
  {
    ...stamp,
    type: { const: 'progress', description: 'A step of work' },
    stage: text(
      '`render`, `plan`, `lock`, `apply`, `wait`, `hook`, `rollback`, `prune`, `build`, `scan`, `install`, `smoke`…',
    ),
    subject: text('What it is about: a release, an object, an image, a program'),
    state: oneOf(['started', 'waiting', 'done', 'failed', 'skipped'], 'Where it stands'),
    sinceMs: whole('Milliseconds since this stage of this subject began'),
    set: text('The set that is rolled out, where it is about one'),
    release: text('The release that it is part of, where it is about one'),
    object: { ...kubeRef, description: 'The object that it is about, where it is one' },
    message: text('More, in words'),
    count: {
      ...object({ done: whole('Parts that are done'), total: whole('All parts') }),
      description: 'Objects that are ready in the stage `wait`, that are written in `apply`',
    },
    waitingFor: {
      type: 'array',
      items: waitedFor,
      description:
        'The first few things that are waited for: releases that are needed, objects that are not ready with their reason',
    },
    waitingForTotal: whole('How many things are waited for, where `waitingFor` leaves some out'),
  },
  ['set', 'release', 'object', 'message', 'count', 'waitingFor', 'waitingForTotal'],
);

const verdict = object(
  {
    ...stamp,
    type: { const: 'verdict', description: 'The last event of a run' },
    verdict: oneOf(
      ['passed', 'failed', 'simulated', 'rolled-back', 'skipped', 'errored'] satisfies readonly Verdict[],
      'What the run concluded',
    ),
    exitCode: whole('The exit code of the command'),
    summary: text('One sentence'),
    errorCode: text('Code of the error, where the run could not look or act'),
  },
  ['errorCode'],
);

/** JSON Schema (2020-12) of one line of the event stream: the source of docs/events.schema.json and of the tables in docs/events.md. */
export const runEventSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'One line of what zakenak writes with --events',
  anyOf: [started, progress, verdict],
} as const;
