import type { EventSink, StepEvent } from '@zakenak/core';
import { type Board, createBoard, type Row } from './board.ts';
import { isFinal } from './event-stream.ts';
import { createGroupMarkers, type GroupMarkers, type GroupStyle } from './groups.ts';
import { cleanLine, describeWaitedFor, detailOf, duration, marks, stateOf } from './words.ts';

/** How lines are written. */
export interface LinesOptions {
  readonly write: (text: string) => void;
  readonly colour?: boolean;
  /** How the CI host folds lines; `plain` where nothing is said. */
  readonly groups?: GroupStyle;
  /** Tells this run's groups from those of others in the same job. */
  readonly runId?: string;
}

/** Lines that tell what changes. */
export interface ProgressLines extends EventSink {
  /** To be called now and then with the milliseconds since the run began: after 30 s without a line it tells who waits for what. */
  beat(elapsedMs: number): void;
}

const silenceMs = 30_000;
const countsEveryMs = 1_000;
const mostBeats = 5;

/** Lines that are kept until their group ends. */
interface Bundle {
  readonly lines: string[];
  readonly since: Date;
  until: Date;
}

/**
 * One line per change. Where the host folds lines, those of a release come together when it is done, under its name, ready objects and time: releases run side by
 * side, and their lines would mix. Everything else, failures and the heartbeat are never folded.
 */
export function createProgressLines(options: LinesOptions): ProgressLines {
  const { groups = 'plain', colour = false } = options;
  const markers = groups === 'plain' ? undefined : createGroupMarkers(groups, options.runId ?? '');
  const board = createBoard();
  const isNews = createNewsFilter();
  const bundles = new Map<string, Bundle>();
  let wroteMs = 0;
  const write = (text: string, elapsedMs: number): void => {
    wroteMs = elapsedMs;
    options.write(text);
  };
  const flush = (key: string, title: string, elapsedMs: number): void => {
    const bundle = bundles.get(key);
    bundles.delete(key);
    if (bundle && markers) write(renderBundle(bundle, title, markers), elapsedMs);
  };
  const flushAll = (elapsedMs: number): void => {
    for (const key of [...bundles.keys()]) flush(key, titleOf(key, board), elapsedMs);
  };
  return {
    see(event) {
      const row = board.see(event);
      if (event.type === 'verdict') flushAll(event.elapsedMs);
      if (event.type !== 'progress') return;
      const key = row && bundleOf(row);
      // What follows the plan begins when it is seen.
      if (key !== planKey && (row?.phase === 'deploy' || row?.phase === 'rollback' || event.stage === 'lock'))
        flush(planKey, titleOf(planKey, board), event.elapsedMs);
      if (!isNews(event)) return;
      const line = renderLine(event, row?.count, colour);
      if (!markers || key === undefined) {
        write(line, event.elapsedMs);
        return;
      }
      keep(bundles, key, line, event);
      if (key === planKey || row?.endedMs === undefined) return;
      flush(key, titleOf(key, board), event.elapsedMs);
      if (event.state === 'failed') write(line, event.elapsedMs);
    },
    beat(elapsedMs) {
      if (board.verdict || elapsedMs - wroteMs < silenceMs) return;
      write(renderBeat(board, elapsedMs, colour), elapsedMs);
    },
  };
}

const planKey = 'plan';

/** Render and plan of all releases are one group, the rest one for each release. */
function bundleOf({ isRelease, phase, name, event }: Row): string | undefined {
  if (!isRelease || phase === 'other') return undefined;
  return phase === 'plan' ? planKey : `${phase}\n${event.set ?? ''}\n${name}`;
}

function keep(bundles: Map<string, Bundle>, key: string, line: string, event: StepEvent): void {
  const until = new Date(event.time);
  const bundle = bundles.get(key) ?? { lines: [], since: until, until };
  bundle.lines.push(line);
  bundle.until = until;
  bundles.set(key, bundle);
}

function renderBundle({ lines, since, until }: Bundle, title: string, markers: GroupMarkers): string {
  return `${markers.open(title, since)}${lines.join('')}${markers.close(until)}`;
}

