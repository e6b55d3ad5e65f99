export type { RunContext } from './context.ts';
export { publicationInputs, publicationInputsOf, publicationOutputs } from './publication-inputs.ts';
export { defineVerb, type Verb } from './verb.ts';
