import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Report } from '@zakenak/core';

const root = join(import.meta.dirname, '../..');
const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const started = performance.now();

/** Prints a stage's heading with the time since the demo began. */
export function heading(title: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`\n${paint(1, `== ${title}`)} ${paint(2, `(${seconds} s)`)}\n`);
}

/** Prints a sentence of the story. */
export function say(text: string): void {
  process.stdout.write(`${paint(36, '│')} ${text}\n`);
}

/** The end of a run of `zakenak`. */
export interface Ended {
  readonly exitCode: number;
  readonly report: Report;
}

/** How a verb is run. */
export interface VerbOptions {
  /** Folder of the checkout. */
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit code the story needs; any other ends the demo. */
  readonly expect?: number;
  /** Prints the command and its progress. On where nothing is said. */
  readonly loud?: boolean;
}

/** Runs the real `zakenak` command as a child and returns its JSON report. Its progress passes through as it comes. */
export async function zakenak(args: readonly string[], options: VerbOptions): Promise<Ended> {
  const loud = options.loud ?? true;
  if (loud) process.stdout.write(`${paint(2, `$ zakenak ${args.join(' ')}`)}\n`);
  const child = spawn(
    process.execPath,
    [join(root, 'packages/cli/src/bin.ts'), ...args, '--json', '--directory', options.directory],
    {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', loud ? 'inherit' : 'pipe'],
    },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const exitCode = await new Promise<number>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143))),
  );
  const expected = options.expect ?? 0;
  if (exitCode === 130 || exitCode === 143) throw new DemoStopped('cancelled', exitCode);
  if (exitCode !== expected) {
    throw new DemoStopped(
      `zakenak ${args[0]} ended with ${exitCode}, the story needs ${expected}:\n${stderr}${stdout}`,
      exitCode || 70,
    );
  }
  return { exitCode, report: JSON.parse(stdout) as Report };
}

/** The story cannot go on. */
export class DemoStopped extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