function titleOf(key: string, board: Board): string {
  const rows = board.rows().filter(({ isRelease }) => isRelease);
  if (key === planKey) {
    const [first] = rows;
    const ms = (board.newest?.elapsedMs ?? 0) - (first?.startedMs ?? 0);
    return `${marks.done[0]} plan  ${rows.length} release${rows.length === 1 ? '' : 's'}  ${duration(ms)}`;
  }
  const row = rows.find((one) => bundleOf(one) === key);
  if (!row) return key.split('\n').at(-1) ?? '';
  const ms = (row.endedMs ?? row.event.elapsedMs) - row.startedMs;
  return `${marks[row.event.state][0]} ${row.name}  ${stateOf(row)}${renderCount(row.count)}  ${duration(ms)}`;
}

function renderCount(count: StepEvent['count']): string {
  return count ? ` ${count.done}/${count.total}` : '';
}

/** The same text about the same subject is told once, and mere counts at most once a second. */
function createNewsFilter(): (event: StepEvent) => boolean {
  const last = new Map<
    string,
    { readonly text: string; readonly words: string; readonly state: string; readonly atMs: number }
  >();
  return (event) => {
    const key = `${event.set ?? ''}\n${event.stage}\n${event.subject}`;
    // The end of the release follows at once.
    if (event.stage === 'wait' && event.state === 'done' && event.release !== undefined) return false;
    const [text, words] = [describe(event, event.count), describe(event, undefined)];
    const before = last.get(key);
    if (before?.text === text && before.state === event.state) return false;
    const isCount = event.state === 'waiting' && before?.words === words;
    const isWhole = event.count?.done === event.count?.total;
    if (isCount && !isWhole && event.elapsedMs - before.atMs < countsEveryMs) return false;
    last.set(key, { text, words, state: event.state, atMs: event.elapsedMs });
    return true;
  };
}

/** The end of a release says how many of its objects are ready. */
function renderLine(event: StepEvent, count: StepEvent['count'], colour: boolean): string {
  const [mark, code] = marks[event.state];
  const shown = event.count ?? (event.release !== undefined && isFinal(event) ? count : undefined);
  return lineOf(event.elapsedMs, paint(mark, code, colour), describe(event, shown));
}

function lineOf(elapsedMs: number, mark: string, text: string): string {
  return `${(elapsedMs / 1_000).toFixed(1).padStart(6)}s ${mark} ${cleanLine(text)}\n`;
}

function paint(text: string, code: number, colour: boolean): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Why objects are not ready changes more often than a log can bear: the heartbeat tells it. */
function describe(event: StepEvent, count: StepEvent['count']): string {
  const { stage, subject, release, message, waitingFor } = event;
  const waited = waitingFor?.[0]?.kind === 'object' ? '' : describeWaitedFor(event);
  const text = message ?? waited;
  const of = release === undefined || release === subject ? '' : ` (${release})`;
  return `${stage.padEnd(8)} ${subject}${of}${renderCount(count)}${text ? `: ${text}` : ''}`;
}

function renderBeat(board: Board, elapsedMs: number, colour: boolean): string {
  const mark = paint(marks.waiting[0], marks.waiting[1], colour);
  const open = board
    .rows()
    .filter(
      ({ endedMs, phase, event }) => endedMs === undefined && !(phase === 'plan' && event.state === 'done'),
    );
  const running = open.filter((row) => stateOf(row) !== 'queued');
  const shown = [...running, ...open.filter((row) => !running.includes(row))].slice(0, mostBeats);
  const lines = shown.map((row) => {
    const detail = detailOf(row);
    const since = duration(elapsedMs - row.startedMs, true);
    return lineOf(
      elapsedMs,
      mark,
      `${stateOf(row).padEnd(8)} ${row.name}${renderCount(row.count)} for ${since}${detail ? `: ${detail}` : ''}`,
    );
  });
  const rest = open.length - shown.length;
  if (rest > 0) lines.push(lineOf(elapsedMs, mark, `and ${rest} more`));
  if (lines.length === 0) {
    const { newest } = board;
    lines.push(
      lineOf(elapsedMs, mark, `still running${newest ? `, last: ${newest.stage} ${newest.subject}` : ''}`),
    );
  }
  return lines.join('');
}
