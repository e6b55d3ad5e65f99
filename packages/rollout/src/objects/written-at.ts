import type { KubeObject } from '@zakenak/core';
import { listAt, textAt } from './json.ts';

/** When something other than its status was last written, by the server's clock, in milliseconds; 0 where the object does not tell. */
export function writtenAt(object: KubeObject): number {
  const writes = listAt(object.metadata, 'managedFields').filter(
    (entry) => textAt(entry, 'subresource') === '',
  );
  const times = [
    ...writes.map((entry) => textAt(entry, 'time')),
    textAt(object.metadata, 'creationTimestamp'),
  ];
  return Math.max(0, ...times.map((time) => Date.parse(time)).filter((time) => !Number.isNaN(time)));
}
