import { exitCodes, ZakenakError } from './error.ts';

interface InputBase {
  /** Shown in action.yml, the README table, `--help` and the JSON Schema. */
  readonly description: string;
  readonly required?: true;
  /** The value is masked everywhere before anything else happens. */
  readonly secret?: true;
  /** Why not to use it any more and what to use instead. */
  readonly deprecated?: string;
  /** Further names that it goes by, those that users of other tools know. Where both are given they have to agree. */
  readonly aliases?: readonly string[];
}

/** One input of an action and flag of its verb. Lists are split at newlines and commas; durations are written 90s, 5m, 1h and parsed to milliseconds. */
export type InputSpec =
  /** `notEmpty`: an empty text is refused, and not taken for none: a variable that is unset would ask for more than was meant. */
  | (InputBase & { readonly type: 'string'; readonly default?: string; readonly notEmpty?: true })
  | (InputBase & { readonly type: 'boolean'; readonly default?: boolean })
  | (InputBase & { readonly type: 'integer'; readonly default?: number; readonly minimum?: number })
  | (InputBase & { readonly type: 'duration'; readonly default?: string })
  | (InputBase & {
      readonly type: 'list';
      /** All that may stand in it; anything where nothing is said. */
      readonly choices?: readonly string[];
      readonly default?: readonly string[];
    })
  | (InputBase & { readonly type: 'choice'; readonly choices: readonly string[]; readonly default?: string });

/** The single source of an action.yml, a README table, GitLab inputs, command-line flags and a JSON Schema. */
export interface ActionSpec {
  /** The action's folder: `lint-helm`. */
  readonly name: string;
  /** The verb of the command line: `lint`. */
  readonly verb: string;
  /** One line. */
  readonly summary: string;
  /** Further paragraphs of the help text. */
  readonly details?: string;
  /** A copyable command line, run by a test. */
  readonly example?: string;
  /** Report files beside those that every action writes. */
  readonly reports?: readonly 'gl-secret-detection'[];
  readonly inputs: { readonly [name: string]: InputSpec };
  readonly outputs: { readonly [name: string]: { readonly description: string } };
}

type Value<I extends InputSpec> = I extends { type: 'boolean' }
  ? boolean
  : I extends { type: 'integer' | 'duration' }
    ? number
    : I extends { type: 'list' }
      ? readonly string[]
      : I extends { type: 'choice'; choices: readonly (infer C extends string)[] }
        ? C
        : string;

type Present<I extends InputSpec> = I extends
  | { default: unknown }
  | { required: true }
  | { type: 'list' | 'boolean' }
  ? Value<I>
  : Value<I> | undefined;

/** The inputs of a spec after parsing: kebab-case names, typed values; lists default to empty and booleans to false. */
export type InputsOf<S extends ActionSpec> = { readonly [K in keyof S['inputs']]: Present<S['inputs'][K]> };

/** Keeps the literal types of a spec. */
export function defineSpec<const S extends ActionSpec>(spec: S): S {
  return spec;
}

/** Reads and checks every input of a spec, by any of its names; an empty text counts as not given. Throws ZakenakError `input/missing`, `input/invalid` and `input/conflict`. */
export function parseInputs<S extends ActionSpec>(
  spec: S,
  read: (name: string) => string | undefined,
): InputsOf<S> {
  const parsed: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(spec.inputs))
    parsed[name] = parseInput(name, input, readAgreed(name, input, read));
  return parsed as InputsOf<S>;
}

/** Every name that inputs can be given by; an alias stands behind its input, without a default, since a default counts as given. */
export function namesOf(inputs: ActionSpec['inputs']): ActionSpec['inputs'] {
  const named = Object.entries(inputs).flatMap(([name, input]): [string, InputSpec][] => {
    if (!input.aliases) return [[name, input]];
    const { aliases, default: _, required: __, ...rest } = input;
    const description = `Another name of ${name}`;
    return [[name, input], ...aliases.map((alias): [string, InputSpec] => [alias, { ...rest, description }])];
  });
  return Object.fromEntries(named);
}

