import {
  asZakenakError,
  createErrorReport,
  type ExitCode,
  exitCodes,
  renderJson,
  renderTerminal,
  ZakenakError,
} from '@zakenak/core';
import { wantsColour } from './colour.ts';
import { exitCodeFor } from './exit-code.ts';

/** Who speaks, and how. */
export interface Voice {
  readonly tool: string;
  readonly json: boolean;
  /** See exitCodeFor. */
  readonly detailed?: boolean;
}

/** Shows what was thrown as a report: JSON on stdout, else text on stderr; with its stack only under ZAKENAK_DEBUG. Returns its exit code. */
export function showFailure(thrown: unknown, { tool, json, detailed = false }: Voice): ExitCode {
  const { env } = process;
  const report = createErrorReport(tool, asZakenakError(thrown));
  if (env.ZAKENAK_DEBUG && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  if (json) process.stdout.write(renderJson(report));
  else process.stderr.write(renderTerminal(report, { colour: wantsColour(env, process.stderr.isTTY) }));
  return exitCodeFor(report, detailed);
}

/**
 * Takes over what Node would end with a stack: an error nobody caught ends the process with 70 and a coded report; a reader that closed the pipe
 * (`zakenak lint | head -1`) is not an error; a report that could not be printed is one, with exit code 3.
 */
export function guardProcess(voice: Voice): void {
  const last = (thrown: unknown) => {
    // Whatever runs is in an unknown state: exit listeners end programs and remove temporary folders.
    process.exit(showFailure(thrown, voice));
  };
  process.on('uncaughtException', last);
  process.on('unhandledRejection', last);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isClosedPipe(error)) return;
    showFailure(unwritable(error), { ...voice, json: false });
    process.once('exit', () => {
      process.exitCode ||= exitCodes.missing;
    });
  });
  // Nothing is left to say it to.
  process.stderr.on('error', () => {});
}

function isClosedPipe({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}

function unwritable(cause: Error): ZakenakError {
  return new ZakenakError({
    code: 'output/unwritable',
    message: `The report could not be printed: ${cause.message}.`,
    remedy: 'Send stdout to a file or pipe that can be written, and free space on its disk.',
    exitCode: exitCodes.missing,
    cause,
  });
}
