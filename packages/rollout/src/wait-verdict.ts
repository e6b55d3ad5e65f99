import type { KubeObject, Ports } from '@zakenak/core';
import { findBlockage } from './blockage.ts';
import { isWorkload } from './culprit.ts';
import { type ReleaseFailure, ReleaseTimeout } from './failure.ts';
import { describe, refOf } from './object.ts';
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
  const required = left.filter((object) => waitModeOf(object) !== 'warn');
  const [first] = [...required.filter(isWorkload), ...required];
  if (!first) return undefined;
  const reasons = await Promise.all(required.slice(0, mostReasons).map(explain));
  const rest = required.length - reasons.length;
  const text = `${after}: ${reasons.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
  return new ReleaseTimeout('rollout/not-ready', text, refOf(first));
}
