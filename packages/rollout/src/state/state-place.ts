import type { Ports } from '@zakenak/core';
import type { TransactionOptions } from '../request.ts';
import type { JournalPlace } from './journal.ts';

/** Where a set's lock and journal are. */
export function statePlaceOf(
  { set, stateNamespace }: Pick<TransactionOptions, 'stateNamespace'> & { readonly set: string },
  { kube }: Pick<Ports, 'kube'>,
): JournalPlace {
  return { set, namespace: stateNamespace ?? kube.target.namespace };
}
