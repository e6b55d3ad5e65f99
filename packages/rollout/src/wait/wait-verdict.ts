import { createLimiter, type KubeObject, type Ports } from '@zakenak/core';
import { type ReleaseFailure, ReleaseTimeout } from '../failure.ts';
import { findBlockage, gravityOf } from '../health/blockage.ts';
import { isWorkload } from '../health/culprit.ts';
import { describe, refOf } from '../objects/object.ts';
import { judgeAnswered, type KnownKinds, waitModeOf } from './wait-mode.ts';

/** What the verdict of a wait needs. */
interface VerdictContext {
  readonly ports: Pick<Ports, 'kube'>;
  readonly kinds?: KnownKinds;
  readonly warn?: (text: string) => void;
}

/** What an object says of itself, and what its pods and events say, where that is more. */
export function joinReasons(reason: string, more: string | undefined): string {
  if (!more || reason.includes(more)) return reason;
  return more.includes(reason) ? more : `${reason.replace(/\.$/, '')}: ${more}`;
}

/** The caveat about an object that asks for no more than a warning. */
export function warningOf(text: string): string {
  return `${text} (annotated zakenak.dev/wait: warn).`;
}

const mostReasons = 5;
const mostAtATime = 20;

/** The failure of a wait that lasted too long, with the cause of each object; undefined where only objects remain that ask for no more than a warning. */
export async function timedOut(
  pending: ReadonlyMap<string, KubeObject>,
  timeoutMs: number,
  context: VerdictContext,
): Promise<ReleaseFailure | undefined> {
  const left = [...pending.values()];
  const explain = async (object: KubeObject): Promise<string> => {
    const more = await findBlockage(object, context.ports).catch(() => undefined);
    return `${describe(refOf(object))}: ${joinReasons(judgeAnswered(object, context.kinds).reason, more)}`;
  };
  const after = `not ready after ${Math.round(timeoutMs / 100) / 10} s`;
  for (const object of left.filter((one) => waitModeOf(one) === 'warn'))
    context.warn?.(warningOf(`${after}: ${await explain(object)}`));
  const required = await byGravity(
    left.filter((object) => waitModeOf(object) !== 'warn'),
    context.ports,
  );
  const [first] = required;
  if (!first) return undefined;
  const reasons = await Promise.all(required.slice(0, mostReasons).map(explain));
  const rest = required.length - reasons.length;
  const text = `${after}: ${reasons.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
  return new ReleaseTimeout('rollout/not-ready', text, refOf(first));
}

/** What has crashed first: others may only be waiting for it. Workloads come before what makes no pods. */
async function byGravity(
  objects: readonly KubeObject[],
  ports: VerdictContext['ports'],
): Promise<readonly KubeObject[]> {
  const limit = createLimiter(mostAtATime);
  const judged = await Promise.all(
    objects.map(async (object) => ({
      object,
      gravity:
        (await limit(() => gravityOf(object, ports)).catch(() => undefined)) ?? (isWorkload(object) ? 0 : -1),
    })),
  );
  return judged.toSorted((a, b) => b.gravity - a.gravity).map(({ object }) => object);
}
