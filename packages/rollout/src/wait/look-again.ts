import { createLimiter, type KubeObject, type Ports } from '@zakenak/core';
import { asItEnded, removesItself } from '../objects/ended-job.ts';
import { refOf } from '../objects/object.ts';
import { getIfServed } from '../objects/presence.ts';
import { firstOf } from './release-progress.ts';

/** What looking again needs. */
interface LookContext {
  readonly ports: Pick<Ports, 'kube' | 'clock'>;
  readonly signal: AbortSignal;
}

type See = (key: string, seen: KubeObject | undefined) => void;

const everyMs = 20_000;
/** A Job may have removed itself before its watch began. */
const soonMs = 1_000;
const mostAtATime = 20;
const patienceMs = 10_000;

/**
 * Reads what is still waited for now and then, a few objects at a time: a watch whose connection broke without a word tells nothing for minutes. Ends when the
 * returned function is called.
 */
export function lookNowAndThen(
  pending: ReadonlyMap<string, KubeObject>,
  see: See,
  context: LookContext,
): () => void {
  const stop = new AbortController();
  const over = AbortSignal.any([context.signal, stop.signal]);
  const run = async (): Promise<void> => {
    let pauseMs = [...pending.values()].some(removesItself) ? soonMs : everyMs;
    for (;;) {
      await context.ports.clock.sleep(pauseMs, over);
      pauseMs = everyMs;
      await look(firstOf(pending.entries(), mostAtATime), see, { ...context, signal: over });
    }
  };
  // What cannot be read is told by the watch, or by the end of the wait.
  run().catch(() => undefined);
  return () => stop.abort();
}

/** Reads everything that is still waited for once, for ten seconds at most. */
export async function lookOnce(
  pending: ReadonlyMap<string, KubeObject>,
  see: See,
  { ports, signal }: LookContext,
): Promise<void> {
  const stop = new AbortController();
  const over = AbortSignal.any([signal, stop.signal]);
  const late = ports.clock.sleep(patienceMs, over).catch(() => undefined);
  const looking = look([...pending], see, { ports, signal: over }).catch(() => undefined);
  await Promise.race([looking, late]);
  stop.abort();
}

async function look(
  objects: readonly (readonly [string, KubeObject])[],
  see: See,
  { ports, signal }: LookContext,
): Promise<void> {
  const limit = createLimiter(mostAtATime);
  await Promise.all(
    objects.map(([key, object]) =>
      limit(async () => {
        const live = await getIfServed(refOf(object), ports, signal);
        const seen = live ?? (await asItEnded(object, ports));
        if (!signal.aborted) see(key, seen);
      }),
    ),
  );
}
