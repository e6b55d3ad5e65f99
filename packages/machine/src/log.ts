import { escapeTerminal, type Log, neutralizeCommands, type Redactor } from '@zakenak/core';
import { createGroupMarkers, type GroupStyle } from './progress/groups.ts';

/** How lines are written. */
export interface LogOptions {
  readonly write: (text: string) => void;
  readonly redactor: Redactor;
  readonly colour?: boolean;
  /** Shows debug lines. */
  readonly verbose?: boolean;
  /** `plain`, where nothing is said: a title and indentation. */
  readonly groups?: GroupStyle;
}

const colours = { debug: 2, info: 0, warn: 33, error: 31 } as const;

/** Lines for a person; each passes the redactor and loses control characters and what a CI host would read as a command. */
export function createLog(options: LogOptions): Log {
  const { groups = 'plain' } = options;
  const markers = groups === 'plain' ? undefined : createGroupMarkers(groups, `log${process.pid}`);
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
      if (markers) options.write(markers.open(clean, new Date()));
      else line('info', clean);
      depth += markers ? 0 : 1;
      try {
        return await body();
      } finally {
        depth -= markers ? 0 : 1;
        if (markers) options.write(markers.close(new Date()));
      }
    },
  };
}
