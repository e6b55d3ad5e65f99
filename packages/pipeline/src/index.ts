export type { RunContext } from './context.ts';
export { publicationInputs } from './publication-inputs.ts';
export { defineVerb, type Verb } from './verb.ts';
