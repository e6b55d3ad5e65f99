import type { DriftRule } from '../policy/drift-rules.ts';
import type { ObjectDrift } from './drift.ts';

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