/** Reads an input by whichever of its names it was given. */
export function readByAnyName(
  inputs: ActionSpec['inputs'],
  read: (name: string) => string | undefined,
): (name: string) => string | undefined {
  return (name) => {
    const names = [name, ...((Object.hasOwn(inputs, name) ? inputs[name] : undefined)?.aliases ?? [])];
    return read(names.find((candidate) => read(candidate)?.trim()) ?? name);
  };
}

function readAgreed(
  name: string,
  input: InputSpec,
  read: (name: string) => string | undefined,
): string | undefined {
  const given = [name, ...(input.aliases ?? [])].filter((candidate) => read(candidate)?.trim());
  const [first = name, ...others] = given;
  const other = others.find((candidate) => read(candidate)?.trim() !== read(first)?.trim());
  if (other !== undefined) throw conflictingNames(first, other);
  return read(first);
}

function parseInput(name: string, input: InputSpec, raw: string | undefined): unknown {
  const text = raw?.trim() ?? '';
  if (text === '') {
    if (raw !== undefined && input.type === 'string' && input.notEmpty)
      throw invalidInput(name, text, input, 'a name, not an empty text');
    if (input.required) throw missingInput(name, input);
    if (input.type === 'list') return input.default ?? [];
    if (input.type === 'boolean') return input.default ?? false;
    if (input.type === 'duration')
      return input.default === undefined ? undefined : parseDuration(name, input.default);
    return input.default;
  }
  switch (input.type) {
    case 'string':
      return input.secret ? raw : text;
    case 'boolean':
      if (/^(true|yes|on|1)$/i.test(text)) return true;
      if (/^(false|no|off|0)$/i.test(text)) return false;
      throw invalidInput(name, text, input, 'true or false');
    case 'integer':
      if (/^-?\d{1,15}$/.test(text) && Number(text) >= (input.minimum ?? Number.NEGATIVE_INFINITY))
        return Number(text);
      throw invalidInput(name, text, input, wholeNumber(input));
    case 'duration':
      return parseDuration(name, text);
    case 'list':
      return parseList(name, text, input);
    case 'choice':
      if (input.choices.includes(text)) return text;
      throw invalidInput(name, text, input, `one of ${input.choices.join(', ')}`);
  }
}

function parseList(
  name: string,
  text: string,
  input: InputSpec & { readonly choices?: readonly string[] },
): readonly string[] {
  const items = text
    .split(/[\n,]/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const { choices } = input;
  const strange = choices && items.find((item) => !choices.includes(item));
  if (choices && strange !== undefined)
    throw invalidInput(name, strange, input, `any of ${choices.join(', ')}`);
  return items;
}

function wholeNumber({ minimum }: { readonly minimum?: number }): string {
  return minimum === undefined ? 'a whole number' : `a whole number, ${minimum} at least`;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of 90s, 5m, 1h30m. Throws `input/invalid`. */
export function parseDuration(name: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw invalidInput(
      name,
      text,
      { type: 'duration', description: '' },
      'a duration such as 90s, 5m or 1h30m',
    );
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? 's'] ?? 0), 0);
}

function missingInput(name: string, input: InputSpec): ZakenakError {
  return new ZakenakError({
    code: 'input/missing',
    message: `The input '${name}' is required (${input.description})`,
    remedy: `Give '${name}' under \`with:\` in the workflow, or --${name} on the command line.`,
    exitCode: exitCodes.badInput,
  });
}

function conflictingNames(name: string, other: string): ZakenakError {
  return new ZakenakError({
    code: 'input/conflict',
    message: `'${name}' and '${other}' are two names of one input, and they were given different values.`,
    remedy: `Give one of '${name}' and '${other}'.`,
    exitCode: exitCodes.badInput,
  });
}

function invalidInput(name: string, text: string, input: InputSpec, wanted: string): ZakenakError {
  const shown = input.secret ? 'the given value' : JSON.stringify(text.slice(0, 80));
  return new ZakenakError({
    code: 'input/invalid',
    message: `The input '${name}' does not accept ${shown}: it takes ${wanted}.`,
    remedy: `Set '${name}' to ${wanted}.`,
    exitCode: exitCodes.badInput,
  });
}
