import type { Progress } from '@zakenak/core';

/** Who waits for less is not told. */
const toldAfterMs = 2_000;
const toldEveryMs = 5_000;

/** Requests that the server has turned away or not answered, and that are tried again. */
export interface HoldUps {
  /** One is tried again, `sinceMs` milliseconds after it was sent first. */
  add(request: object, failure: unknown, sinceMs: number): void;
  /** It has its answer, or is given up. */
  remove(request: object, isAnswered: boolean): void;
  /** What was said last to one that is still tried; undefined where none is. */
  latest(): string | undefined;
}

/** None yet. What takes longer is told now and then as the stage `connect` of `subject`, and that it is over. */
export function createHoldUps(subject: string, progress?: Progress): HoldUps {
  const reasons = new Map<object, string>();
  let toldAt: number | undefined;
  const tell = (state: 'waiting' | 'done', message: string): void =>
    progress?.emit({ stage: 'connect', subject, state, message });
  return {
    add(request, failure, sinceMs) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      reasons.delete(request);
      reasons.set(request, reason);
      const now = performance.now();
      if (sinceMs < toldAfterMs || (toldAt !== undefined && now - toldAt < toldEveryMs)) return;
      toldAt = now;
      tell('waiting', `trying again: ${reason}`);
    },
    remove(request, isAnswered) {
      const wasHeldUp = reasons.delete(request);
      if (!wasHeldUp || !isAnswered || reasons.size > 0 || toldAt === undefined) return;
      toldAt = undefined;
      tell('done', 'it answers again');
    },
    latest: () => [...reasons.values()].at(-1),
  };
}
