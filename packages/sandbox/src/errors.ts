import { exitCodes, ZakenakError } from '@zakenak/core';

/** The folder holds something that no sandbox made. */
export function folderNotOurs(folder: string): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/folder-not-ours',
    message: `${folder} holds files that no sandbox made; it is left as it is.`,
    remedy: 'Name an empty or a new folder for the sandbox.',
    exitCode: exitCodes.refused,
  });
}

/** Another process is starting or stopping a sandbox in the same folder. */
export function folderBusy(folder: string): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/busy',
    message: `Another process is starting or stopping the sandbox in ${folder}.`,
    remedy: 'Wait until it is done, then run the same command again.',
    exitCode: exitCodes.outside,
  });
}

/** A program of the sandbox ended or never became ready; `log` holds its last lines. */
export function startFailed(subject: string, reason: string, log: string, cause?: unknown): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/start-failed',
    message: `The sandbox did not start: ${subject} ${reason}.${log === '' ? '' : `\n${log}`}`,
    remedy: 'Read the last log lines above, then run `zakenak sandbox up` again.',
    exitCode: exitCodes.outside,
    cause,
  });
}

/** Processes of the sandbox are still there after they were killed. */
export function stopFailed(names: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/stop-failed',
    message: `These processes of the sandbox could not be ended: ${names.join(', ')}.`,
    remedy: 'Run `zakenak sandbox down` as the user who started the sandbox.',
    exitCode: exitCodes.outside,
  });
}

/** The machine cannot run what was asked for. */
export function unsupported(what: string, remedy: string): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/unsupported',
    message: what,
    remedy,
    exitCode: exitCodes.missing,
  });
}

/** No sandbox was started in the folder. */
export function sandboxNotRunning(folder: string): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/not-running',
    message: `There is no sandbox in ${folder}.`,
    remedy: 'Start one with `zakenak sandbox up`.',
    exitCode: exitCodes.missing,
  });
}

/** There is a sandbox in the folder, and it cannot be used; `trouble` is a clause that says why. */
export function sandboxBroken(folder: string, trouble: string): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/broken',
    message: `The sandbox in ${folder} cannot be used: ${trouble}.`,
    remedy: 'Run `zakenak sandbox down`, then `zakenak sandbox up`.',
    exitCode: exitCodes.outside,
  });
}

/** The sandbox that runs in the folder is not like the one that was asked for. */
export function sandboxDiffers(folder: string, what: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'sandbox/differs',
    message: `The sandbox that runs in ${folder} was started with other settings: ${what.join(', ')}.`,
    remedy: 'Run `zakenak sandbox down` first, or name another folder.',
    exitCode: exitCodes.refused,
  });
}
