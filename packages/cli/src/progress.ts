import { randomUUID } from 'node:crypto';
import type { CiHost, Clock, Redactor, Report } from '@zakenak/core';
import { createEventStream, createProgressLines, type EventStream, type GroupStyle } from '@zakenak/machine';
import type { Terminal } from '@zakenak/machine/live-table';
import { wantsColour } from './colour.ts';

/** What decides how progress is shown. */
export interface ProgressSetting {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: Pick<CiHost, 'name' | 'capabilities'>;
  readonly quiet: boolean;
  readonly redactor: Redactor;
  readonly clock: Clock;
}

/** The progress of a run, on stderr. */
export interface ShownProgress {
  readonly stream: EventStream;
  /** Writes whole lines to stderr: above the live table, where there is one. */
  readonly print: (text: string) => void;
  /** Tells the stream how the run ended, and takes the table away. */
  end(report: Report, exitCode: number): void;
  close(): void;
}

const beatEveryMs = 5_000;

/** A live table on a terminal, grouped lines on a CI host, plain lines elsewhere, nothing where `quiet`. */
export async function showProgress(setting: ProgressSetting): Promise<ShownProgress> {
  const runId = randomUUID();
  const stream = createEventStream({ ...setting, runId });
  const shown = setting.quiet
    ? silent
    : wantsTable(setting)
      ? await showTable(stream, setting)
      : showLines(stream, setting, runId);
  const leave = (exitCode: number): void => {
    stream.end({ verdict: 'errored', exitCode, summary: 'The run ended before it had a report.' });
    shown.close();
  };
  process.once('exit', leave);
  return {
    stream,
    print: shown.print,
    end({ verdict, summary, error }, exitCode) {
      stream.end({ verdict, exitCode, summary, ...(error ? { errorCode: error.code } : {}) });
      shown.close();
    },
    close() {
      process.off('exit', leave);
      shown.close();
    },
  };
}

type Shown = Pick<ShownProgress, 'print' | 'close'>;

const toStderr = (text: string): void => void process.stderr.write(text);
const silent: Shown = { print: toStderr, close: () => {} };

/** Drawn over only where a person looks on. */
function wantsTable({ env, host }: ProgressSetting): boolean {
  return Boolean(process.stderr.isTTY) && host.name === 'local' && !env.CI && env.TERM !== 'dumb';
}

function showLines(stream: EventStream, { env, host }: ProgressSetting, runId: string): Shown {
  const colour = wantsColour(env, process.stderr.isTTY);
  const lines = createProgressLines({
    write: toStderr,
    colour,
    groups: groupStyleOf(host),
    runId: runId.slice(0, 8),
  });
  stream.attach(lines);
  const beat = setInterval(() => lines.beat(stream.elapsedMs()), beatEveryMs);
  beat.unref();
  return { print: toStderr, close: () => clearInterval(beat) };
}

/** How a CI host folds lines. */
export function groupStyleOf({ name, capabilities }: ProgressSetting['host']): GroupStyle {
  return capabilities.groups && name !== 'bitbucket' && name !== 'local' ? name : 'plain';
}

const terminal: Terminal = {
  write: toStderr,
  size: () => ({ columns: process.stderr.columns, rows: process.stderr.rows }),
  onResize(hear) {
    process.stderr.on('resize', hear);
    return () => process.stderr.off('resize', hear);
  },
};

async function showTable(stream: EventStream, { env }: ProgressSetting): Promise<Shown> {
  // Most runs have no terminal: they do not load it.
  const { createLiveTable } = await import('@zakenak/machine/live-table');
  const table = createLiveTable(terminal, { colour: wantsColour(env, true), elapsedMs: stream.elapsedMs });
  stream.attach(table);
  // Who tells of an error that nobody caught writes past us.
  process.prependListener('uncaughtException', table.close);
  process.prependListener('unhandledRejection', table.close);
  // After Ctrl-Z and fg the shell's own lines are below the table.
  process.on('SIGCONT', table.forget);
  return {
    print: table.print,
    close() {
      table.close();
      process.off('uncaughtException', table.close);
      process.off('unhandledRejection', table.close);
      process.off('SIGCONT', table.forget);
    },
  };
}
