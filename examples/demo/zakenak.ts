import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Report } from '@zakenak/core';
import type { Screen } from './screen.ts';

const cli = join(import.meta.dirname, '../../packages/cli/src/bin.ts');
const leash = join(import.meta.dirname, 'leash.ts');

/** The end of a run of `zakenak`. */
interface Ended {
  readonly exitCode: number;
  readonly report: Report;
}

/** How a verb is run. */
interface VerbOptions {
  /** The checkout it works in; the folder that the demo was started for where nothing is said. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes with which the story goes on; any other ends it. 0 where nothing is said. */
  readonly expect?: readonly number[];
  /** Run although the demo is being cancelled: what cleans up. */
  readonly always?: boolean;
}

/** Runs the real `zakenak` command and returns its report. Throws DemoStopped when it ends otherwise than expected. */
export type Zakenak = (args: readonly string[], options?: VerbOptions) => Promise<Ended>;

/** The story cannot go on. */
export class DemoStopped extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command as a child process of its own: progress passes to the screen as it comes, an abort ends it as Ctrl-C would. */
export function createZakenak(
  screen: Screen,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  signal: AbortSignal,
): Zakenak {
  return async (args, options = {}) => {
    if (!options.always) signal.throwIfAborted();
    const ended = screen.command(`zakenak ${args.map(quote).join(' ')}`);
    const child = spawn(process.execPath, ['--import', leash, cli, ...args, '--json'], {
      cwd: options.directory ?? folder,
      env: { ...env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A terminal's Ctrl-C would reach it too, and ours on top would count as the second one, which ends it at once.
      detached: true,
    });
    const exitCode = await follow(child, screen, options.always ? undefined : signal);
    ended(exitCode.code);
    if (!options.always) signal.throwIfAborted();
    return judge(args, options.expect ?? [0], exitCode.code, exitCode.stdout);
  };
}

async function follow(
  child: ChildProcess,
  screen: Screen,
  signal: AbortSignal | undefined,
): Promise<{ readonly code: number; readonly stdout: string }> {
  const interrupt = () => void child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt, { once: true });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', (line) => {
      // What a forge's runner reads (annotations, masks) is in the report too.
      if (!line.startsWith('::')) screen.progress(line);
    });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, by) => resolve(status ?? (by === 'SIGINT' ? 130 : 143)));
    });
    return { code, stdout };
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

function judge(
  args: readonly string[],
  expected: readonly number[],
  exitCode: number,
  stdout: string,
): Ended {
  let report: Report | undefined;
  try {
    report = JSON.parse(stdout) as Report;
  } catch {
    // Said below.
  }
  if (report && expected.includes(exitCode)) return { exitCode, report };
  const { message, remedy } = report?.error ?? { message: report?.summary ?? stdout, remedy: '' };
  throw new DemoStopped(
    `zakenak ${args[0]} ended with ${exitCode}, the story needs ${expected.join(' or ')}: ${message} ${remedy}`.trim(),
    exitCode || 70,
  );
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
