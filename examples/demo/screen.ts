import { escapeTerminalLine, type Report, renderTerminal } from '@zakenak/core';

/** One stage of the story, as the closing report shows it. */
export interface Chapter {
  readonly title: string;
  /** Sentences, commands, outputs and reports in the order in which they appeared. */
  readonly entries: readonly Entry[];
  readonly durationMs: number;
}

/** What appeared in a chapter. `real` and `simulated` are for the end: what of it was which. */
export type Entry =
  | { readonly kind: 'sentence'; readonly text: string }
  | {
      readonly kind: 'command';
      readonly text: string;
      readonly durationMs: number;
      readonly exitCode: number;
    }
  | { readonly kind: 'output'; readonly title: string; readonly text: string }
  | { readonly kind: 'report'; readonly report: Report };

/** What the demo prints, and keeps for its report. */
export interface Screen {
  /** Runs a stage under its heading; the time it takes is kept, also when it fails. */
  chapter<T>(title: string, body: () => Promise<T>): Promise<T>;
  /** Prints a sentence of the story. */
  say(text: string): void;
  /** Prints the command that is about to run; the function returned tells how it ended. */
  command(text: string): (exitCode: number) => void;
  /** Prints a line of a command's progress. */
  progress(line: string): void;
  /** Prints text as a program wrote it. */
  output(title: string, text: string): void;
  /** Prints what a report found. */
  report(report: Report): void;
  readonly chapters: readonly Chapter[];
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 } as const;

/** A screen that writes with `write`; `now` counts milliseconds. */
export function createScreen(write: (text: string) => void, colour: boolean, now: () => number): Screen {
  const paint = (style: keyof typeof codes, text: string) =>
    colour ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
  const bar = paint('cyan', '│');
  const started = now();
  const chapters: Chapter[] = [];
  let entries: Entry[] = [];
  return {
    chapters,
    async chapter(title, body) {
      const begun = now();
      entries = [];
      write(`\n${paint('bold', `== ${title}`)}  ${paint('dim', `${seconds(begun - started)} s`)}\n`);
      try {
        return await body();
      } finally {
        chapters.push({ title, entries, durationMs: now() - begun });
      }
    },
    say(text) {
      entries.push({ kind: 'sentence', text });
      write(`${bar} ${escapeTerminalLine(text)}\n`);
    },
    command(text) {
      const begun = now();
      const mine = entries;
      write(`${paint('dim', '$')} ${paint('bold', escapeTerminalLine(text))}\n`);
      return (exitCode) => {
        const durationMs = now() - begun;
        mine.push({ kind: 'command', text, durationMs, exitCode });
        const end = exitCode === 0 ? paint('green', 'exit 0') : paint('red', `exit ${exitCode}`);
        write(`  ${end} ${paint('dim', `after ${seconds(durationMs)} s`)}\n`);
      };
    },
    progress: (line) => write(`  ${line}\n`),
    output(title, text) {
      entries.push({ kind: 'output', title, text });
      write(
        `${bar} ${paint('bold', title)}\n${indent(text.trimEnd().split('\n').map(escapeTerminalLine).join('\n'))}\n`,
      );
    },
    report(report) {
      entries.push({ kind: 'report', report });
      write(`${indent(renderTerminal(report, { colour }).trimEnd())}\n`);
    },
  };
}

/** Seconds with one decimal. */
export function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
