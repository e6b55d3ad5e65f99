import { setupSigning, signSetupSpec } from '@zakenak/commits';
import { defineVerb } from '../verb.ts';

/** `zakenak sign`: this clone signs its commits from now on. */
export const signVerb = defineVerb({
  spec: signSetupSpec,
  run: (inputs, { ports }) => setupSigning(inputs, ports),
});
