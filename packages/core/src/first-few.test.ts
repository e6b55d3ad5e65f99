import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstFew } from './first-few.ts';

test('the first names are told, and how many more there are', () => {
  assert.equal(firstFew([], 2), '');
  assert.equal(firstFew(['a', 'b'], 2), 'a, b');
  assert.equal(firstFew(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more');
  assert.equal(firstFew(['a', 'b', 'c'], 2, '; '), 'a; b and 1 more');
});
