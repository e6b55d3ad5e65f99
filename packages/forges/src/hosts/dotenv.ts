import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CiHost } from '@zakenak/core';
import type { Environment } from '../environment.ts';
import { hostFileUnwritable } from '../errors.ts';

/** The text of an input on a host without inputs of its own: ZAKENAK_INPUT_<INPUT>. */
export function readInputVariable(env: Environment): CiHost['readInput'] {
  return (input) => env[`ZAKENAK_INPUT_${input.replaceAll('-', '_').toUpperCase()}`];
}

/**
 * Outputs as one line each of `zakenak.env`, the summary as `zakenak-summary.md`, both in the workspace, for hosts that take these from files that a later
 * job reads. `variable` is the one that names the workspace. Throws `host/file-unwritable`.
 */
export function createFileOutputs(
  workspace: string,
  variable: string,
): Pick<CiHost, 'setOutput' | 'appendSummary'> {
  const append = async (file: string, text: string) => {
    const path = join(workspace, file);
    await appendFile(path, text).catch((cause) => {
      throw hostFileUnwritable(variable, path, cause);
    });
  };
  return {
    setOutput: (output, value) =>
      append(
        'zakenak.env',
        `ZAKENAK_${output.replaceAll('-', '_').toUpperCase()}=${value.replace(/[\r\n]+/g, ' ')}\n`,
      ),
    appendSummary: (markdown) => append('zakenak-summary.md', `${markdown}\n`),
  };
}
