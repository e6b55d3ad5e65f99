import { type KubeObject, KubeStatusError, type Ports } from '@zakenak/core';
import type { ObjectDrift } from './drift.ts';
import type { DriftRule, DriftSettings } from './drift-rules.ts';
import { damagedState, requestOf } from './errors.ts';
import type { JournalPlace } from './journal.ts';
import { textAt } from './json.ts';
import { refOf } from './object.ts';
import { placeOf } from './transaction.ts';

/** A request whose set's held rules count, wherever its drift is judged. */
export function mindingHeld<T extends Parameters<typeof placeOf>[0] & { readonly drift?: DriftSettings }>(
  request: T,
  ports: Pick<Ports, 'kube'>,
): T & { readonly drift: DriftSettings } {
  return { ...request, drift: { ...request.drift, heldAt: placeOf(request, ports) } };
}

/** What a set's `sync --mode hold` keeps as it is in the cluster: where each field is and since when, never its value. */
export async function readHeldRules(
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
  signal?: AbortSignal,
): Promise<readonly DriftRule[]> {
  const ref = refOf(storeOf(place, []));
  const live = await requestOf('Reading what is held', () => ports.kube.get(ref, signal));
  try {
    return live ? (JSON.parse(textAt(live, 'data', 'rules') || '[]') as readonly DriftRule[]) : [];
  } catch (cause) {
    const remedy = 'Delete it, and hold again what is to be held: zakenak sync --mode hold.';
    throw damagedState(`The ConfigMap ${ref.name} in ${ref.namespace}`, remedy, cause);
  }
}

/** Replaces what is held. */
export async function writeHeldRules(
  rules: readonly DriftRule[],
  place: JournalPlace,
  ports: Pick<Ports, 'kube'>,
): Promise<void> {
  const store = storeOf(place, rules);
  await requestOf('Writing what is held', async () => {
    if (rules.length === 0) return void (await ports.kube.delete(refOf(store)));
    try {
      await ports.kube.create(store);
    } catch (error) {
      if (!(error instanceof KubeStatusError && error.status === 409)) throw error;
      await ports.kube.replace(store);
    }
  });
}

/** The rules that keep a drifted object's fields as they are. */
export function holdObject(
  { ref, state, reason, fields, cure }: ObjectDrift,
  why: string,
): readonly DriftRule[] {
  if (state !== 'drifted') return [];
  const pointers = cure === 'create' || fields.length === 0 ? [''] : fields.map(({ pointer }) => pointer);
  const { kind, name, namespace } = ref;
  return [
    { kind, name, ...(namespace ? { namespace } : {}), pointers, reason: reason ? `${reason}; ${why}` : why },
  ];
}

function storeOf({ set, namespace }: JournalPlace, rules: readonly DriftRule[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `zakenak.held.${set}`, namespace },
    data: { rules: JSON.stringify(rules) },
  };
}
