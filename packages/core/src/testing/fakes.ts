import assert from 'node:assert/strict';
import type { Log, Progress, ProgressEvent } from '../ports/log.ts';
import type { Clock } from '../ports/machine.ts';
import type { Command, ProcessResult, ProcessRunner } from '../ports/process.ts';

/** One program run that a test expects, and what it answers. */
export interface ExpectedRun {
  readonly program: string;
  /** Exact arguments, or a predicate over them. */
  readonly args: readonly string[] | ((args: readonly string[]) => boolean);
  readonly answer?:
    | Partial<ProcessResult>
    | ((command: Command) => Partial<ProcessResult> | Promise<Partial<ProcessResult>>);
}

/** A ProcessRunner that fails on a run that was not expected; `assertAllUsed` fails on one that never came. */
export interface FakeProcess extends ProcessRunner {
  readonly commands: readonly Command[];
  assertAllUsed(): void;
}

/** A strict fake: every expectation serves once, in any order. */
export function fakeProcess(expected: readonly ExpectedRun[]): FakeProcess {
  const open = [...expected];
  const commands: Command[] = [];
  return {
    commands,
    async run(command) {
      commands.push(command);
      const index = open.findIndex(
        (run) => run.program === command.program && matches(run.args, command.args),
      );
      const [run] = index < 0 ? [] : open.splice(index, 1);
      assert.ok(run, `unexpected run: ${command.program} ${command.args.join(' ')}`);
      const answer = typeof run.answer === 'function' ? await run.answer(command) : run.answer;
      const result = { exitCode: 0, stdout: '', stderr: '', durationMs: 1, ...answer };
      for (const line of result.stdout.split('\n').filter(Boolean)) command.onLine?.(line, 'stdout');
      return result;
    },
    assertAllUsed() {
      assert.deepEqual(
        open.map(({ program, args }) => `${program} ${typeof args === 'function' ? '(…)' : args.join(' ')}`),
        [],
      );
    },
  };
}

function matches(wanted: ExpectedRun['args'], given: readonly string[]): boolean {
  if (typeof wanted === 'function') return wanted(given);
  return wanted.length === given.length && wanted.every((arg, index) => arg === given[index]);
}

/** A clock that stands at `start` and moves only by `sleep` and `advance`. */
export function fakeClock(start = '2026-01-01T00:00:00Z'): Clock & { advance(ms: number): void } {
  let now = Date.parse(start);
  return {
    now: () => new Date(now),
    monotonicMs: () => now,
    async sleep(ms) {
      now += ms;
    },
    advance(ms) {
      now += ms;
    },
  };
}

/** A log that keeps its lines as `level: text`. */
export function collectingLog(): Log & { readonly lines: readonly string[] } {
  const lines: string[] = [];
  return {
    lines,
    debug: (message) => void lines.push(`debug: ${message}`),
    info: (message) => void lines.push(`info: ${message}`),
    warn: (message) => void lines.push(`warn: ${message}`),
    error: (message) => void lines.push(`error: ${message}`),
    group: async (title, body) => {
      lines.push(`group: ${title}`);
      return body();
    },
  };
}

/** A progress sink that keeps its events. */
export function collectingProgress(): Progress & { readonly events: readonly ProgressEvent[] } {
  const events: ProgressEvent[] = [];
  return { events, emit: (event) => void events.push(event) };
}
