import {
  escapeCommandData,
  escapeTerminal,
  escapeTerminalLine,
  type Log,
  neutralizeCommands,
  type Progress,
  type ProgressEvent,
  type Redactor,
} from '@zakenak/core';

/** How lines are written. */
export interface LogOptions {
  readonly write: (text: string) => void;
  readonly redactor: Redactor;
  readonly colour?: boolean;
  /** Shows debug lines. */
  readonly verbose?: boolean;
  /** `github`: ::group:: commands; `gitlab`: section markers; `plain`: a title and indentation. */
  readonly groups?: 'github' | 'gitlab' | 'plain';
}

const colours = { debug: 2, info: 0, warn: 33, error: 31 } as const;

/** Lines for a person; each passes the redactor and loses control characters and what a CI host would read as a command. */
export function createLog(options: LogOptions): Log {
  let depth = 0;
  const line = (level: keyof typeof colours, message: string) => {
    const shown = neutralizeCommands(escapeTerminal(options.redactor.redact(message)));
    const text = shown.replaceAll('\n', `\n${'  '.repeat(depth)}`);
    const painted = options.colour && colours[level] ? `\u001b[${colours[level]}m${text}\u001b[0m` : text;
    options.write(`${'  '.repeat(depth)}${painted}\n`);
  };
  return {
    debug: (message) => {
      if (options.verbose) line('debug', message);
    },
    info: (message) => line('info', message),
    warn: (message) => line('warn', message),
    error: (message) => line('error', message),
    async group(title, body) {
      const clean = options.redactor.redact(title);
      if (options.groups === 'github') options.write(`::group::${escapeCommandData(clean)}\n`);
      else line('info', clean);
      depth += options.groups === 'github' ? 0 : 1;
      try {
        return await body();
      } finally {
        depth -= options.groups === 'github' ? 0 : 1;
        if (options.groups === 'github') options.write('::endgroup::\n');
      }
    },
  };
}

/** What progress is written with. */
export interface ProgressOptions {
  readonly write: (text: string) => void;
  readonly redactor: Redactor;
  /** Milliseconds since the run began. */
  readonly elapsedMs: () => number;
  readonly colour?: boolean;
}

const marks: Readonly<Record<ProgressEvent['state'], readonly [string, number]>> = {
  started: ['·', 2],
  waiting: ['…', 36],
  done: ['✔', 32],
  failed: ['✖', 31],
  skipped: ['-', 2],
};

/** One line per change: what CI logs and pipes show. The same state of the same subject is not repeated. */
export function createProgressLines(options: ProgressOptions): Progress {
  const last = new Map<string, string>();
  const clean = (text: string) => neutralizeCommands(escapeTerminalLine(options.redactor.redact(text)));
  return {
    emit(event) {
      const key = `${event.stage} ${event.subject}`;
      const text = describe(event);
      if (last.get(key) === text) return;
      last.set(key, text);
      const [mark, colour] = marks[event.state];
      const seconds = (options.elapsedMs() / 1000).toFixed(1).padStart(6);
      const painted = options.colour ? `\u001b[${colour}m${mark}\u001b[0m` : mark;
      options.write(`${seconds}s ${painted} ${clean(text)}\n`);
    },
  };
}

function describe({ stage, subject, message, count }: ProgressEvent): string {
  const parts = count ? ` ${count.done}/${count.total}` : '';
  return `${stage.padEnd(8)} ${subject}${parts}${message ? `: ${message}` : ''}`;
}
