import { generator, type Random } from './mutation.ts';

/** What a parser is given. */
export interface FuzzInput {
  /** Bytes one to one (latin1): sound, slightly broken, hostile or noise. */
  readonly text: string;
  /** What it means, where its maker knows. */
  readonly meant?: string;
}

/** One parser or verdict under random input. */
export interface FuzzTarget {
  readonly name: string;
  generate(random: Random): FuzzInput | Promise<FuzzInput>;
  /** Rejects or throws where the input is not dealt with as promised. */
  check(input: FuzzInput): void | Promise<void>;
}

/** An input that broke a promise. */
export interface FuzzFailure {
  readonly target: string;
  /** Repeats the input where no fresh key is in it; the input itself always does. */
  readonly seed: number;
  readonly input: FuzzInput;
  readonly cause: unknown;
}

/** How long is fuzzed. */
export interface FuzzBudget {
  readonly seed: number;
  /** For all targets together, which take turns. */
  readonly milliseconds: number;
  /** For each target; no end where nothing is said. */
  readonly rounds?: number;
  /** Processor time for one input, 2 s where nothing is said: what takes longer counts as a hang. */
  readonly longestMs?: number;
}

/** Runs the targets in turns until the time is over or an input fails. Gives the number of inputs of each target, and the failure. */
export async function fuzz(
  targets: readonly FuzzTarget[],
  { seed, milliseconds, rounds = Number.POSITIVE_INFINITY, longestMs = 2_000 }: FuzzBudget,
): Promise<{ readonly inputs: ReadonlyMap<string, number>; readonly failure?: FuzzFailure }> {
  const inputs = new Map(targets.map(({ name }) => [name, 0]));
  const end = performance.now() + milliseconds;
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      if (performance.now() >= end) return { inputs };
      const failure = await tryInput(target, seed + round, longestMs);
      if (failure) return { inputs, failure };
      inputs.set(target.name, round + 1);
    }
  }
  return { inputs };
}

async function tryInput(
  target: FuzzTarget,
  seed: number,
  longestMs: number,
): Promise<FuzzFailure | undefined> {
  const input = await target.generate(generator(seed));
  const before = process.cpuUsage();
  try {
    await target.check(input);
    const { user, system } = process.cpuUsage(before);
    const taken = (user + system) / 1000;
    if (taken > longestMs) throw new Error(`it took ${Math.round(taken)} ms`);
    return undefined;
  } catch (cause) {
    return { target: target.name, seed, input, cause };
  }
}

/** Runs a parser that may refuse: by RangeError, by an error of node:crypto, or by one of these codes. Anything else it throws is rethrown. */
export function mayRefuse<T>(parse: () => T, ...codes: readonly string[]): T | undefined {
  try {
    return parse();
  } catch (thrown) {
    const { code = '', message = '' } = thrown as { readonly code?: string; readonly message?: string };
    const crypto = /^ERR_(OSSL|CRYPTO|INVALID_ARG)/.test(code);
    if (codes.includes(code) || crypto) return undefined;
    // An exhausted stack is a RangeError too.
    if (thrown instanceof RangeError && !/call stack/.test(message)) return undefined;
    throw thrown;
  }
}

/** Throws unless it holds. */
export function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
