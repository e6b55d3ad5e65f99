import { isAbsolute } from 'node:path';
import { exitCodes, type Ports, ZakenakError } from '@zakenak/core';
import { descriptorOf, type EventFile, openEventFile } from '@zakenak/machine';

/** The open file that `--events` names, 1 for stdout; undefined for a path or none. */
export function eventsDescriptor(target: string | undefined): number | undefined {
  return target ? descriptorOf(target.trim()) : undefined;
}

/**
 * Opens what `--events` names: an open file (`-`, `/dev/fd/3`), an absolute path, or a path inside the workspace, which a link cannot lead out of. What cannot be
 * written any more later is told once, and the run goes on. Throws `events/unwritable`, `events/two-on-stdout`, `files/outside-workspace`.
 */
export async function openEvents(
  given: string,
  json: boolean,
  { files, log }: Pick<Ports, 'files' | 'log'>,
): Promise<EventFile> {
  const target = given.trim();
  if (json && eventsDescriptor(target) === 1) throw twoOnStdout();
  const isPlace = isAbsolute(target) || eventsDescriptor(target) !== undefined;
  return openEventFile(isPlace ? target : await files.resolve(target), {
    onFailure: (reason) => log.warn(`No more events are written: ${reason}. The run goes on without them.`),
  });
}

function twoOnStdout(): ZakenakError {
  return new ZakenakError({
    code: 'events/two-on-stdout',
    message: 'Events and the JSON report cannot both go to stdout.',
    remedy:
      'Name a file, as in --events events.ndjson, or another open file: --events /dev/fd/3 with 3>events.ndjson.',
    exitCode: exitCodes.badInput,
  });
}
