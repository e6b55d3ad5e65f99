import type { RunEvent, StepEvent, VerdictEvent } from '@zakenak/core';
import { isFinal } from './event-stream.ts';

/** How far a release is; other subjects are `other`. */
type Phase = 'plan' | 'deploy' | 'rollback' | 'other';

/** What is known of one release, or of one other subject. */
export interface Row {
  readonly name: string;
  readonly isRelease: boolean;
  readonly phase: Phase;
  /** The newest event. */
  readonly event: StepEvent;
  readonly count: StepEvent['count'];
  /** Milliseconds of the run at which this phase began. */
  readonly startedMs: number;
  /** Milliseconds of the run at which it ended, while nothing new has begun. */
  readonly endedMs?: number;
}

/** Where a run stands, row by row in the order in which they appeared. */
export interface Board {
  /** Returns the row that the event changed, if it is a step. */
  see(event: RunEvent): Row | undefined;
  rows(): readonly Row[];
  readonly verb: string;
  readonly verdict: VerdictEvent | undefined;
  /** The newest step, whatever it is about. */
  readonly newest: StepEvent | undefined;
}

const phases: Readonly<Record<string, Phase>> = {
  render: 'plan',
  plan: 'plan',
  apply: 'deploy',
  wait: 'deploy',
  hook: 'deploy',
  prune: 'deploy',
  rollback: 'rollback',
};
/** Parts of a phase: their end is not its end. */
const parts: ReadonlySet<string> = new Set(['wait', 'hook', 'prune', 'render']);

/** An empty board. */
export function createBoard(): Board {
  const rows = new Map<string, Row>();
  const state: { verb: string; verdict: VerdictEvent | undefined; newest: StepEvent | undefined } = {
    verb: '',
    verdict: undefined,
    newest: undefined,
  };
  return {
    see(event) {
      if (event.type === 'started') state.verb = event.verb;
      if (event.type === 'verdict') state.verdict = event;
      if (event.type !== 'progress') return undefined;
      state.newest = event;
      const key = keyOf(event, rows);
      const row = nextRow(event, rows.get(key));
      rows.set(key, row);
      if (isFinal(event)) rows.delete(newestOf(event));
      return row;
    },
    rows: () => [...rows.values()],
    get verb() {
      return state.verb;
    },
    get verdict() {
      return state.verdict;
    },
    get newest() {
      return state.newest;
    },
  };
}

/** A release has one row for all its stages. What was never announced by `started` (the steps of a build) shares one row. */
function keyOf(event: StepEvent, rows: ReadonlyMap<string, Row>): string {
  if (event.release !== undefined) return `release\n${event.set ?? ''}\n${event.release}`;
  const own = `${event.stage}\n${event.subject}`;
  return event.state === 'waiting' && !rows.has(own) ? newestOf(event) : own;
}

function newestOf({ stage }: StepEvent): string {
  return `newest\n${stage}`;
}

function nextRow(event: StepEvent, before: Row | undefined): Row {
  const isRelease = event.release !== undefined;
  const phase = phaseOf(event, before);
  const isPart = isRelease && parts.has(event.stage);
  // What waited for others begins only now.
  const isSame = before?.phase === phase && !(event.state === 'started' && !isPart);
  const startedMs = isSame ? before.startedMs : event.elapsedMs - event.sinceMs;
  const isOver = isFinal(event) && !isPart;
  return {
    name: event.release ?? event.subject,
    isRelease,
    phase,
    event,
    count: event.stage === 'hook' ? before?.count : (event.count ?? (isSame ? before.count : undefined)),
    startedMs,
    ...(isOver ? { endedMs: event.elapsedMs } : {}),
  };
}

/** A rollback waits and runs hooks too. */
function phaseOf({ stage, release }: StepEvent, before: Row | undefined): Phase {
  const phase = release === undefined ? 'other' : (phases[stage] ?? 'other');
  return before?.phase === 'rollback' && phase === 'deploy' && parts.has(stage) ? 'rollback' : phase;
}
