import type { Ports } from '@zakenak/core';
import { describe } from '../objects/object.ts';

/** What the API server warned of while the plan was tried and carried out, one sentence each: deprecated kinds, Pod Security, admission policies. */
export function serverRemarks({ kube, redactor }: Pick<Ports, 'kube' | 'redactor'>): readonly string[] {
  const remarks = kube.warnings().map(({ text, refs }) => {
    const [first = '', ...more] = refs.map(describe).sort();
    const others = more.length > 0 ? ` and ${more.length} more` : '';
    return redactor.redact(`The API server warns of ${first}${others}: ${text}`);
  });
  return remarks.sort();
}
