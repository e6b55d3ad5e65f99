import { exitCodes, ZakenakError } from '@zakenak/core';
import type { ToolEntry } from './manifest.ts';

/** The program cannot be had in any way; `tried` says how each way ended. */
export function toolMissing(name: string, entry: ToolEntry, tried: readonly string[]): ZakenakError {
  const wanted = entry.version ? ` ${entry.version}` : entry.accepts ? ` ${entry.accepts}` : '';
  return new ZakenakError({
    code: 'tool/missing',
    message: `${name}${wanted} (${entry.description}) cannot be had: ${tried.join('; ') || 'it is not on the PATH'}.`,
    remedy: entry.remedy,
    exitCode: exitCodes.missing,
  });
}

/** The only program there is has a version that does not fit. */
export function wrongVersion(name: string, entry: ToolEntry, found: string, path: string): ZakenakError {
  return new ZakenakError({
    code: 'tool/wrong-version',
    message: `${name} is ${found} at ${path}, and ${entry.accepts} is needed (${entry.description}).`,
    remedy: entry.remedy,
    exitCode: exitCodes.missing,
  });
}

/** A download is not the file that was pinned. Nothing of it is kept. */
export function checksumMismatch(name: string, url: string, wanted: string, found: string): ZakenakError {
  return new ZakenakError({
    code: 'tool/checksum-mismatch',
    message: `The download of ${name} from ${url} has SHA-256 ${found}, and ${wanted} is pinned.`,
    remedy: 'Do not use this file: report it, or put a program you trust on the PATH.',
    exitCode: exitCodes.refused,
  });
}

/** Go could not build the program. */
export function buildFailed(name: string, stderr: string): ZakenakError {
  return new ZakenakError({
    code: 'tool/build-failed',
    message: `Go could not build ${name}: ${stderr.trim().split('\n').slice(-5).join(' ')}`,
    remedy:
      'Check that Go is 1.26 or later and that its module proxy can be reached, then run the same command again.',
    exitCode: exitCodes.missing,
  });
}

/** The Go module that this release should bring for a program is not there. */
export function sourceMissing(name: string, folder: string, cause: unknown): ZakenakError {
  return new ZakenakError({
    code: 'tool/source-missing',
    message: `The source that ${name} is built from is not at ${folder}.`,
    remedy: 'Install Zakenak again: its folder `go` belongs beside its bundle.',
    exitCode: exitCodes.missing,
    cause,
  });
}

/** The cache cannot be written: read-only, full, or no folder. */
export function cacheUnwritable(folder: string, cause: Error): ZakenakError {
  return new ZakenakError({
    code: 'tool/cache-unwritable',
    message: `The cache ${folder} cannot be written: ${cause.message}.`,
    remedy: 'Set ZAKENAK_CACHE_DIR to a folder that can be written and has 2 GiB free.',
    exitCode: exitCodes.missing,
    cause,
  });
}
