/** One run of a program to completion. There is no shell: `args` reach the program as they are. */
export interface Command {
  /** A name of the toolchain's manifest (`helm`, `git`, …), or an absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** A program of the PATH with its arguments that starts this one inside something: `unshare --user …`. */
  readonly within?: readonly string[];
  readonly cwd?: string;
  /** Added to the inherited environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the program and its children are ended and `process/timed-out` is thrown. */
  readonly timeoutMs?: number;
  /** How stdout is decoded; `latin1` keeps bytes one to one. utf8 where nothing is said. */
  readonly encoding?: 'utf8' | 'latin1';
  /** Called for each whole line as it arrives. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called with stdout's bytes as they arrive, none of which is then kept. What it throws ends the program and is thrown. */
  readonly onChunk?: (chunk: Uint8Array) => void;
  /** Largest stdout kept, in bytes (64 MiB where nothing is said); more throws `process/too-much-output`. */
  readonly maxOutputBytes?: number;
  /** Largest memory that the program itself may hold, in bytes (resident; looked at on Linux only); more ends it and throws `process/too-much-memory`. */
  readonly maxMemoryBytes?: number;
}

/** How a program ended. A non-zero exit is a result, not an exception. */
export interface ProcessResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/**
 * Runs third-party programs. Throws ZakenakError `tool/missing` or `tool/wrong-version` when the program cannot be had,
 * `process/timed-out`, `process/too-much-output`, `process/too-much-memory`, and `run/cancelled` when the signal fires (the program's whole process group is ended first).
 */
export interface ProcessRunner {
  run(command: Command, signal?: AbortSignal): Promise<ProcessResult>;
  /** Absolute path of the program that `run` starts by this name; absent where the runner knows no manifest. */
  resolve?(name: string, signal?: AbortSignal): Promise<string>;
}
