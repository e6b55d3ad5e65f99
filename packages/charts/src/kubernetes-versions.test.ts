import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandVersions } from './kubernetes-versions.ts';

test('versions are named one by one, by their minor one, or as a range', () => {
  assert.deepEqual(expandVersions(['1.34.4']), ['1.34.4']);
  assert.deepEqual(expandVersions(['v1.33', '1.33.0']), ['1.33.0']);
  assert.deepEqual(expandVersions(['1.31-1.33', '1.34.4']), ['1.31.0', '1.32.0', '1.33.0', '1.34.4']);
  assert.deepEqual(expandVersions([' 1.31 - v1.32 ']), ['1.31.0', '1.32.0']);
});

for (const entry of ['', 'latest', '1', '1.34-1.31', '1.31-2.1', '1.1-1.99', '1.31.2-1.34.1', '>=1.30'])
  test(`'${entry}' is refused with the ways that there are`, () => {
    assert.throws(() => expandVersions([entry]), { code: 'charts/bad-versions', remedy: /1\.31-1\.34/ });
  });
