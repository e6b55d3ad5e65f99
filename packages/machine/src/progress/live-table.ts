import type { EventSink } from '@zakenak/core';
import stringWidth from 'string-width';
import { createBoard } from './board.ts';
import { type Canvas, renderEnd, renderFrame } from './frame.ts';

/** A terminal to draw on. */
export interface Terminal {
  write(text: string): void;
  /** Its size now; a size that it does not tell counts as 80 × 24. */
  size(): { readonly columns: number | undefined; readonly rows: number | undefined };
  /** Hears of another size, until the returned function is called. */
  onResize(hear: () => void): () => void;
}

/** What a table needs besides its terminal. */
export interface TableOptions {
  readonly colour: boolean;
  readonly elapsedMs: () => number;
}

/** The table that lives at the end of a terminal. */
export interface LiveTable extends EventSink {
  /** Writes whole lines above the table. */
  print(text: string): void;
  /** Somebody else has written below the table, or the terminal came back from another program: what is drawn is left, and drawn anew below. */
  forget(): void;
  /** Replaces the table by what stays of it; nothing is drawn afterwards, and `print` only writes. */
  close(): void;
}

const betweenFramesMs = 100;
const tickMs = 1_000;
// Line by line: tmux keeps in its history what is erased in one go from the first line on.
const eraseBelow = '\u001b[K\u001b[1B\u001b[J\u001b[1A';

/**
 * Draws where the run stands, in place, at most ten times a second. Every frame is one write that erases the former one first, the cursor always rests at the
 * beginning of the line below, and is never hidden: a run that is killed leaves a usable terminal.
 */
export function createLiveTable(terminal: Terminal, options: TableOptions): LiveTable {
  const board = createBoard();
  let drawn: readonly number[] = [];
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  let pending: NodeJS.Timeout | undefined;
  let isClosed = false;
  const canvas = (): Canvas => {
    const { columns, rows } = terminal.size();
    return { columns: columns || 80, rows: rows || 24, colour: options.colour };
  };
  /** A terminal that got narrower has wrapped what was drawn; what scrolled away is out of reach. */
  const erase = ({ columns, rows }: Canvas): string => {
    const lines = drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    drawn = [];
    return lines === 0 || rows < 2 ? '' : `\r\u001b[${Math.min(lines, rows - 1)}A${eraseBelow}`;
  };
  const paint = (above: string): void => {
    clearTimeout(pending);
    pending = undefined;
    const on = canvas();
    const begin = erase(on);
    const lines = renderFrame(board, on, options.elapsedMs());
    drawn = lines.map((line) => stringWidth(line));
    drawnAtMs = options.elapsedMs();
    terminal.write(`${begin}${above}${lines.map((line) => `${line}\n`).join('')}`);
  };
  const schedule = (): void => {
    if (isClosed || pending || board.rows().length === 0) return;
    const wait = Math.max(0, drawnAtMs + betweenFramesMs - options.elapsedMs());
    pending = setTimeout(() => paint(''), wait);
    pending.unref();
  };
  const tick = setInterval(schedule, tickMs);
  tick.unref();
  const stopListening = terminal.onResize(schedule);
  return {
    see(event) {
      board.see(event);
      schedule();
    },
    print(text) {
      if (isClosed || drawn.length === 0) terminal.write(text);
      else paint(text.endsWith('\n') ? text : `${text}\n`);
    },
    forget() {
      drawn = [];
      schedule();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(pending);
      clearInterval(tick);
      stopListening();
      const on = canvas();
      const begin = erase(on);
      const lines = renderEnd(board, on, options.elapsedMs());
      if (begin !== '' || lines.length > 0)
        terminal.write(`${begin}${lines.map((line) => `${line}\n`).join('')}`);
    },
  };
}
