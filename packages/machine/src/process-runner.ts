import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Command, cancelled, type ProcessResult, type ProcessRunner, ZakenakError } from '@zakenak/core';
import { programMissing, timedOut, tooMuchMemory, tooMuchOutput } from './errors.ts';

const graceMs = 3_000;
const memoryCheckMs = 100;
const defaultMaxOutput = 64 * 1024 * 1024;
const running = new Set<ChildProcess>();

// A shell that ends by process.exit (a second Ctrl-C) must not leave programs behind.
process.on('exit', () => {
  for (const child of running) killGroup(child, 'SIGKILL');
});

/** Runs programs as children in process groups of their own. `environment` is what they inherit. */
export function createProcessRunner(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ProcessRunner {
  return { run: (command, signal) => runCommand(command, environment, signal) };
}

async function runCommand(
  command: Command,
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<ProcessResult> {
  if (signal?.aborted) throw reasonOf(signal);
  const started = performance.now();
  const [file = '', ...args] = [...(command.within ?? []), command.program, ...command.args];
  const child = spawn(file, args, {
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    env: { ...environment, ...command.env },
    stdio: [command.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  });
  running.add(child);
  const ending = endOnDemand(child, command, signal);
  try {
    if (command.input !== undefined) {
      // A program may end without reading all of its input.
      child.stdin?.on('error', () => {});
      child.stdin?.end(command.input);
    }
    const limit = command.maxOutputBytes ?? defaultMaxOutput;
    const onTooMuch = () => ending.end(tooMuchOutput(command.program, limit));
    const stdout = command.onChunk
      ? passOn(child.stdout, command.onChunk, ending)
      : collect(child.stdout, command, 'stdout', limit, onTooMuch);
    const stderr = collect(child.stderr, command, 'stderr', limit, onTooMuch);
    const exitCode = await waitForExit(child, command);
    const [out, err] = [await stdout, await stderr];
    if (ending.error) throw ending.error;
    return {
      exitCode,
      stdout: out.toString(command.encoding ?? 'utf8'),
      stderr: err.toString('utf8'),
      durationMs: performance.now() - started,
    };
  } finally {
    ending.dispose();
    running.delete(child);
  }
}

function waitForExit(child: ChildProcess, command: Command): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(programMissing(command.program, error)));
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
}

interface Ending {
  error: unknown;
  end(error: unknown): void;
  dispose(): void;
}

/** Ends the program's whole group on timeout, cancellation or by call: SIGTERM first, SIGKILL after a grace. */
function endOnDemand(child: ChildProcess, command: Command, signal?: AbortSignal): Ending {
  const timers: NodeJS.Timeout[] = [];
  const ending: Ending = {
    error: undefined,
    end(error) {
      if (ending.error) return;
      ending.error = error;
      killGroup(child, 'SIGTERM');
      timers.push(setTimeout(() => killGroup(child, 'SIGKILL'), graceMs));
    },
    dispose() {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      // Grandchildren that outlived the program would keep running unseen.
      if (ending.error) killGroup(child, 'SIGKILL');
    },
  };
  const onAbort = () => ending.end(reasonOf(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  const { timeoutMs, maxMemoryBytes } = command;
  if (maxMemoryBytes !== undefined)
    timers.push(
      setInterval(async () => {
        if (ending.error || (await readResidentBytes(child)) <= maxMemoryBytes) return;
        ending.end(tooMuchMemory(command.program, maxMemoryBytes));
        // In its grace it would take more.
        killGroup(child, 'SIGKILL');
      }, memoryCheckMs),
    );
  if (timeoutMs !== undefined)
    timers.push(setTimeout(() => ending.end(timedOut(command.program, timeoutMs)), timeoutMs));
  return ending;
}

/** 0 where the system does not tell (proc(5), statm in pages of 4 KiB on the machines that Kubernetes has nodes on). */
async function readResidentBytes(child: ChildProcess): Promise<number> {
  const statm = await readFile(`/proc/${child.pid}/statm`, 'utf8').catch(() => '');
  return Number(statm.split(' ')[1] ?? 0) * 4096;
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone.
  }
}

async function collect(
  stream: NodeJS.ReadableStream | null,
  command: Command,
  name: 'stdout' | 'stderr',
  limit: number,
  onTooMuch: () => void,
): Promise<Buffer> {
  if (!stream) return Buffer.alloc(0);
  if (command.onLine) {
    const { onLine } = command;
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
      onLine(line, name),
    );
  }
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) onTooMuch();
      else chunks.push(chunk);
    });
    stream.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

/** Gives the stream away piece by piece; the program waits while a piece is looked at. */
function passOn(
  stream: NodeJS.ReadableStream | null,
  onChunk: (chunk: Uint8Array) => void,
  ending: Ending,
): Promise<Buffer> {
  return new Promise((resolve) => {
    if (!stream) return resolve(Buffer.alloc(0));
    stream.on('data', (chunk: Buffer) => {
      if (ending.error) return;
      try {
        onChunk(chunk);
      } catch (error) {
        ending.end(error);
      }
    });
    stream.on('close', () => resolve(Buffer.alloc(0)));
  });
}

function reasonOf(signal: AbortSignal | undefined): ZakenakError {
  return signal?.reason instanceof ZakenakError ? signal.reason : cancelled();
}
