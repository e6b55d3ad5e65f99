import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openList, readKubernetesYaml } from './kubernetes-yaml.ts';

/** What is written where a path leads. */
const writtenAt = (text: string, ...path: readonly (string | number)[]): string =>
  text.slice(readKubernetesYaml(text, { repeatedKeys: 'last' }).offsetOf(path)).split(/[\n,}\]]/)[0] ?? '';

test('a value is found where it is written, in blocks, brackets and quotes', () => {
  const text = 'spec:\n  "containers": # two\n    - name: a\n    - {name: b, "image": c}\n';
  assert.equal(writtenAt(text, 'spec', 'containers', 1, 'image'), 'c');
  assert.equal(writtenAt(text, 'spec', 'containers', 0, 'name'), 'a');
  assert.equal(writtenAt(text, 'spec', 'containers', 0), 'name: a');
});

test('of a repeated key the last one is found, and of what is not written out the nearest that is', () => {
  assert.equal(writtenAt('a: 1\nb: 2\na: 3\n', 'a'), '3');
  assert.equal(writtenAt('a: &a {b: 1}\nc: *a\n', 'c', 'b'), '*a');
  assert.equal(writtenAt('a:\n  b:\n', 'a', 'b'), 'b:');
  assert.equal(writtenAt('a:\n  b: 1\n', 'a', 'x', 'y'), 'b: 1');
  assert.equal(readKubernetesYaml('').offsetOf(['a']), 0);
});

test('positions are those of the text as it was given, also on lines that begin too early', () => {
  const text = 'a:\n  b: [\n1,\n{c: d},\n]\n  e:\t{f: g}\n';
  assert.equal(writtenAt(text, 'a', 'b', 0), '1');
  assert.equal(writtenAt(text, 'a', 'b', 1, 'c'), 'd');
  assert.equal(writtenAt(text, 'a', 'e', 'f'), 'g');
});

test('objects in lists of lists are told with the path to them', () => {
  const pods = { apiVersion: 'v1', kind: 'PodList', items: [{ metadata: { name: 'a' } }, 'text'] };
  assert.deepEqual(openList({ apiVersion: 'v1', kind: 'List', items: [pods] }), [
    {
      value: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
      path: ['items', 0, 'items', 0],
    },
    { value: 'text', path: ['items', 0, 'items', 1] },
  ]);
  assert.deepEqual(openList({ kind: 'PlayList' }), [{ value: { kind: 'PlayList' }, path: [] }]);
});
