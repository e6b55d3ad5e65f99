import type { ActionSpec, InputsOf, Report } from '@zakenak/core';
import type { RunContext } from './context.ts';

/** An action and command: one spec, and what it does. */
export interface Verb {
  readonly spec: ActionSpec;
  run(inputs: Readonly<Record<string, unknown>>, context: RunContext): Promise<Report>;
}

/** A verb whose body sees its inputs typed by its spec. */
export function defineVerb<const S extends ActionSpec>(verb: {
  readonly spec: S;
  run(inputs: InputsOf<S>, context: RunContext): Promise<Report>;
}): Verb {
  // The shells parse by this very spec before they call run.
  return { spec: verb.spec, run: (inputs, context) => verb.run(inputs as InputsOf<S>, context) };
}
