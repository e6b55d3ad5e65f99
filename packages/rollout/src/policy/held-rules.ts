import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import { damagedState, requestOf } from '../errors.ts';
import { isListOf, isRecord, isText, textAt } from '../objects/json.ts';
import { refOf } from '../objects/object.ts';
import type { JournalPlace } from '../state/journal.ts';
import { ensureNamespace } from '../state/lock.ts';
import { reviseObject } from '../state/revise.ts';
import { statePlaceOf } from '../state/state-place.ts';
import type { DriftRule, DriftSettings } from './drift-rules.ts';

/** A request whose set's held rules count, wherever its drift is judged. */
export function mindingHeld<
  T extends Parameters<typeof statePlaceOf>[0] & { readonly drift?: DriftSettings },
>(request: T, ports: Pick<Ports, 'kube'>): T & { readonly drift: DriftSettings } {
  return { ...request, drift: { ...request.drift, heldAt: statePlaceOf(request, ports) } };
}

/** What a set's `sync --mode hold` keeps as it is in the cluster: where each field is and since when, never its value. */
export async function readHeldRules(
  place: JournalPlace,
  { kube }: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly DriftRule[]> {
  return rulesIn(await requestOf('Reading what is held', () => kube.get(refOf(storeOf(place, [])), signal)));
}

/** Holds these too, beside what is held and what somebody else holds at the same time. */
export async function addHeldRules(
  rules: readonly DriftRule[],
  place: JournalPlace,
  { kube }: Pick<Ports, 'kube'>,
): Promise<void> {
  const add = (live: KubeObject | undefined): KubeObject => storeOf(place, [...rulesIn(live), ...rules]);
  const write = () => reviseObject(refOf(storeOf(place, [])), add, { kube });
  await requestOf('Writing what is held', () =>
    write().catch(async (error: unknown) => {
      if (!(error instanceof KubeStatusError && error.status === 404)) throw error;
      await ensureNamespace(place.namespace, { kube });
      await write();
    }),
  );
}

/** Holds nothing any more. */
export async function removeHeldRules(place: JournalPlace, { kube }: Pick<Ports, 'kube'>): Promise<void> {
  await requestOf('Writing what is held', () => kube.delete(refOf(storeOf(place, []))));
}

function rulesIn(live: KubeObject | undefined): readonly DriftRule[] {
  try {
    const rules: unknown = JSON.parse(textAt(live, 'data', 'rules') || '[]');
    if (!Array.isArray(rules) || !rules.every(isHeldRule)) throw new Error('it holds no rules');
    return rules;
  } catch (cause) {
    const remedy = 'Delete it, and hold again what is to be held: zakenak sync --mode hold.';
    const { name, namespace } = live?.metadata ?? {};
    throw damagedState(`The ConfigMap ${name} in ${namespace}`, remedy, cause);
  }
}

/** As `holdObject` makes them. */
function isHeldRule(rule: unknown): rule is DriftRule {
  if (!isRecord(rule)) return false;
  const { kind, name, namespace = '', pointers, reason } = rule;
  return [kind, name, namespace, reason].every(isText) && isListOf(pointers, isText);
}

function storeOf({ set, namespace }: JournalPlace, rules: readonly DriftRule[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `zakenak.held.${set}`, namespace },
    data: { rules: JSON.stringify(rules) },
  };
}
