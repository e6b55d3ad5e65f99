import { type ActionSpec, type InputSpec, type InputsOf, parseInputs, type Report } from '@zakenak/core';
import type { RunContext } from './context.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Verb } from './verb.ts';

/** The text given for an input; undefined or empty where none. */
export type ReadInput = (name: string) => string | undefined;

/** An engine bound to zakenak.yaml and the event. */
export type Bound = (read: ReadInput, settings: Settings, context: RunContext) => Promise<Report>;

/** What zakenak.yaml says for an input. */
export type Setting = string | number | boolean | readonly string[] | undefined;

/** Inputs by precedence: what was given, what zakenak.yaml says, the spec's default. Throws `input/missing` and `input/invalid`. */
export function bindInputs<S extends ActionSpec>(
  spec: S,
  read: ReadInput,
  settings: Readonly<Record<string, Setting>>,
): InputsOf<S> {
  return parseInputs(spec, (name) => given(read, name) ?? textOf(settings[name]));
}

/** The text given for an input, undefined where it is empty. */
export function given(read: ReadInput, name: string): string | undefined {
  const text = read(name);
  return text?.trim() ? text : undefined;
}

/** A verb whose inputs named in `from` (to keys of zakenak.yaml) have no default of their own: the file's value counts, then the engine's default. */
export function bindVerb(
  spec: ActionSpec,
  from: Readonly<Record<string, string>>,
  run: Bound,
  settingsOf: (context: RunContext) => Promise<Settings> = readSettings,
): Verb {
  return {
    spec: publishSpec(spec, from),
    async run(inputs, context) {
      const read: ReadInput = (name) =>
        context.ports.host.readInput(name) ?? textOfInput(inputs[name], spec.inputs[name], name in from);
      return run(read, await settingsOf(context), context);
    },
  };
}

/** A default in action.yml would always count as given and hide zakenak.yaml; the description tells it instead. */
function publishSpec(spec: ActionSpec, from: Readonly<Record<string, string>>): ActionSpec {
  const inputs = Object.entries(spec.inputs).map(([name, input]): [string, InputSpec] => {
    const key = from[name];
    if (key === undefined) return [name, input];
    const { default: fallback, ...rest } = input;
    const text = [fallback ?? []].flat().join(',');
    const otherwise = text === '' ? '' : `, else ${text}`;
    const description = `${input.description.replace(/\.$/, '')}. Where not given: ${key} of zakenak.yaml${otherwise}.`;
    return [name, { ...rest, description }];
  });
  return { ...spec, inputs: Object.fromEntries(inputs) };
}

function textOf(setting: Setting): string | undefined {
  if (setting === undefined) return undefined;
  return Array.isArray(setting) ? setting.join('\n') : String(setting);
}

/** A value that a caller in code gave. A bound boolean that is false was not given: that is how one without a default is parsed. */
function textOfInput(value: unknown, input: InputSpec | undefined, bound: boolean): string | undefined {
  if (value === undefined || (bound && value === false)) return undefined;
  if (input?.type === 'duration') return `${value}ms`;
  return textOf(value as Setting);
}
