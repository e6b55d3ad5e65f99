import { type ActionSpec, exitCodes, type InputSpec, nearest, ZakenakError } from '@zakenak/core';

/** What a command line says after the verb. */
export interface Arguments {
  /** Text given for each input. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Words that belong to no flag. */
  readonly words: readonly string[];
}

/**
 * Reads flags by the spec: `--name value`, `--name=value`, `--flag`, `--flag false` and `--no-flag` for booleans; a list's flag may come again.
 * There are no flags of one dash. Throws `usage/unknown-flag` with the nearest flag, `usage/missing-value`.
 */
export function parseArguments(
  verb: string,
  inputs: ActionSpec['inputs'],
  argv: readonly string[],
): Arguments {
  const given = new Map<string, string>();
  const words: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      words.push(...rest.splice(0));
    } else if (!word.startsWith('-') || word === '-') {
      words.push(word);
    } else if (!word.startsWith('--')) {
      throw unknownFlag(verb, word, Object.keys(inputs));
    } else {
      const [name, value] = readFlag(verb, inputs, word, rest);
      const before = given.get(name);
      given.set(name, before !== undefined && inputs[name]?.type === 'list' ? `${before}\n${value}` : value);
    }
  }
  return { inputs: given, words };
}

function readFlag(
  verb: string,
  inputs: ActionSpec['inputs'],
  word: string,
  rest: string[],
): readonly [string, string] {
  const equals = word.indexOf('=');
  const flag = word.slice(2, equals < 0 ? undefined : equals);
  const input = Object.hasOwn(inputs, flag) ? inputs[flag] : undefined;
  if (input) {
    if (equals >= 0) return [flag, word.slice(equals + 1)];
    if (input.type === 'boolean')
      return [flag, rest[0] === 'true' || rest[0] === 'false' ? (rest.shift() ?? '') : 'true'];
    const value = rest.shift();
    // A value that begins with dashes is written --name=--value: otherwise a forgotten value would eat the next flag.
    if (value === undefined || value.startsWith('--')) throw missingValue(flag, input);
    return [flag, value];
  }
  const positive = flag.startsWith('no-') ? flag.slice(3) : '';
  if (Object.hasOwn(inputs, positive) && inputs[positive]?.type === 'boolean' && equals < 0)
    return [positive, 'false'];
  throw unknownFlag(verb, `--${flag}`, Object.keys(inputs));
}

/**
 * Words are the verb's first input: `zakenak sandbox up`, `zakenak lint helm-charts/ollama`. Several only where it is a list.
 * Throws `usage/unexpected-word` where it takes none or was given by its flag too.
 */
export function takeWords(
  verb: string,
  inputs: ActionSpec['inputs'],
  { inputs: given, words }: Arguments,
): ReadonlyMap<string, string> {
  if (words.length === 0) return given;
  const [first] = Object.entries(inputs);
  const [name = '', input] = first ?? [];
  const takes = input?.type === 'list' || (input?.type !== 'boolean' && words.length === 1);
  if (!input || !takes || given.has(name)) throw unexpectedWord(verb, words.at(takes ? 0 : -1) ?? '');
  return new Map([...given, [name, words.join('\n')]]);
}

function unexpectedWord(verb: string, word: string): ZakenakError {
  return new ZakenakError({
    code: 'usage/unexpected-word',
    message: `zakenak ${verb} does not know what to do with '${word}'.`,
    remedy: `See zakenak ${verb} --help for its flags.`,
    exitCode: exitCodes.badInput,
  });
}

function missingValue(flag: string, input: InputSpec): ZakenakError {
  return new ZakenakError({
    code: 'usage/missing-value',
    message: `--${flag} needs a value (${input.description}).`,
    remedy: `Write --${flag} VALUE, or --${flag}=VALUE where the value begins with dashes.`,
    exitCode: exitCodes.badInput,
  });
}

/** With which helm is told values. */
const valueFlags = /^(?:--set(?:-string|-file|-json|-literal)?|--values|-f)$/;

/** No such flag; `verb` is undefined before any verb. */
export function unknownFlag(verb: string | undefined, flag: string, known: readonly string[]): ZakenakError {
  const near = nearest(flag.replace(/^-+(no-)?/, ''), known);
  const command = verb === undefined ? 'zakenak' : `zakenak ${verb}`;
  const ofHelm = known.includes('environment') && valueFlags.test(flag);
  return new ZakenakError({
    code: 'usage/unknown-flag',
    message: `${command} has no flag ${flag}${near ? `; did you mean --${near}?` : '.'}`,
    remedy: near
      ? `Write --${near}.`
      : ofHelm
        ? 'Write the values into a file, and name it in zakenak.yaml: `values` of a release, or of the environment.'
        : `See ${command} --help.`,
    exitCode: exitCodes.badInput,
  });
}

/** No such verb. */
export function unknownVerb(verb: string, known: readonly string[]): ZakenakError {
  const near = nearest(verb, known);
  return new ZakenakError({
    code: 'usage/unknown-verb',
    message: `There is no verb '${verb}'${near ? `; did you mean '${near}'?` : '.'}`,
    remedy: near ? `Run zakenak ${near}.` : 'See zakenak --help.',
    exitCode: exitCodes.badInput,
  });
}
