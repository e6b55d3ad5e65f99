import { createContext, Script } from 'node:vm';
import { Environment } from '@marcbachmann/cel-js';
import type { KubeObject } from '@zakenak/core';
import { badExpression } from '../errors.ts';
import { conditionOf, type Health } from '../objects/condition.ts';
import { describe, refOf } from '../objects/object.ts';
import { isBehind, judgeHealth } from './health.ts';

/**
 * How objects of a kind tell that they are ready, in the Common Expression Language (https://cel.dev) over the object's top-level fields, as Flux's healthCheckExprs read
 * (fluxcd/pkg: runtime/cel). A field that is not there is "not yet", never true.
 */
export interface HealthRule {
  /** With the version: cert-manager.io/v1. */
  readonly apiVersion: string;
  readonly kind: string;
  /** The object is ready when this is true. */
  readonly ready?: string;
  /** It will not become ready by itself when this is true: the deploy fails at once. */
  readonly failed?: string;
  /** In place of `ready`: the condition of this type has to be True. */
  readonly condition?: string;
}

/** Judges an object by the rule of its kind or by its own annotations; undefined where there is neither. */
export type HealthRules = (object: KubeObject) => Health | undefined;

/** The same as `ready` and `failed` of a rule, for one object. */
const annotations = { ready: 'zakenak.dev/ready-when', failed: 'zakenak.dev/failed-when' } as const;

// Expressions come from charts: small ones, and none that runs on.
const limits = {
  maxAstNodes: 500,
  maxDepth: 50,
  maxListElements: 100,
  maxMapEntries: 100,
  maxCallArguments: 8,
};
const longestMs = 250;

/** Made with the first expression: most sets have none. */
let environment: Environment | undefined;

function createEnvironment(): Environment {
  return ['apiVersion', 'kind', 'metadata', 'spec', 'status', 'data'].reduce(
    (known, name) => known.registerVariable(name, 'dyn'),
    new Environment({ homogeneousAggregateLiterals: false, limits }),
  );
}

type Expression = (object: Readonly<Record<string, unknown>>) => unknown;

interface Compiled {
  readonly text: string;
  readonly evaluate: Expression;
}

/** Compiles the rules. Throws ZakenakError `rollout/bad-expression` for one that cannot be true or false. */
export function createHealthRules(rules: readonly HealthRule[]): HealthRules {
  const byKind = new Map(
    rules.map((rule) => [`${rule.apiVersion}/${rule.kind}`, compileRule(rule, `the rule for ${rule.kind}`)]),
  );
  return (object) => {
    const own = compileOwn(object);
    const rule = byKind.get(`${object.apiVersion}/${object.kind}`);
    const ready = own.ready ?? rule?.ready;
    const failed = own.failed ?? rule?.failed;
    return ready || failed ? judgeBy(object, ready, failed) : undefined;
  };
}

/** Throws ZakenakError `rollout/bad-expression` where an annotation of the object is none. */
export function checkExpressions(object: KubeObject): void {
  compileOwn(object);
}

interface Pair {
  readonly ready?: Compiled | undefined;
  readonly failed?: Compiled | undefined;
}

// A condition may say which generation it is about; where the status says it as a whole, that counts.
const isOfNow =
  '(has(status.observedGeneration) || !has(c.observedGeneration) || c.observedGeneration == metadata.generation)';

function compileRule({ ready, failed, condition }: HealthRule, where: string): Pair {
  const byCondition =
    condition === undefined
      ? undefined
      : `status.conditions.exists(c, c.type == ${JSON.stringify(condition)} && c.status == 'True' && ${isOfNow})`;
  return { ready: compile(ready ?? byCondition, where), failed: compile(failed, where) };
}

const compiledOwn = new Map<string, Compiled | undefined>();

/** The watch sees the same object again and again: its expressions are compiled once. */
function compileOwn(object: KubeObject): Pair {
  const given = object.metadata.annotations ?? {};
  const one = (name: keyof typeof annotations): Compiled | undefined => {
    const text = given[annotations[name]];
    if (text === undefined) return undefined;
    const known = compiledOwn.get(text);
    if (known) return known;
    const compiled = compile(text, `${annotations[name]} of ${describe(refOf(object))}`);
    compiledOwn.set(text, compiled);
    return compiled;
  };
  return { ready: one('ready'), failed: one('failed') };
}

function compile(text: string | undefined, where: string): Compiled | undefined {
  if (text === undefined) return undefined;
  try {
    environment ??= createEnvironment();
    const evaluate = environment.parse(text);
    const { valid, type, error } = evaluate.check();
    if (!valid) throw error;
    if (type !== 'bool' && type !== 'dyn') throw new Error(`it is of type ${type}, not true or false`);
    return { text, evaluate: evaluate as Expression };
  } catch (error) {
    throw badExpression(where, text, error instanceof Error ? error.message : String(error));
  }
}

/** Undefined where nothing is said of when it is ready, and it has not failed: then it is judged as without a rule. */
function judgeBy(
  object: KubeObject,
  ready: Compiled | undefined,
  failed: Compiled | undefined,
): Health | undefined {
  const base = judgeHealth(object);
  if (base.state === 'terminating' || isBehind(object)) return base;
  const fields = exact(object) as Readonly<Record<string, unknown>>;
  if (failed && evaluate(failed, fields).isTrue)
    return { state: 'failed', reason: reasonOf(object) || `${failed.text} is true` };
  if (!ready) return undefined;
  const { isTrue, why } = evaluate(ready, fields);
  return isTrue
    ? { state: 'ready', reason: 'ready' }
    : { state: 'progressing', reason: reasonOf(object) || `${ready.text} is not true yet${why}` };
}

function reasonOf(object: KubeObject): string {
  const condition = conditionOf(object, 'Ready');
  return condition?.status === 'True' ? '' : (condition?.message ?? '');
}

const bounded = new Script('evaluate()');

/** Anything but true counts as not yet: a missing field, a wrong type, an expression that runs longer than it may. `why` says what kept it from having a value. */
function evaluate(
  { evaluate }: Compiled,
  fields: Readonly<Record<string, unknown>>,
): { readonly isTrue: boolean; readonly why: string } {
  const context = createContext({ evaluate: () => evaluate(fields) });
  try {
    return { isTrue: bounded.runInContext(context, { timeout: longestMs }) === true, why: '' };
  } catch (error) {
    // The library shows the place in the expression below.
    const [why] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { isTrue: false, why: ` (${why})` };
  }
}

/** CEL tells integers from floats; JSON does not. */
function exact(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, exact(part)]));
}
