import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import type { EventSink } from '@zakenak/core';
import { eventsUnwritable } from '../errors.ts';

/** The NDJSON that a run's events become. */
export interface EventFile extends EventSink {
  /** Waits until a pipe's reader has taken what is left, at most two seconds. */
  close(): Promise<void>;
}

/** What writing events reaches. */
export interface EventFileOptions {
  /** Hears once that nothing more can be written, and why; the run goes on. */
  readonly onFailure: (reason: string) => void;
}

const drainMs = 2_000;

/** The number of an open file that a path stands for: `-`, /dev/stdout, /dev/stderr, /dev/fd/3, /proc/self/fd/3; undefined for any other path. */
export function descriptorOf(target: string): number | undefined {
  if (target === '-' || target === '/dev/stdout') return 1;
  if (target === '/dev/stderr') return 2;
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,4})$/.exec(target) ?? [];
  return number === undefined ? undefined : Number(number);
}

/**
 * Appends each event as one line of JSON to a file, or sends it into an open pipe or socket. A file gets each line in one write before the next step of the run, so
 * that a killed run loses at most the line it was writing; a former run's half line is ended first. `target` is an absolute path, or what `descriptorOf` knows.
 * Throws `events/unwritable`.
 */
export function openEventFile(target: string, { onFailure }: EventFileOptions): EventFile {
  const fd = openTarget(target);
  const isStream = fstatSync(fd).isFIFO() || fstatSync(fd).isSocket();
  const put = isStream
    ? openStream(fd)
    : { write: (line: string) => void writeSync(fd, line), close: async () => {} };
  let isBroken = false;
  const fail = (error: Error): void => {
    if (!isBroken) onFailure(`${target}: ${error.message}`);
    isBroken = true;
  };
  if ('socket' in put) put.socket.on('error', fail);
  return {
    see(event) {
      if (isBroken) return;
      try {
        put.write(`${JSON.stringify(event)}\n`);
      } catch (error) {
        fail(error as Error);
      }
    },
    async close() {
      await put.close();
      // Standard streams are others' as well.
      if (!isStream && fd > 2) closeSync(fd);
    },
  };
}

function openTarget(target: string): number {
  try {
    const fd = descriptorOf(target);
    if (fd !== undefined) return checkDescriptor(fd);
    makeFolders(dirname(target));
    // Without a reader a named pipe would be waited for, for ever.
    const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
    const opened = openSync(target, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o644);
    if (fstatSync(opened).isFile() && endsInsideLine(target)) writeSync(opened, '\n');
    return opened;
  } catch (cause) {
    throw eventsUnwritable(target, cause);
  }
}

/** Node's own way with `recursive` never returns below /proc (node 24). */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  mkdirSync(path);
}

/** Some of the numbers are this process's own: a redirection that was forgotten must not hit them. */
function checkDescriptor(fd: number): number {
  const stat = fstatSync(fd);
  const isTarget = stat.isFile() || stat.isFIFO() || stat.isSocket() || stat.isCharacterDevice();
  if (!isTarget || (fd > 2 && isOwnPipe(fd))) throw new Error('it is not open for writing');
  writeSync(fd, '');
  return fd;
}

/** True for one end of a pipe whose other end is ours too. */
function isOwnPipe(fd: number): boolean {
  const linkOf = (name: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return '';
    }
  };
  const own = linkOf(String(fd));
  if (!own.startsWith('pipe:')) return false;
  return readdirSync('/proc/self/fd').some(
    (name) => Number(name) > 2 && Number(name) !== fd && linkOf(name) === own,
  );
}

function endsInsideLine(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
  } finally {
    closeSync(fd);
  }
}

/** A reader that is slow must not stop the run: what it has not taken waits here. */
function openStream(fd: number) {
  const socket =
    fd === 1
      ? process.stdout
      : fd === 2
        ? process.stderr
        : new Socket({ fd, readable: false, writable: true });
  if ('unref' in socket) socket.unref();
  return {
    socket,
    write: (line: string) => void socket.write(line),
    close: () =>
      new Promise<void>((resolve) => {
        const late = setTimeout(resolve, drainMs);
        socket.write('', () => {
          clearTimeout(late);
          resolve();
        });
      }),
  };
}
