/** Lines for a person. Everything passes the redactor before it is written. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Runs `body` inside a foldable group where the host has such. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>;
}

/** One step of visible work. The same stream feeds the terminal's live table, CI lines and NDJSON. */
export interface ProgressEvent {
  /** The stage: `render`, `plan`, `apply`, `wait`, `rollback`, `build`, `push`, `scan`, `install`… */
  readonly stage: string;
  /** What it is about: a release, an object, an image, a program. */
  readonly subject: string;
  readonly state: 'started' | 'waiting' | 'done' | 'failed' | 'skipped';
  readonly message?: string;
  /** Parts ready, of all. */
  readonly count?: { readonly done: number; readonly total: number };
}

/** Where progress goes. */
export interface Progress {
  emit(event: ProgressEvent): void;
}
