import { firstFew, type Ports } from '@zakenak/core';
import { describe } from '../objects/object.ts';

/** What the API server warned of while the plan was tried and carried out, one sentence each: deprecated kinds, Pod Security, admission policies. */
export function serverRemarks({ kube, redactor }: Pick<Ports, 'kube' | 'redactor'>): readonly string[] {
  const remarks = kube.warnings().map(({ text, refs }) => {
    const named = firstFew(refs.map(describe).sort(), 1);
    return redactor.redact(`The API server warns of ${named}: ${text}`);
  });
  return remarks.sort();
}
