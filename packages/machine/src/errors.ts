import { exitCodes, ZakenakError } from '@zakenak/core';

/** The program is not on this machine. */
export function programMissing(program: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'tool/missing',
    message: `The program '${program}' cannot be found or run.`,
    remedy: `Install ${program} and put it on the PATH.`,
    exitCode: exitCodes.missing,
    cause,
  });
}

/** The program ran longer than it may. */
export function timedOut(program: string, timeoutMs: number): ZakenakError {
  return new ZakenakError({
    code: 'process/timed-out',
    message: `${program} did not end within ${Math.round(timeoutMs / 1000)} s and was ended.`,
    remedy: 'Find out what it waits for, or raise the timeout.',
    exitCode: exitCodes.outside,
  });
}

/** The program printed more than we keep. */
export function tooMuchOutput(program: string, limit: number): ZakenakError {
  return new ZakenakError({
    code: 'process/too-much-output',
    message: `${program} printed more than ${limit} bytes and was ended.`,
    remedy: 'Narrow the input: fewer charts, commits or objects at a time.',
    exitCode: exitCodes.outside,
  });
}

/** A program that held more memory than it may. */
export function tooMuchMemory(program: string, limitBytes: number): ZakenakError {
  return new ZakenakError({
    code: 'process/too-much-memory',
    message: `${program} held more than ${Math.round(limitBytes / 1024 / 1024)} MiB of memory and was ended.`,
    remedy: 'Look for a template or values that grow without end.',
    exitCode: exitCodes.outside,
  });
}

/** The path leaves the workspace. */
export function outsideWorkspace(path: string, root: string): ZakenakError {
  return new ZakenakError({
    code: 'files/outside-workspace',
    message: `The path '${path}' leaves the workspace ${root}.`,
    remedy: 'Name a path inside the workspace; symbolic links must not lead out of it.',
    exitCode: exitCodes.refused,
  });
}

/** A file operation failed; the code follows the system's errno, and what was tried. */
export function fileError(path: string, cause: unknown, tried: 'read' | 'write'): ZakenakError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  if (tried === 'read' && (errno === 'EACCES' || errno === 'EPERM')) return forbiddenRead(path, cause);
  const kinds: Readonly<Record<string, readonly [string, string, 2 | 3]>> = {
    ENOENT: ['files/not-found', `Check the path '${path}'.`, exitCodes.badInput],
    ENOTDIR: ['files/not-found', `Check the path '${path}'.`, exitCodes.badInput],
    EROFS: [
      'files/read-only',
      'Mount the workspace read-write, or choose another --output-dir.',
      exitCodes.missing,
    ],
    EACCES: [
      'files/read-only',
      'Give this user the right to write there, or choose another --output-dir.',
      exitCodes.missing,
    ],
    EPERM: [
      'files/read-only',
      'Give this user the right to write there, or choose another --output-dir.',
      exitCodes.missing,
    ],
    ENOSPC: ['files/disk-full', 'Free space on the disk.', exitCodes.missing],
  };
  const [code, remedy, exitCode] = kinds[errno] ?? [
    'files/unreadable',
    `Check that '${path}' is a readable file.`,
    exitCodes.missing,
  ];
  return new ZakenakError({
    code,
    message: `${path}: ${cause instanceof Error ? cause.message : errno}`,
    remedy,
    exitCode,
    cause,
  });
}

function forbiddenRead(path: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'files/unreadable',
    message: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: 'Give this user the right to read it, and to enter the folders above it.',
    exitCode: exitCodes.missing,
    cause,
  });
}

/** The system's folder for temporary files cannot be used. */
export function noTemporaryFolder(path: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'files/no-temporary-folder',
    message: `No temporary folder can be made in ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
    remedy: 'Point TMPDIR at a folder that can be written and has room.',
    exitCode: exitCodes.missing,
    cause,
  });
}

/** The server did not answer. */
export function httpUnreachable(url: string, cause: unknown): ZakenakError {
  const reason =
    cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause);
  return new ZakenakError({
    code: 'http/unreachable',
    message: `${new URL(url).origin} cannot be reached: ${reason}.`,
    remedy: 'Check the address, the network and the proxy, then run the same command again.',
    exitCode: exitCodes.outside,
    cause,
  });
}

/** The server took too long. */
export function httpTimedOut(url: string, timeoutMs: number): ZakenakError {
  return new ZakenakError({
    code: 'http/timed-out',
    message: `${new URL(url).origin} did not answer within ${Math.round(timeoutMs / 1000)} s.`,
    remedy: 'Check the server and the network, then run the same command again.',
    exitCode: exitCodes.outside,
  });
}

/** The event stream has nowhere to go. */
export function eventsUnwritable(target: string, cause: unknown): ZakenakError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = code === 'ENXIO' ? 'nobody reads from that pipe' : message;
  return new ZakenakError({
    code: 'events/unwritable',
    message: `The events cannot be written to ${target}: ${reason}.`,
    remedy:
      'Name a file that can be written, - for stdout, or an open file such as /dev/fd/3 (with 3>events.ndjson); start the reader of a named pipe first.',
    exitCode: exitCodes.badInput,
    cause,
  });
}
