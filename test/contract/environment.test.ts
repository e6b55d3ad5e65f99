import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/environment.md'), 'utf8');

/** What the list names: exact variables, and families such as `ZAKENAK_<NAME>_PATH`. */
const listed = [...page.matchAll(/^\| `(ZAKENAK_[^`]+)`/gm)].map(([, name = '']) => name);
const exact = new Set(listed.filter((name) => !name.includes('<')));
const families = listed.filter((name) => name.includes('<') && name !== 'ZAKENAK_<OUTPUT>');

const sources = globSync(
  [
    'packages/*/src/**/*.ts',
    'packages/*/go/**/*.go',
    'actions/*/src/**/*.ts',
    'scripts/*.mjs',
    'examples/demo/**/*.ts',
  ],
  { cwd: root },
).filter((path) => !path.endsWith('.test.ts'));

/** Every variable that a source names, or the beginning of one that it completes. */
function variablesOf(path: string): readonly string[] {
  const text = readFileSync(join(root, path), 'utf8');
  // __ZAKENAK_VERSION__ is the bundler's constant, no variable.
  return [...text.matchAll(/(?<!_)ZAKENAK_[A-Z0-9_]*(?!\w)/g)].map(([name]) => name);
}

function isListed(name: string): boolean {
  if (exact.has(name)) return true;
  return families.some((family) => {
    const [before = '', after = ''] = family.split(/<[A-Z]+>/);
    return (
      `${name}_` === before ||
      name === before ||
      (name.startsWith(before) && name.endsWith(after) && name.length > before.length + after.length)
    );
  });
}

test('every ZAKENAK_ variable of the sources is in docs/environment.md', () => {
  assert.ok(sources.length > 100, 'the sources were found');
  const missing = sources.flatMap((path) =>
    variablesOf(path)
      .filter((name) => !isListed(name))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

test('docs/environment.md names no variable that the sources do not know', () => {
  const known = new Set(sources.flatMap(variablesOf));
  assert.deepEqual(
    [...exact].filter((name) => !known.has(name)),
    [],
  );
});

test('the list catches what is not in it', () => {
  assert.equal(isListed('ZAKENAK_SURPRISE'), false);
  assert.equal(isListed('ZAKENAK_NVIDIA_SMI_PATH'), true);
});
