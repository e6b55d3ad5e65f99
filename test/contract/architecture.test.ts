import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

/** What each package may import: names of packages, or of a whole layer. Arrows never point right. */
const layers = {
  core: ['core'],
  formats: ['helm'],
  adapters: ['machine', 'toolchain', 'config', 'kube', 'git', 'forges', 'schemas'],
  engines: ['charts', 'secrets', 'commits', 'images', 'rollout', 'gpu', 'releases'],
  chain: ['pipeline'],
  shells: ['cli'],
} as const;

const allowed: Readonly<Record<string, readonly string[]>> = {
  ...each(layers.core, []),
  // What a chart is, is no engine's alone; files and programs are ports here as well.
  ...each(layers.formats, layers.core),
  ...each(layers.adapters, layers.core),
  // Engines see ports, not adapters.
  ...each(layers.engines, [...layers.core, ...layers.formats]),
  ...each(layers.chain, [...layers.core, 'config', ...layers.engines]),
  ...each(layers.shells, [...layers.core, ...layers.adapters, ...layers.engines, ...layers.chain, 'sandbox']),
  sandbox: [...layers.core, ...layers.adapters],
  devkit: [
    ...layers.core,
    ...layers.formats,
    ...layers.adapters,
    ...layers.engines,
    ...layers.chain,
    ...layers.shells,
    'sandbox',
  ],
};
/** Tests of a package may also wire the real adapters. */
const allowedInTests: readonly string[] = [...layers.core, ...layers.adapters];

/** Rooms of the deploy engine, from the ground up: none imports one above it. The verbs, which lie beside them, import all. */
const floors: readonly string[] = [
  ...['objects', 'fields', 'health', 'kinds', 'wait', 'state', 'policy', 'render'],
  ...['plan', 'rights', 'apply', 'rollback', 'transaction', 'drift'],
];
/** Files beside them that every room speaks with. */
const spokenByAll: readonly string[] = ['errors.ts', 'failure.ts', 'request.ts'];
const engine = 'packages/rollout/src/';

function each(names: readonly string[], may: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [name, may]));
}

interface Import {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
}

function importsOf(file: string): readonly Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  return [...source.matchAll(pattern)].map((match) => ({
    file,
    line: source.slice(0, match.index + match[0].length).split('\n').length,
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
  }));
}

function judge({ file, line, specifier }: Import): string | undefined {
  const owner = file.split('/')[1] ?? '';
  const isTest = file.endsWith('.test.ts');
  if (specifier.startsWith('.')) {
    const target = join(file, '..', specifier);
    return target.startsWith(`packages/${owner}/`)
      ? undefined
      : `${file}:${line}: '${specifier}' climbs over the package's wall; import it by name`;
  }
  const name = /^@zakenak\/([^/]+)/.exec(specifier)?.[1];
  if (!name || name === owner) return undefined;
  const may = [...(allowed[owner] ?? []), ...(isTest ? allowedInTests : [])];
  return may.includes(name)
    ? undefined
    : `${file}:${line}: ${owner} must not import ${name}; allowed: ${may.join(', ') || 'nothing'}`;
}

function judgeFloor({ file, line, specifier }: Import): string | undefined {
  if (!file.startsWith(engine) || file.endsWith('.test.ts') || !specifier.startsWith('.')) return undefined;
  const target = join(file, '..', specifier).slice(engine.length);
  const [from, to] = [file.slice(engine.length), target].map((path) =>
    path.includes('/') ? path.split('/')[0] : '',
  );
  if (!from || spokenByAll.includes(target)) return undefined;
  return to && floors.includes(from) && floors.indexOf(to) <= floors.indexOf(from) && floors.includes(to)
    ? undefined
    : `${file}:${line}: ${from} must not import ${target}, which is above it`;
}

const packages = globSync('packages/*/package.json', { cwd: root }).map((path) => path.split('/')[1] ?? '');
const sources = globSync('packages/*/src/**/*.ts', { cwd: root });

test('every package has its place in the layer table', () => {
  assert.deepEqual(
    packages.filter((name) => !(name in allowed)),
    [],
  );
});

test('no import points to the right or over a wall', () => {
  assert.ok(sources.length > 50, 'the sources were found');
  assert.deepEqual(sources.flatMap(importsOf).map(judge).filter(Boolean), []);
});

test('the rule catches an import that points right', () => {
  assert.match(
    judge({ file: 'packages/core/src/x.ts', line: 1, specifier: '@zakenak/charts' }) ?? '',
    /core must not import charts/,
  );
  assert.match(
    judge({ file: 'packages/charts/src/x.ts', line: 1, specifier: '@zakenak/rollout' }) ?? '',
    /must not import rollout/,
  );
  assert.match(
    judge({ file: 'packages/charts/src/x.ts', line: 1, specifier: '../../rollout/src/x.ts' }) ?? '',
    /wall/,
  );
});

test('no room of the deploy engine imports one above it', () => {
  const inside = sources.flatMap(importsOf).filter(({ file }) => file.startsWith(engine));
  assert.ok(inside.length > 500, 'its imports were found');
  assert.deepEqual(inside.map(judgeFloor).filter(Boolean), []);
  const upward = { file: `${engine}state/lock.ts`, line: 1, specifier: '../plan/plan.ts' };
  assert.match(judgeFloor(upward) ?? '', /state must not import plan/);
  assert.match(judgeFloor({ ...upward, specifier: '../deploy.ts' }) ?? '', /must not import deploy/);
});

test('every imported package is declared by its importer', () => {
  const problems = packages.flatMap((name) => {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    const declared = { ...manifest.dependencies, ...manifest.devDependencies };
    return sources
      .filter((file) => file.startsWith(`packages/${name}/`))
      .flatMap(importsOf)
      .map(({ file, line, specifier }) => ({
        file,
        line,
        dependency: specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/'),
      }))
      .filter(({ dependency }) => !/^(node:|\.)/.test(dependency) && dependency !== `@zakenak/${name}`)
      .filter(({ dependency }) => !(dependency in declared))
      .map(
        ({ file, line, dependency }) =>
          `${file}:${line}: ${dependency} is not in packages/${name}/package.json`,
      );
  });
  assert.deepEqual(problems, []);
});

test('no source file outgrows the house', () => {
  const tooLong = sources.filter(
    (file) =>
      readFileSync(join(root, file), 'utf8').split('\n').length > 351 &&
      !file.endsWith('.test.ts') &&
      !/manifest|table/.test(file),
  );
  assert.deepEqual(tooLong, []);
});

test('no package is empty', () => {
  assert.deepEqual(
    packages.filter((name) => !existsSync(join(root, 'packages', name, 'src/index.ts'))),
    [],
  );
});
