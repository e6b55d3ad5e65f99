import { type ExitCode, exitCodeOf, exitCodes, type Report } from '@zakenak/core';

/** Name of the input that asks for the exit codes of `helm diff --detailed-exitcode` and `terraform plan -detailed-exitcode`. */
export const detailedExitCode = 'detailed-exitcode';

/**
 * The exit code of a report. With `detailed` 2 means that changes are pending and nothing else: where it would have meant bad input it is 1, as everything is
 * that helm-diff cannot carry out.
 */
export function exitCodeFor(report: Report, detailed: boolean): ExitCode {
  const code = exitCodeOf(report);
  if (!detailed) return code;
  if (code === exitCodes.pass) return report.outputs['has-changes'] === true ? 2 : code;
  return code === exitCodes.badInput ? exitCodes.findings : code;
}

/** Whether detailed exit codes were asked for, also where the rest of the command line cannot be read. */
export function asksForDetail(argv: readonly string[]): boolean {
  return argv.some((word) => /^--detailed-exitcode(=(true|yes|on|1))?$/i.test(word));
}
