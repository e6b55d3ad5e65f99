import type { Progress, ProgressEvent } from './ports/log.ts';

/** Progress whose every event says which set and which release it belongs to; what an event says itself stays. */
export function tagProgress(progress: Progress, tags: Pick<ProgressEvent, 'set' | 'release'>): Progress {
  return { emit: (event) => progress.emit({ ...tags, ...event }) };
}
