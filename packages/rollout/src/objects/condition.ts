import { listAt, textAt, valueAt } from './json.ts';

/** `ready`: as wanted; `progressing`: on its way; `failed`: will not get there by itself; `terminating`: being deleted. */
export interface Health {
  readonly state: 'ready' | 'progressing' | 'failed' | 'terminating';
  /** One phrase. */
  readonly reason: string;
  /** What whoever relies on a ready object should know, as one phrase: it runs nowhere, say. */
  readonly remark?: string;
}

interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** The generation that it is about, where it says so (metav1.Condition). */
  readonly observedGeneration?: number;
}

/** The status of one condition, with its texts. */
export function conditionOf(object: unknown, type: string): Condition | undefined {
  const found = findCondition(object, type);
  if (found === undefined) return undefined;
  const observedGeneration = valueAt(found, 'observedGeneration');
  return {
    status: textAt(found, 'status'),
    reason: textAt(found, 'reason'),
    message: textAt(found, 'message'),
    ...(typeof observedGeneration === 'number' ? { observedGeneration } : {}),
  };
}

/** One condition as it is in the object: what only some kinds tell in it is there too. */
export function findCondition(object: unknown, type: string): unknown {
  return listAt(object, 'status', 'conditions').find((condition) => textAt(condition, 'type') === type);
}
