import type { Ports } from '@zakenak/core';
import type { JournalPlace } from './journal.ts';
import type { TransactionOptions } from './request.ts';

/** Where a set's lock and journal are. */
export function statePlaceOf(
  { set, stateNamespace }: Pick<TransactionOptions, 'stateNamespace'> & { readonly set: string },
  { kube }: Pick<Ports, 'kube'>,
): JournalPlace {
  return { set, namespace: stateNamespace ?? kube.target.namespace };
}
