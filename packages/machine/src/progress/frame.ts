import stringWidth from 'string-width';
import type { Board, Row } from './board.ts';
import { cleanLine, detailOf, duration, markOf, marks, stateOf } from './words.ts';

/** The size and abilities of a terminal. */
export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

const mostFailures = 10;

/** What the table shows now: at most as many lines as there is room for above the cursor, each narrower than the terminal. */
export function renderFrame(board: Board, canvas: Canvas, nowMs: number): readonly string[] {
  const rows = board.rows().filter(isShown);
  const room = Math.max(0, canvas.rows - 2);
  const shown = rows.length <= room ? rows : mostUrgent(rows, Math.max(0, room - 1));
  const rest = rows.filter((row) => !shown.includes(row));
  const hasRest = rest.length > 0 && room > 0;
  return [
    ...renderRows(shown, canvas, nowMs),
    ...(hasRest ? [cut(`  and ${rest.length} more: ${tally(rest)}`, canvas.columns - 1)] : []),
    cut(summaryOf(board, nowMs), canvas.columns - 1),
  ];
}

/** What stays when the run is over: what failed, and one line. Nothing where nothing was shown. */
export function renderEnd(board: Board, canvas: Canvas, nowMs: number): readonly string[] {
  const rows = board.rows();
  if (rows.length === 0) return [];
  const failed = rows.filter(({ event, endedMs }) => event.state === 'failed' && endedMs !== undefined);
  return [...renderRows(failed.slice(0, mostFailures), canvas, nowMs), endingOf(board, canvas, nowMs)];
}

/** Releases stay; of other subjects only what runs or failed. */
function isShown({ isRelease, endedMs, event }: Row): boolean {
  return isRelease || endedMs === undefined || event.state === 'failed';
}

/** Failed ones, then those that run, then those that wait for others; in their own order. */
function mostUrgent(rows: readonly Row[], count: number): readonly Row[] {
  const chosen = new Set([...rows].sort((a, b) => urgency(a) - urgency(b)).slice(0, count));
  return rows.filter((row) => chosen.has(row));
}

function urgency(row: Row): number {
  if (row.event.state === 'failed') return 0;
  if (row.endedMs !== undefined) return 3;
  return stateOf(row) === 'queued' ? 2 : 1;
}

function renderRows(rows: readonly Row[], { columns, colour }: Canvas, nowMs: number): readonly string[] {
  const cells = rows.map((row) => ({
    row,
    name: cleanLine(row.name),
    state: stateOf(row),
    count: row.count ? `${row.count.done}/${row.count.total}` : '',
    time: duration((row.endedMs ?? nowMs) - row.startedMs, row.endedMs === undefined),
  }));
  const widest = (pick: (cell: (typeof cells)[number]) => string): number =>
    Math.max(0, ...cells.map((cell) => stringWidth(pick(cell))));
  const nameWidth = Math.min(
    widest(({ name }) => name),
    Math.max(8, Math.floor(columns * 0.4)),
  );
  const widths = {
    state: widest(({ state }) => state),
    count: widest(({ count }) => count),
    time: widest(({ time }) => time),
  };
  return cells.map(({ row, name, state, count, time }) => {
    const [mark, code] = markOf(row);
    const text = [
      pad(cut(name, nameWidth), nameWidth),
      pad(state, widths.state),
      ...(widths.count > 0 ? [count.padStart(widths.count)] : []),
      time.padStart(widths.time),
      cleanLine(detailOf(row)),
    ].join('  ');
    const line = cut(text.trimEnd(), columns - 3);
    return `${colour ? `\u001b[${code}m${mark}\u001b[0m` : mark} ${line}`;
  });
}

/** `deploy  wait  3 ready, 1 waiting, 2 queued  34s`. */
function summaryOf(board: Board, nowMs: number): string {
  const stage = board.newest?.stage ?? '';
  return [board.verb, stage, tally(board.rows()), duration(nowMs, true)]
    .filter(Boolean)
    .map(cleanLine)
    .join('  ');
}

const held: ReadonlySet<string> = new Set(['passed', 'simulated', 'skipped']);

function endingOf(board: Board, { columns, colour }: Canvas, nowMs: number): string {
  const { verdict } = board;
  const state = !verdict ? 'skipped' : held.has(verdict.verdict) ? 'done' : 'failed';
  const [mark, code] = marks[state];
  const text = [board.verb, tally(board.rows()), duration(nowMs)].filter(Boolean).map(cleanLine).join('  ');
  return `${colour ? `\u001b[${code}m${mark}\u001b[0m` : mark} ${cut(text, columns - 3)}`;
}

/** `3 ready, 1 waiting`: how many rows are in each state. */
function tally(rows: readonly Row[]): string {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const word = wordOf(row);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

function wordOf(row: Row): string {
  if (row.isRelease && row.phase !== 'other') return stateOf(row);
  if (row.endedMs === undefined) return 'running';
  return row.event.state;
}

const segmenter = new Intl.Segmenter();

/** The text, or as much of its beginning as fits into `width` columns with an ellipsis. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of segmenter.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return width < 1 ? '' : `${kept}…`;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}
