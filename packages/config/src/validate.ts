import { nearest } from '@zakenak/core';
import { Settings } from 'typebox/system';
import { Errors } from 'typebox/value';
import { type Config, configSchema } from './schema.ts';

/** One thing wrong with the tree, at a JSON pointer. `atKey`: the key itself is what is wrong. */
export interface Problem {
  readonly pointer: string;
  readonly message: string;
  readonly remedy?: string;
  readonly atKey?: boolean;
}

/** Every way in which the tree is not a zakenak.yaml; empty when it is one. */
export function validateConfig(value: unknown): readonly Problem[] {
  Settings.Set({ maxErrors: 200 });
  const problems = new Map<string, Problem>();
  for (const error of Errors(configSchema, value)) {
    for (const problem of describe(error as SchemaError, value)) {
      // The first word on a place is the most precise: branches of a union repeat themselves.
      const key = `${problem.pointer} ${problem.atKey ?? false}`;
      if (!problems.has(key)) problems.set(key, problem);
    }
  }
  if (problems.size > 0) return [...problems.values()];
  return checkReferences(value as Config);
}

interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
    readonly allowedValues?: readonly unknown[];
  };
}

function describe(error: SchemaError, value: unknown): readonly Problem[] {
  const { keyword, instancePath: pointer, params } = error;
  if (keyword === 'boolean') return [];
  if (keyword === 'additionalProperties') {
    const known = knownKeys(error.schemaPath);
    return (params.additionalProperties ?? []).map((key) => {
      const near = nearest(key, known);
      return {
        pointer: `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        atKey: true,
        message: `unknown key '${key}'${near ? `; did you mean '${near}'?` : ''}`,
        remedy: near
          ? `Write '${near}' instead of '${key}'.`
          : `Remove '${key}'; known here: ${known.join(', ')}.`,
      };
    });
  }
  if (keyword === 'required') {
    return [
      {
        pointer,
        message: `${nameOf(pointer)} lacks ${(params.requiredProperties ?? []).map((key) => `'${key}'`).join(', ')}`,
      },
    ];
  }
  if (keyword === 'enum')
    return [
      { pointer, message: `${nameOf(pointer)} must be one of ${(params.allowedValues ?? []).join(', ')}` },
    ];
  const remedy = howToWrite(error, valueAt(value, pointer));
  return [{ pointer, message: `${nameOf(pointer)} ${error.message}`, ...(remedy ? { remedy } : {}) }];
}

/** What to write instead of `given`: the same as what was wanted, or what the schema says of the place. */
function howToWrite({ keyword, schemaPath }: SchemaError, given: unknown): string | undefined {
  const schema = valueAt(configSchema, schemaPath.slice(1)) as Described | undefined;
  const isScalar = ['string', 'number', 'boolean'].includes(typeof given);
  if (keyword === 'type' && isScalar && schema?.type === 'array') return 'Write a list: put it in brackets.';
  if (keyword === 'type' && isScalar && schema?.type === 'string') {
    if (new RegExp(schema.pattern ?? '').test(String(given))) return 'Put it in quotes.';
  }
  const keys = keyword === 'type' && schema?.type === 'object' ? knownKeys(schemaPath) : [];
  return keys.length > 0
    ? `Write a map of keys, of which there are ${keys.join(', ')}.`
    : schema?.description;
}

interface Described {
  readonly type?: string;
  readonly pattern?: string;
  readonly description?: string;
}

/** What lies at a JSON pointer (RFC 6901). */
function valueAt(tree: unknown, pointer: string): unknown {
  const steps = pointer.split('/').slice(1);
  return steps.reduce<unknown>((value, step) => {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    return (value as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  }, tree);
}

function knownKeys(schemaPath: string): readonly string[] {
  const schema = valueAt(configSchema, schemaPath.slice(1));
  return Object.keys((schema as { properties?: object } | undefined)?.properties ?? {});
}

function nameOf(pointer: string): string {
  return pointer === '' ? 'the file' : pointer.slice(1).replaceAll('/', '.');
}

function checkReferences(config: Config): readonly Problem[] {
  const releases = config.deploy?.releases ?? [];
  const names = releases.map(({ name }) => name);
  const environments = Object.keys(config.environments);
  const problems: Problem[] = [];
  if (environments.length === 0)
    problems.push({ pointer: '/environments', message: 'there is no environment' });
  for (const [index, release] of releases.entries()) {
    const pointer = `/deploy/releases/${index}`;
    if (names.indexOf(release.name) < index)
      problems.push({ pointer: `${pointer}/name`, message: `the release '${release.name}' is there twice` });
    problems.push(...checkNames(release.needs ?? [], names, `${pointer}/needs`, 'release'));
    problems.push(
      ...checkNames(release.environments ?? [], environments, `${pointer}/environments`, 'environment'),
    );
  }
  const taken = (config.deploy?.manifests ?? []).length > 0 ? names.indexOf('manifests') : -1;
  if (taken >= 0)
    problems.push({
      pointer: `/deploy/releases/${taken}/name`,
      message: "the release of deploy.manifests is called 'manifests' too",
      remedy: 'Give the release another name.',
    });
  problems.push(...checkDrift(config));
  const cycle = findCycle(new Map(releases.map(({ name, needs }) => [name, needs ?? []])));
  if (cycle) {
    const index = names.indexOf(cycle[0] ?? '');
    problems.push({
      pointer: `/deploy/releases/${index}/needs`,
      message: `releases need each other in a circle: ${cycle.join(' -> ')}`,
      remedy: 'Remove one of these needs.',
    });
  }
  for (const [index, build] of (config.build ?? []).entries()) {
    if (build.release)
      problems.push(...checkNames([build.release], names, `/build/${index}/release`, 'release', true));
  }
  return problems;
}

/** A rule that names no difference would leave whole objects alone by mistake. */
function checkDrift(config: Config): readonly Problem[] {
  const lists = [
    { pointer: '/drift', drift: config.drift },
    ...(config.deploy?.releases ?? []).map(({ drift }, index) => ({
      pointer: `/deploy/releases/${index}/drift`,
      drift,
    })),
  ];
  return lists.flatMap(({ pointer, drift }) =>
    (drift?.ignore ?? []).flatMap(({ pointers, managers }, index) =>
      pointers || managers
        ? []
        : [
            {
              pointer: `${pointer}/ignore/${index}`,
              message: 'the rule names neither pointers nor managers',
              remedy:
                'Write pointers: [/spec/replicas] or managers: [name]; pointers: [""] is the whole object.',
            },
          ],
    ),
  );
}

function checkNames(
  given: readonly string[],
  known: readonly string[],
  pointer: string,
  what: string,
  single = false,
): readonly Problem[] {
  return given.flatMap((name, index) => {
    if (known.includes(name)) return [];
    const near = nearest(name, known);
    return [
      {
        pointer: single ? pointer : `${pointer}/${index}`,
        message: `there is no ${what} '${name}'${near ? `; did you mean '${near}'?` : ''}`,
        remedy: near ? `Write '${near}'.` : `Declare the ${what} or remove the name.`,
      },
    ];
  });
}

/** The names along one circle, first one repeated at the end; undefined where there is none. */
function findCycle(needs: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const need of needs.get(name) ?? []) {
      const cycle = visit(need, [...path, name]);
      if (cycle) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of needs.keys()) {
    const cycle = visit(name, []);
    if (cycle) return cycle;
  }
  return undefined;
}
