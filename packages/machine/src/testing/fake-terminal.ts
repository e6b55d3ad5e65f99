import stringWidth from 'string-width';
import type { Terminal } from '../progress/live-table.ts';

/** A terminal of a fixed size that knows what the table uses: new lines, cursor up and down, erasing lines, colours. Anything else throws. */
export interface FakeTerminal extends Terminal {
  /** Every line so far, without colours, the scrolled away ones too; the last is the cursor's. */
  lines(): readonly string[];
  /** How often something was written. */
  readonly writes: number;
  resize(columns: number, rows: number): void;
}

/** An empty one. Lines that are too wide wrap, as in a terminal, and are wrapped anew when the size changes. */
export function createFakeTerminal(columns: number, rows: number): FakeTerminal {
  const size = { columns, rows };
  const hearers = new Set<() => void>();
  // Each line is one that was written; how many rows it takes follows from the width.
  let lines = [''];
  let writes = 0;
  const heightOf = (line: string): number => Math.max(1, Math.ceil(stringWidth(line) / size.columns));
  const up = (count: number): void => {
    let left = count;
    let at = lines.length - 1;
    while (left > 0) {
      at -= 1;
      if (at < 0) throw new Error(`the cursor left the screen by ${left} rows`);
      left -= heightOf(lines[at] ?? '');
    }
    if (left < 0) throw new Error('the cursor stopped inside a wrapped line');
    cursor = at;
  };
  let cursor = 0;
  const put = (text: string): void => {
    for (const part of text.split(/(\n|\r|\u001b\[[0-9;]*[A-Za-z])/)) {
      const [, count = '1', letter] = /^\u001b\[(\d*)[0-9;]*([A-Za-z])$/.exec(part) ?? [];
      if (part === '\n') {
        cursor += 1;
        lines[cursor] ??= '';
      } else if (part === '\r' || letter === 'm') continue;
      else if (letter === 'A') up(Number(count));
      else if (letter === 'B') cursor = Math.min(cursor + Number(count), lines.length - 1);
      else if (letter === 'K') lines[cursor] = '';
      else if (letter === 'J') lines = [...lines.slice(0, cursor), ''];
      else if (letter !== undefined || part.includes('\u001b'))
        throw new Error(`unknown: ${JSON.stringify(part)}`);
      else if (lines[cursor] === '' || part === '') lines[cursor] += part;
      else throw new Error(`written over ${lines[cursor]}`);
    }
  };
  return {
    write(text) {
      writes += 1;
      put(text);
    },
    size: () => size,
    onResize(hear) {
      hearers.add(hear);
      return () => void hearers.delete(hear);
    },
    lines: () => lines,
    get writes() {
      return writes;
    },
    resize(toColumns, toRows) {
      Object.assign(size, { columns: toColumns, rows: toRows });
      for (const hear of hearers) hear();
    },
  };
}
