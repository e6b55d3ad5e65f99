import type { KubeRef } from './kube.ts';

/** Lines for a person. Everything passes the redactor before it is written. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Runs `body` inside a foldable group where the host has such. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>;
}

/** One thing that is still waited for. */
export interface WaitedFor {
  readonly kind: 'release' | 'object' | 'gpu' | 'lock';
  /** A release's or a set's name, an object as `Deployment shop/web`, GPUs in words. */
  readonly name: string;
  /** Why it is not there yet, in its own words. */
  readonly reason?: string;
}

/** One step of visible work, as an engine tells it. The shell stamps it (see RunEvent): one stream feeds the live table, CI lines and NDJSON. */
export interface ProgressEvent {
  /** The stage: `render`, `plan`, `lock`, `apply`, `wait`, `hook`, `rollback`, `prune`, `build`, `scan`, `install`… */
  readonly stage: string;
  /** What it is about: a release, an object, an image, a program. */
  readonly subject: string;
  readonly state: 'started' | 'waiting' | 'done' | 'failed' | 'skipped';
  /** The set that is rolled out, where it is about one. */
  readonly set?: string;
  /** The release that it is part of, where it is about one. */
  readonly release?: string;
  /** The object that it is about, where it is one. */
  readonly object?: KubeRef;
  readonly message?: string;
  /** Parts that are done, of all: objects that are ready in the stage `wait`, that are written in `apply`. */
  readonly count?: { readonly done: number; readonly total: number };
  /** The first few things that are waited for. */
  readonly waitingFor?: readonly WaitedFor[];
  /** How many there are in all, where `waitingFor` leaves some out. */
  readonly waitingForTotal?: number;
}

/** Where progress goes. Telling costs next to nothing, and telling the same again is allowed. */
export interface Progress {
  emit(event: ProgressEvent): void;
}
