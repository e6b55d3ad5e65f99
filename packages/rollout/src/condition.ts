import { listAt, textAt } from './json.ts';

/** `ready`: as wanted; `progressing`: on its way; `failed`: will not get there by itself; `terminating`: being deleted. */
export interface Health {
  readonly state: 'ready' | 'progressing' | 'failed' | 'terminating';
  /** One phrase. */
  readonly reason: string;
}

/** The status of one condition, with its texts. */
export function conditionOf(
  object: unknown,
  type: string,
): { readonly status: string; readonly reason: string; readonly message: string } | undefined {
  const found = listAt(object, 'status', 'conditions').find(
    (condition) => textAt(condition, 'type') === type,
  );
  if (found === undefined) return undefined;
  return {
    status: textAt(found, 'status'),
    reason: textAt(found, 'reason'),
    message: textAt(found, 'message'),
  };
}
