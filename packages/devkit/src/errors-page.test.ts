import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsOf, renderErrors } from './errors-page.ts';
import { renderTable } from './markdown-table.ts';
import { literalsOf, splitGroup } from './source-text.ts';

test('a factory’s code, remedy and exit code are read, interpolations as …', () => {
  const source = `
    export function missing(path: string): ZakenakError {
      return new ZakenakError({
        code: 'area/missing', // not "area/other"
        message: \`There is no '\${path}', { not } here.\`,
        remedy: \`Make \${nameOf({ path })}, then 'go'.\`,
        exitCode: exitCodes.badInput,
      });
    }`;
  assert.deepEqual(errorsOf(source, 'x.ts'), [
    { code: 'area/missing', remedies: ["Make …, then 'go'."], exits: [2] },
  ]);
});

test('two codes of one factory have a remedy each', () => {
  const source = `new ZakenakError({ code: bad ? 'a/x' : 'a/y', message, remedy: bad ? 'One.' : 'Two.', exitCode: exitCodes.outside })`;
  assert.deepEqual(
    errorsOf(source, 'x.ts').map(({ code, remedies }) => [code, remedies]),
    [
      ['a/x', ['One.']],
      ['a/y', ['Two.']],
    ],
  );
});

test('codes of a table come with its remedies and exit codes', () => {
  const source = `const kinds = { a: ['a/x', 'One.', exitCodes.missing], b: ['a/y', 'Two.'] };
    throw new ZakenakError({ code, message, remedy, exitCode: exitCodes.outside });`;
  assert.deepEqual(errorsOf(source, 'x.ts'), [
    { code: 'a/x', remedies: ['One.'], exits: [3] },
    { code: 'a/y', remedies: ['Two.'], exits: [4] },
  ]);
});

test('a code that cannot be read is refused with its line', () => {
  const source = `\nthrow new ZakenakError({ code: \`a/\${kind}\`, message, remedy, exitCode });`;
  assert.throws(() => errorsOf(source, 'packages/x/src/errors.ts'), /packages\/x\/src\/errors\.ts:2: /);
});

test('groups split at their own commas only', () => {
  assert.deepEqual(splitGroup("{ a: [1, 2], b: 'x, y', c: f({ d, e }) }"), [
    'a: [1, 2]',
    "b: 'x, y'",
    'c: f({ d, e })',
  ]);
  assert.deepEqual(literalsOf(`x ? 'it\\'s' : \`a \${\`b\`} c\` /* 'no' */`), ["it's", 'a … c']);
});

test('tables are padded and their cells escaped', () => {
  assert.equal(
    renderTable(['a', 'b'], [['x|y', 'long text']]),
    '| a    | b         |\n| ---- | --------- |\n| x\\|y | long text |',
  );
  assert.match(
    renderErrors([{ code: 'a/x', remedies: [], exits: [2, 3] }]),
    /\| `a\/x` \| 2, 3 \| The message says it\. \|/,
  );
});
