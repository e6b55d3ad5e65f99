import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWarnings } from './warnings.ts';

const ref = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'apps', name });

test('each text is kept once with the objects that it was told of, whatever is quoted in it', () => {
  const warnings = createWarnings();
  const twice = '299 - "v1 A is deprecated, use \\"B\\"", 299 kube "a\\\\b, 299 - c"';
  warnings.hear(twice, ref('a'));
  warnings.hear('299 - "a\\\\b, 299 - c"', ref('b'));
  warnings.hear('299 - "a\\\\b, 299 - c"', ref('b'));
  for (const none of [undefined, '', '199 - "old"', '299 - "open', 'text']) warnings.hear(none, ref('c'));
  assert.deepEqual(warnings.tell(), [
    { text: 'v1 A is deprecated, use "B"', refs: [ref('a')] },
    { text: 'a\\b, 299 - c', refs: [ref('a'), ref('b')] },
  ]);
});

test('a text for each object fills no memory, and none takes long', () => {
  const warnings = createWarnings();
  for (let index = 0; index < 10_000; index++) warnings.hear(`299 - "text ${index}"`, ref('a'));
  assert.equal(warnings.tell().length, 100);
  const started = performance.now();
  warnings.hear(`299 - "${'\\"'.repeat(100_000)}`, ref('a'));
  warnings.hear('299 - "'.repeat(10_000), ref('a'));
  assert.ok(performance.now() - started < 1_000);
});
